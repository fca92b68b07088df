"""Carrying out an upgrade: nobody else holds the installation, a backup is there, all steps or none, then proof."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cbt.application.leader import AdvisoryLock
from cbt.audit import chain
from cbt.audit.keyring import PRESENT, set_aside
from cbt.config import Settings
from cbt.db.departure import check_not_moved
from cbt.db.migrate import UPGRADED, database_revision, migrate, revisions_after
from cbt.db.types import db
from cbt.db.unit_of_work import unit_of_work
from cbt.errors import CbtError, Conflict, InvalidInput, Unavailable
from cbt.ops.hosting import DataDirLock
from cbt.ops.safety.backup import back_up
from cbt.ops.safety.checking import StoredCheck, verify_everything
from cbt.ops.safety.manifest import Manifest
from cbt.ops.upgrade.facts import UpgradeFacts, read_facts
from cbt.ops.upgrade.plan import DiskRoom, UpgradePlan, plan_upgrade, rooms_needed
from cbt.releases import newest_revision, product_version, version_of

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
