"""`cbt upgrade`: its plan with seconds, room and hindrances; held alone, backed up, all steps or none, verified.

How long a step takes is in seconds a row, measured on 14,000 attempts with 670,000 journal rows. The machine
had two cores and was busy with other things. A step that goes through many rows gets a line here.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from math import ceil
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import flask
from sqlalchemy import bindparam, column, text
from sqlalchemy.engine import Connection

from cbt.audit import chain
from cbt.audit.chain import PRESENT, set_aside
from cbt.config import Settings, read_settings
from cbt.console.command import PATH, command, option
from cbt.console.exits import DONE, REFUSED
from cbt.console.output import Answer, Progress
from cbt.console.texts import text as _
from cbt.errors import CbtError, Conflict, InvalidInput, Unavailable
from cbt.http.app_context import with_any_database
from cbt.jobs.scheduler import AdvisoryLock
from cbt.ops.backup.snapshot import Manifest, back_up
from cbt.ops.backup.verification import StoredCheck, check_lines, checks_as_data, verify_everything
from cbt.ops.host_resources import DataDirLock
from cbt.ops.logs import init_logs
from cbt.releases import newest_revision, product_version, version_of
from cbt.storage.aside import keeping
from cbt.storage.departure import check_not_moved
from cbt.storage.engine import database_path, is_disk_full
from cbt.storage.migrate import UPGRADED, database_revision, migrate, refuse_newer, revisions_after
from cbt.storage.types import UtcDateTime, db
from cbt.storage.unit_of_work import unit_of_work

log = logging.getLogger(__name__)


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
    bounds = {"since": today, "until": today + timedelta(days=2)}
    rows = connection.execute(_PLANNED, bounds).all()
    return tuple(
        PlannedSitting(name, at, (at.astimezone(zone).date() - today.date()).days) for name, at in rows
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
    return STEP_SECONDS + _seconds(STEPS.get(revision, {}), rows)


def _seconds(rates: Mapping[str, float], rows: Mapping[str, int]) -> float:
    return sum(rate * rows.get(table, 0) for table, rate in rates.items())


def hindrances(facts: UpgradeFacts, *, serving: str, homeless: bool = False) -> list[Hindrance]:
    """Return what stands in the way, then what is only worth knowing.

    An open room, a paper being written and a sitting of today block: whatever goes wrong would meet people who sit
    there. A sitting of tomorrow leaves time to go back, and what is unscored is scored alike afterwards (R-54).
    """
    today = [one for one in facts.planned if one.in_days == 0]
    obstacles = [Hindrance("serving", True, {"holder": serving})] if serving else []
    obstacles += [Hindrance("destination", True)] if homeless else []
    obstacles += [
        Hindrance("room", True, {"name": name, "count": count}) for name, count in facts.open_rooms.items()
    ]
    if facts.writing:
        obstacles.append(Hindrance("writing", True, {"count": facts.writing}))
    obstacles += [_hindrance("today", one.name, one.at, blocks=True) for one in today]
    obstacles += [
        _hindrance("tomorrow", one.name, one.at, blocks=False) for one in facts.planned if one not in today
    ]
    if facts.unscored:
        obstacles.append(Hindrance("unscored", False, {"count": facts.unscored}))
    return obstacles


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


KEYED_SINCE = "0015"
"""The revision from which the log is chained under a key."""
MOVES_SINCE = "0019"
"""The revision from which a database knows that it was moved away."""


@dataclass(slots=True)
class Upgraded:
    """What an upgrade did."""

    found: str
    """The revision before it."""
    backup: Path | None = None
    manifest: Manifest | None = None
    steps: dict[str, float] = field(default_factory=dict)
    """Seconds by revision."""
    made_log_key: bool = False
    former_log_key: Path | None = None
    """Where a log key was put that was there though the log had none yet."""
    checks: list[StoredCheck] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)


Told = Callable[[str, Upgraded], None]


def look(
    settings: Settings, *, backup: Path | None, wanted: bool, now: datetime
) -> tuple[UpgradeFacts, UpgradePlan]:
    """Return what is there and what `upgrade` would do with it; change nothing. Raise as `read_facts`.

    `backup` is the folder of a backup that is `wanted`, None where nobody named one.
    """
    facts = _facts_in_use(settings, now=now)
    serving = _holder(settings)
    return facts, _plan(settings, facts, backup=backup if wanted else None, wanted=wanted, serving=serving)


def _facts_in_use(settings: Settings, *, now: datetime) -> UpgradeFacts:
    """Return the facts of a database that was not moved away, where its tables can say so; raise as both do."""
    facts = read_facts(settings, now=now)
    if facts.revision >= MOVES_SINCE:
        check_not_moved()
    return facts


def _plan(
    settings: Settings, facts: UpgradeFacts, *, backup: Path | None, wanted: bool, serving: str
) -> UpgradePlan:
    revisions = revisions_after(facts.revision)
    folder = None if backup is None else str(backup)
    copies = [settings.journal_copy_dir] if settings.journal_copy_dir is not None else []
    written = [str(one) for one in (settings.data_dir, *copies)] if settings.embedded else []
    needed = rooms_needed(facts.bytes, written=written, backup=folder)
    rooms = _rooms(needed) if revisions else []
    made = None if wanted and backup is None else wanted
    return plan_upgrade(facts, revisions=revisions, rooms=rooms, serving=serving, backup=made)


def _rooms(needed: dict[str, int]) -> list[DiskRoom]:
    """Return what each disk needs and has; folders on one disk share it."""
    disks: dict[int, DiskRoom] = {}
    for name, size in needed.items():
        folder = nearest(Path(name))
        device, free = folder.stat().st_dev, shutil.disk_usage(folder).free
        other = disks.get(device)
        joined = DiskRoom(name, size, free)
        disks[device] = (
            joined if other is None else DiskRoom(f"{other.folder}、{name}", other.needed + size, free)
        )
    return list(disks.values())


def nearest(folder: Path) -> Path:
    folder = folder.expanduser().resolve()
    return folder if folder.exists() else nearest(folder.parent)


def _holder(settings: Settings) -> str:
    """Return who holds the installation, "" when nobody does."""
    if settings.embedded:
        return DataDirLock(settings.data_dir).holder()
    lock = AdvisoryLock(db.engine)
    free = lock.take()
    lock.release()
    return "" if free else "PostgreSQL"


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Keep servers from starting, and nodes from leading, for the length of the block.

    Raise Unavailable("serve.running"), ("upgrade.nodes") when somebody is there already.
    """
    if settings.embedded:
        DataDirLock(settings.data_dir).take("cbt upgrade")  # until this process ends
        yield
        return
    lock = AdvisoryLock(db.engine)
    if not lock.take():
        raise Unavailable("upgrade.nodes")
    try:
        yield
    finally:
        lock.release()


def upgrade(settings: Settings, *, backup: Path | None, anyway: bool, now: datetime, told: Told) -> Upgraded:
    """Back up (`backup` is the folder, None makes none), bring the tables forward, verify; return what was done.

    `told` is called after each of these with its name: `backup`, a revision, `verify`. `anyway` goes past what only
    stands in the way of people, never past a disk without room or a server that runs.

    Raise Conflict("upgrade.blocked"), Unavailable("upgrade.no_room"), what the backup raises, and
    Unavailable("upgrade.failed") when a step failed, ("upgrade.disk_full") for want of room: then tables and rows
    are those from before.
    """
    with _alone(settings):
        facts = _facts_in_use(settings, now=now)
        done = Upgraded(facts.revision)
        plan = _plan(settings, facts, backup=backup, wanted=backup is not None, serving="")
        if not plan.steps:
            return done
        _refuse_blocked(plan, anyway=anyway)
        if backup is not None:
            done.backup, done.manifest = back_up(settings, backup, now=now)
            told("backup", done)
        if facts.revision < KEYED_SINCE:
            # The log has no key yet: one that lies there came with an upgrade this is the way back from.
            done.former_log_key = set_aside(settings.keys)
        _bring_forward(settings, done, told)
        done.made_log_key = not (settings.keys / PRESENT).exists()
        _put_on_record(facts.revision, now=now)
        done.checks = verify_everything()
        told("verify", done)
    return done


def _refuse_blocked(plan: UpgradePlan, *, anyway: bool) -> None:
    for room in plan.rooms:
        if not room.enough:
            raise Unavailable(
                "upgrade.no_room", folder=room.folder, needed=_mib(room.needed), free=_mib(room.free)
            )
    if plan.blocked and not anyway:
        raise Conflict("upgrade.blocked")


def _mib(size: int) -> int:
    return -(-size >> 20)


def _bring_forward(settings: Settings, done: Upgraded, report: Told) -> None:
    last = time.perf_counter()

    def step(revision: str) -> None:
        nonlocal last
        now = time.perf_counter()
        done.steps[revision], last = now - last, now
        report(revision, done)

    try:
        migrate(step)
    except (Exception, KeyboardInterrupt) as error:
        if database_revision() == newest_revision():
            return  # what failed came after the COMMIT: the second copy, which the next start brings up
        if isinstance(error, CbtError):
            raise
        log.exception("the upgrade was taken back")
        ahead = revisions_after(done.found)[len(done.steps) :]
        named = {
            "revision": ahead[0] if ahead else newest_revision(),
            "backup": str(done.backup) if done.backup is not None else "-",
        }
        if is_disk_full(getattr(error, "orig", None) or error):
            raise Unavailable("upgrade.disk_full", **named, folder=place_of(settings)) from error
        raise Unavailable("upgrade.failed", **named, kind=_kind(error)) from error


def _kind(error: BaseException) -> str:
    return type(getattr(error, "orig", None) or error).__name__


def _put_on_record(revision: str, *, now: datetime) -> None:
    with unit_of_work() as session:
        chain.ensure_keyed(session, at=now)
        before = {"version": version_of(revision), "revision": revision}
        after = {"version": product_version(), "revision": newest_revision()}
        chain.record(
            session, at=now, actor="cli", act=UPGRADED, subject="system:", before=before, after=after
        )


def destination(named: Path | None, *, wanted: bool) -> Path | None:
    """Return the folder for the backup, None when none is wanted; raise InvalidInput("upgrade.no_destination")."""
    if wanted and named is None:
        raise InvalidInput("upgrade.no_destination")
    return named if wanted else None


DOUBT = 3
"""Slower disks than those that were measured take so many times as long."""


def named(revision: str) -> str:
    """Return a revision with the version that left it, for people."""
    return f"{version_of(revision)} ({revision})".strip()


def span(seconds: float) -> str:
    """Return how long something takes, roughly: from what was measured to a slow machine's."""
    low, high = max(ceil(seconds), 1), max(ceil(seconds * DOUBT), 1)
    if low == high:
        return _("upgrade.second")
    if high <= 120:
        return _("upgrade.seconds", low=low, high=high)
    return _("upgrade.minutes", low=max(round(low / 60), 1), high=ceil(high / 60))


def plan_lines(
    settings: Settings, facts: UpgradeFacts, plan: UpgradePlan, *, zone: ZoneInfo
) -> Iterator[str]:
    """Yield what is there, what an upgrade would do, and whether it can be done now."""
    yield _("upgrade.there", found=named(facts.revision), place=place_of(settings))
    if not plan.steps:
        yield _("upgrade.current")
        return
    yield _("upgrade.comes", wanted=f"{product_version()} ({newest_revision()})")
    rows = facts.rows
    size = f"{facts.bytes / 2**20:.1f}"
    yield _("upgrade.holds", attempts=rows["attempt"], journal=rows["journal"], size=size)
    yield ""
    yield _("upgrade.part.backup", span=span(plan.backup_seconds))
    steps = sum(step.seconds for step in plan.steps)
    yield _("upgrade.part.steps", count=len(plan.steps), span=span(steps))
    for step in plan.steps:
        yield f"     {step.revision}  {_(f'upgrade.step.{step.revision}')}"
    yield _("upgrade.part.verify", span=span(plan.verify_seconds))
    yield _("upgrade.whole", span=span(plan.seconds))
    yield ""
    yield from before_lines(plan, zone=zone, all_rooms=True)
    yield _("upgrade.not_now") if plan.blocked else _("upgrade.ready")


def before_lines(plan: UpgradePlan, *, zone: ZoneInfo, all_rooms: bool = False) -> Iterator[str]:
    """Yield what stands in the way, or is worth knowing before it."""
    for room in plan.rooms:
        if all_rooms or not room.enough:
            mark = " ok " if room.enough else " !! "
            sizes = {"needed": ceil(room.needed / 2**20), "free": room.free // 2**20}
            yield mark + _("upgrade.room", folder=room.folder, **sizes)
    for hindrance in plan.hindrances:
        yield (" !! " if hindrance.blocks else "  ! ") + _hindrance_line(hindrance, zone)


def _hindrance_line(hindrance: Hindrance, zone: ZoneInfo) -> str:
    params = {
        name: value.astimezone(zone).strftime("%H:%M") if isinstance(value, datetime) else value
        for name, value in hindrance.params.items()
    }
    return _(f"upgrade.hindrance.{hindrance.what}", **params)


def progress_line(what: str, done: Upgraded, plan: UpgradePlan) -> str:
    """Return the line that says what has just been done."""
    if what == "backup":
        return _("safety.made", folder=done.backup)
    if what == "verify":
        return _("upgrade.verified")
    sizes = {"number": len(done.steps), "count": len(plan.steps), "seconds": f"{done.steps[what]:.1f}"}
    name = _(f"upgrade.step.{what}")
    return _("upgrade.step_done", revision=what, what=name, **sizes)


def done_lines(settings: Settings, done: Upgraded) -> Iterator[str]:
    """Yield what was done, what to do now and how to go back."""
    if done.backup is not None:
        yield _("safety.made", folder=done.backup)
    yield _("upgrade.steps_done", count=len(done.steps), seconds=f"{sum(done.steps.values()):.1f}")
    yield from check_lines(done.checks)
    former, wanted = named(done.found), f"{product_version()} ({newest_revision()})"
    yield _("upgrade.done", found=former, wanted=wanted) if done.ok else _("upgrade.done_wrong")
    if done.made_log_key:
        yield _("upgrade.log_key", path=settings.keys / "audit.key")
    if done.former_log_key is not None:
        yield _("upgrade.former_log_key", path=done.former_log_key)
    if done.backup is not None:
        yield _("upgrade.back", found=former)
        yield from (f"  {line}" for line in way_back(settings, done))


def way_back(settings: Settings, done: Upgraded) -> list[str]:
    """Return the steps that lead back to the state before the upgrade; nothing is deleted in any of them."""
    former = version_of(done.found) or done.found
    data = settings.data_dir.absolute()
    first = keeping(data, "upgraded") if settings.embedded else _("upgrade.back.empty")
    steps = [_("upgrade.back.stop"), first]
    if settings.journal_copy_dir is not None:
        folder = settings.journal_copy_dir.absolute()
        steps.append(f"mv {folder} {folder}.upgraded")
    return [*steps, f"cbt restore {done.backup}", _("upgrade.back.former", version=former)]


def plan_as_data(facts: UpgradeFacts, plan: UpgradePlan) -> dict[str, object]:
    """Return what is there and what an upgrade would do."""
    return {
        **_both(facts.revision),
        "bytes": facts.bytes,
        "rows": facts.rows,
        **asdict(plan),
        "seconds": plan.seconds,
        "ready": bool(plan.steps) and not plan.blocked,
    }


def done_as_data(settings: Settings, done: Upgraded) -> dict[str, object]:
    """Return what was done and how to go back."""
    return {
        **_both(done.found),
        "backup": done.backup,
        "steps": done.steps,
        "made_log_key": done.made_log_key,
        "former_log_key": done.former_log_key,
        "checks": checks_as_data(done.checks),
        "ok": done.ok,
        "way_back": way_back(settings, done) if done.backup is not None else [],
    }


def _both(former: str) -> dict[str, object]:
    return {
        "found": {"version": version_of(former), "revision": former},
        "wanted": {"version": product_version(), "revision": newest_revision()},
    }


@command("upgrade", help="upgrade.cli.upgrade", alone="upgrade.cli.alone")
@option("--check", is_flag=True, help="upgrade.cli.check")
@option("--backup", "folder", type=PATH, metavar="FOLDER", help="upgrade.cli.backup")
@option("--no-backup", is_flag=True, help="upgrade.cli.no_backup")
@option("--anyway", is_flag=True, help="upgrade.cli.anyway")
def upgrade_command(check: bool, folder: Path | None, no_backup: bool, anyway: bool) -> Answer:
    """Bring an installation of an earlier version to this one, or say what that will mean."""
    settings = read_settings()
    if settings.embedded and not database_path(settings).exists():
        # An app made there would begin a new installation.
        raise Unavailable("safety.no_database", path=place_of(settings))
    answer: Answer = _upgrade(check=check, folder=folder, wanted=not no_backup, anyway=anyway)
    return answer


@with_any_database
def _upgrade(*, check: bool, folder: Path | None, wanted: bool, anyway: bool, now: datetime) -> Answer:
    settings: Settings = flask.current_app.extensions["cbt_settings"]
    zone = ZoneInfo(settings.timezone)
    named = folder or settings.backup_dir
    named = None if named is None else named.expanduser().absolute()  # it is told to whoever goes back
    facts, plan = look(settings, backup=named, wanted=wanted, now=now)
    if check or not plan.steps:
        lines = list(plan_lines(settings, facts, plan, zone=zone))
        blocked = bool(plan.steps) and plan.blocked
        return Answer(plan_as_data(facts, plan), lines, code=REFUSED if blocked else DONE)
    target = destination(named, wanted=wanted)
    init_logs(settings)
    with Progress() as progress:

        def on_step(what: str, done: Upgraded) -> None:
            progress.tell(progress_line(what, done, plan))

        done = upgrade(settings, backup=target, anyway=anyway, now=now, told=on_step)
    noted = list(before_lines(plan, zone=zone))
    lines = [*noted, *done_lines(settings, done)]
    return Answer(done_as_data(settings, done), lines, code=DONE if done.ok else REFUSED)


commands: list[click.Command] = [upgrade_command]
