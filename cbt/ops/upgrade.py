"""The upgrade of an installation and `cbt upgrade`: held alone, backed up, all steps or none, verified."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from math import ceil
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import flask

from cbt.application.leader import AdvisoryLock
from cbt.audit import chain
from cbt.audit.keyring import PRESENT, set_aside
from cbt.config import Settings, read_settings
from cbt.console.command import PATH, command, option
from cbt.console.exits import DONE, REFUSED
from cbt.console.output import Answer, Progress
from cbt.console.texts import text as _
from cbt.errors import CbtError, Conflict, InvalidInput, Unavailable
from cbt.http.app_context import with_any_database
from cbt.ops.backup.snapshot import Manifest, back_up
from cbt.ops.backup.verification import StoredCheck, check_lines, checks_as_data, verify_everything
from cbt.ops.host_resources import DataDirLock
from cbt.ops.logs import init_logs
from cbt.ops.upgrade_plan import (
    DiskRoom,
    Hindrance,
    UpgradeFacts,
    UpgradePlan,
    place_of,
    plan_upgrade,
    read_facts,
    rooms_needed,
)
from cbt.releases import newest_revision, product_version, version_of
from cbt.storage.departure import check_not_moved
from cbt.storage.engine import database_path
from cbt.storage.migrate import UPGRADED, database_revision, migrate, revisions_after
from cbt.storage.types import db
from cbt.storage.unit_of_work import unit_of_work

log = logging.getLogger(__name__)


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
        """Return whether everything stored is what it was."""
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
    """Return the folder, or the nearest above it that is there."""
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
    Unavailable("upgrade.failed") when a step failed: then tables and rows are those from before.
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
        _bring_forward(done, told)
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


def _bring_forward(done: Upgraded, told: Told) -> None:
    last = time.perf_counter()

    def step(revision: str) -> None:
        nonlocal last
        now = time.perf_counter()
        done.steps[revision], last = now - last, now
        told(revision, done)

    try:
        migrate(step)
    except (Exception, KeyboardInterrupt) as error:
        if database_revision() == newest_revision():
            return  # what failed came after the COMMIT: the second copy, which the next start brings up
        if isinstance(error, CbtError):
            raise
        log.exception("the upgrade was taken back")
        ahead = revisions_after(done.found)[len(done.steps) :]
        where = str(done.backup) if done.backup is not None else "-"
        raise Unavailable(
            "upgrade.failed",
            revision=ahead[0] if ahead else newest_revision(),
            kind=_kind(error),
            backup=where,
        ) from error


def _kind(error: BaseException) -> str:
    return type(getattr(error, "orig", None) or error).__name__


def _put_on_record(found: str, *, now: datetime) -> None:
    with unit_of_work() as session:
        chain.ensure_keyed(session, at=now)
        before = {"version": version_of(found), "revision": found}
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
    for one in plan.hindrances:
        yield (" !! " if one.blocks else "  ! ") + _hindrance(one, zone)


def _hindrance(one: Hindrance, zone: ZoneInfo) -> str:
    params = {
        name: value.astimezone(zone).strftime("%H:%M") if isinstance(value, datetime) else value
        for name, value in one.params.items()
    }
    return _(f"upgrade.hindrance.{one.what}", **params)


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
    found, wanted = named(done.found), f"{product_version()} ({newest_revision()})"
    yield _("upgrade.done", found=found, wanted=wanted) if done.ok else _("upgrade.done_wrong")
    if done.made_log_key:
        yield _("upgrade.log_key", path=settings.keys / "audit.key")
    if done.former_log_key is not None:
        yield _("upgrade.former_log_key", path=done.former_log_key)
    if done.backup is not None:
        yield _("upgrade.back", found=found)
        yield from (f"  {line}" for line in way_back(settings, done))


def way_back(settings: Settings, done: Upgraded) -> list[str]:
    """Return the steps that lead back to the state before the upgrade; nothing is deleted in any of them."""
    former = version_of(done.found) or done.found
    if settings.embedded:
        first = f"mv {settings.data_dir.absolute()} {settings.data_dir.absolute()}.upgraded"
    else:
        first = _("upgrade.back.empty")
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


def _both(found: str) -> dict[str, object]:
    return {
        "found": {"version": version_of(found), "revision": found},
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

        def told(what: str, done: Upgraded) -> None:
            progress.tell(progress_line(what, done, plan))

        done = upgrade(settings, backup=target, anyway=anyway, now=now, told=told)
    noted = list(before_lines(plan, zone=zone))
    lines = [*noted, *done_lines(settings, done)]
    return Answer(done_as_data(settings, done), lines, code=DONE if done.ok else REFUSED)


commands: list[click.Command] = [upgrade_command]
