"""The plan of an upgrade: facts of the database, steps with their seconds, room on disks, and hindrances.

How long a step takes is in seconds a row, measured on 14,000 attempts with 670,000 journal rows. The machine
had two cores and was busy with other things. A step that goes through many rows gets a line here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, column, text
from sqlalchemy.engine import Connection

from cbt.config import Settings
from cbt.errors import Unavailable
from cbt.releases import newest_revision
from cbt.storage.engine import database_path
from cbt.storage.migrate import database_revision, refuse_newer
from cbt.storage.types import UtcDateTime, db

TABLES = ("attempt", "journal", "registration", "score", "audit_entry")
"""Tables that grow with the sittings; what an upgrade does to the others takes no time worth telling."""

STEP_SECONDS = 0.05
"""What a step takes in an empty database."""

STEPS: dict[str, dict[str, float]] = {
    "0010": {"attempt": 4e-4},
    "0012": {"journal": 7e-7},
    "0015": {"registration": 1e-4},
    "0017": {"score": 2e-4},
    "0031": {"registration": 6e-6},
    "0060": {"registration": 6e-6},
}
"""By revision, what a step takes for each row of a table. A step that is not here goes through none of them."""

VERIFY = {"journal": 1.5e-5, "score": 8e-4, "audit_entry": 5e-5}
"""What `cbt verify` takes for each row."""

BACKUP_SECONDS_PER_BYTE = 2e-8


_ROOMS = text(
    "SELECT s.name, count(*) FROM sitting_room r JOIN sitting s ON s.id = r.sitting_id"
    " WHERE r.state IN ('admitting', 'running', 'held') GROUP BY s.id, s.name ORDER BY s.id"
)
_PLANNED = (
    text(
        "SELECT name, planned_start_at FROM sitting WHERE state IN ('published', 'admitting')"
        " AND planned_start_at >= :since AND planned_start_at < :until ORDER BY planned_start_at"
    )
    .bindparams(bindparam("since", type_=UtcDateTime), bindparam("until", type_=UtcDateTime))
    .columns(column("name"), column("planned_start_at", UtcDateTime))
)
_ATTEMPTS = text("SELECT count(*) FROM attempt WHERE state IN ('interacting', 'suspended', 'units_done')")
_UNSCORED = text("SELECT count(*) FROM attempt WHERE state = 'closed'")


@dataclass(frozen=True, slots=True)
class PlannedSitting:
    """A published sitting that has not begun; `in_days` counts days of the centre's zone, 0 is today."""

    name: str
    at: datetime
    in_days: int


@dataclass(frozen=True, slots=True)
class UpgradeFacts:
    """A database as it stands before an upgrade."""

    revision: str
    bytes: int
    rows: dict[str, int]
    """Rows of the tables whose number tells how long an upgrade takes."""
    open_rooms: dict[str, int]
    """Rooms that admit, run or are held, by the name of their sitting."""
    planned: tuple[PlannedSitting, ...]
    """Sittings of today and tomorrow."""
    writing: int
    """Attempts that are begun and not closed."""
    unscored: int

    @property
    def current(self) -> bool:
        """Return whether the tables are this version's."""
        return self.revision == newest_revision()


def read_facts(settings: Settings, *, now: datetime) -> UpgradeFacts:
    """Read the database of this app.

    Raise Unavailable("safety.no_database") for an empty one, and as `cbt.storage.migrate.check_migrated`
    does for one
    that cannot be read or is of a later version.
    """
    revision = database_revision()
    if revision is None:
        raise Unavailable("safety.no_database", path=place_of(settings))
    refuse_newer()
    with db.engine.connect() as connection:
        return UpgradeFacts(
            revision=revision,
            bytes=_size(connection, settings),
            rows={name: int(connection.scalar(text(f"SELECT count(*) FROM {name}")) or 0) for name in TABLES},
            open_rooms={row[0]: int(row[1]) for row in connection.execute(_ROOMS)},
            planned=_planned_sittings(connection, ZoneInfo(settings.timezone), now),
            writing=int(connection.scalar(_ATTEMPTS) or 0),
            unscored=int(connection.scalar(_UNSCORED) or 0),
        )


def place_of(settings: Settings) -> str:
    """Return the database as an administrator finds it: the file, or PostgreSQL's name without the password."""
    return str(database_path(settings)) if settings.embedded else settings.database_url.rsplit("@", 1)[-1]


def _planned_sittings(connection: Connection, zone: ZoneInfo, now: datetime) -> tuple[PlannedSitting, ...]:
    today = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    asked = {"since": today, "until": today + timedelta(days=2)}
    found = connection.execute(_PLANNED, asked).all()
    return tuple(
        PlannedSitting(name, at, (at.astimezone(zone).date() - today.date()).days) for name, at in found
    )


def _size(connection: Connection, settings: Settings) -> int:
    if not settings.embedded:
        return int(connection.scalar(text("SELECT pg_database_size(current_database())")) or 0)
    path = database_path(settings)
    files = (path, path.with_name(path.name + "-wal"))
    return sum(file.stat().st_size for file in files if file.exists())


SPARE_BYTES = 64 << 20
BACKUP_SHARE = 1.1
LOG_SHARE = 1.5
"""Of the database: its log holds each page that is changed until the end, and the file grows a little."""


@dataclass(frozen=True, slots=True)
class UpgradeStep:
    """One revision on the way; `seconds` is what it is likely to take."""

    revision: str
    seconds: float


@dataclass(frozen=True, slots=True)
class DiskRoom:
    """What a disk needs to have free, and has; both in bytes."""

    folder: str
    needed: int
    free: int

    @property
    def enough(self) -> bool:
        """Return whether it has."""
        return self.free >= self.needed


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Something to know before an upgrade, as the end of a message id; one that `blocks` stands in the way."""

    what: str
    blocks: bool
    params: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UpgradePlan:
    """What `cbt upgrade` will do."""

    steps: tuple[UpgradeStep, ...]
    backup_seconds: float
    verify_seconds: float
    rooms: tuple[DiskRoom, ...]
    hindrances: tuple[Hindrance, ...]

    @property
    def seconds(self) -> float:
        """Return how long the server is likely to be away."""
        return self.backup_seconds + self.verify_seconds + sum(step.seconds for step in self.steps)

    @property
    def blocked(self) -> bool:
        """Return whether something stands in the way."""
        return any(one.blocks for one in self.hindrances) or not all(room.enough for room in self.rooms)


def plan_upgrade(
    facts: UpgradeFacts,
    *,
    revisions: Sequence[str],
    rooms: Sequence[DiskRoom],
    serving: str,
    backup: bool | None,
) -> UpgradePlan:
    """Plan the way from what `facts` found over `revisions`; `serving` says who holds the installation, "" nobody.

    `rooms` has what is free on each disk and what it needs (`rooms_needed`); `backup` says whether one is made,
    None that one is wanted and has no place yet.
    """
    steps = tuple(UpgradeStep(one, step_seconds(one, facts.rows)) for one in revisions)
    return UpgradePlan(
        steps=steps,
        backup_seconds=facts.bytes * BACKUP_SECONDS_PER_BYTE if backup else 0.0,
        verify_seconds=_seconds(VERIFY, facts.rows) if steps else 0.0,
        rooms=tuple(rooms),
        hindrances=tuple(hindrances(facts, serving=serving, homeless=backup is None)),
    )


def step_seconds(revision: str, rows: Mapping[str, int]) -> float:
    """Return what the step to `revision` is likely to take."""
    return STEP_SECONDS + _seconds(STEPS.get(revision, {}), rows)


def _seconds(rates: Mapping[str, float], rows: Mapping[str, int]) -> float:
    return sum(rate * rows.get(table, 0) for table, rate in rates.items())


def hindrances(facts: UpgradeFacts, *, serving: str, homeless: bool = False) -> list[Hindrance]:
    """Return what stands in the way, then what is only worth knowing.

    An open room, a paper being written and a sitting of today block: whatever goes wrong would meet people who sit
    there. A sitting of tomorrow leaves time to go back, and what is unscored is scored alike afterwards (R-54).
    """
    today = [one for one in facts.planned if one.in_days == 0]
    found = [Hindrance("serving", True, {"holder": serving})] if serving else []
    found += [Hindrance("destination", True)] if homeless else []
    found += [
        Hindrance("room", True, {"name": name, "count": count}) for name, count in facts.open_rooms.items()
    ]
    if facts.writing:
        found.append(Hindrance("writing", True, {"count": facts.writing}))
    found += [_hindrance("today", one.name, one.at, blocks=True) for one in today]
    found += [
        _hindrance("tomorrow", one.name, one.at, blocks=False) for one in facts.planned if one not in today
    ]
    if facts.unscored:
        found.append(Hindrance("unscored", False, {"count": facts.unscored}))
    return found


def _hindrance(what: str, name: str, at: datetime, *, blocks: bool) -> Hindrance:
    return Hindrance(what, blocks, {"name": name, "at": at})


def rooms_needed(size: int, *, written: Sequence[str], backup: str | None) -> dict[str, int]:
    """Return the bytes that each folder needs for a database of `size` bytes, by folder.

    `written` are the folders of the embedded database and of its second copy; PostgreSQL's own disks are its
    administrator's to watch.
    """
    needed = {folder: int(size * LOG_SHARE) + SPARE_BYTES for folder in written}
    if backup is not None:
        needed[backup] = int(size * BACKUP_SHARE) + SPARE_BYTES
    return needed
