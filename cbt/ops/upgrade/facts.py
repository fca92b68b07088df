"""What an upgrade has to know of a database, in plain SQL that every released version's tables understand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, column, text
from sqlalchemy.engine import Connection

from cbt.config import Settings
from cbt.db.engine import database_path
from cbt.db.migrate import database_revision, refuse_newer
from cbt.db.types import UtcDateTime, db
from cbt.errors import Unavailable
from cbt.ops.upgrade.costs import TABLES
from cbt.releases import newest_revision

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

    Raise Unavailable("safety.no_database") for an empty one, and as `cbt.db.migrate.check_migrated` does for one
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
            planned=_planned(connection, ZoneInfo(settings.timezone), now),
            writing=int(connection.scalar(_ATTEMPTS) or 0),
            unscored=int(connection.scalar(_UNSCORED) or 0),
        )


def place_of(settings: Settings) -> str:
    """Return the database as an administrator finds it: the file, or PostgreSQL's name without the password."""
    return str(database_path(settings)) if settings.embedded else settings.database_url.rsplit("@", 1)[-1]


def _planned(connection: Connection, zone: ZoneInfo, now: datetime) -> tuple[PlannedSitting, ...]:
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
