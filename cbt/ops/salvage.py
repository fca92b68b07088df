"""The salvage of a database from descriptors that a server still holds, by its parent or by hand.

data.rescue/cbt-20261124T013000Z/    cbt.db, manifest.json as in a backup, and rescue.json
data.rescue/aside-20261124T014000Z/  what lay in the database's place when a rescue was put back

`rescue.json` says from which hold a rescue is, and how far it got.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from cbt.clock import SystemClock
from cbt.config import Settings, as_environment
from cbt.errors import CbtError, Unavailable
from cbt.ops.backup.restore import check_whole
from cbt.ops.backup.snapshot import Manifest, database_key, describe
from cbt.ops.preflight import instead_of_rescue
from cbt.storage.backup_folder import (
    EMBEDDED_COPY,
    check_place,
    copy_name,
    made_at,
    read_manifest_as,
    sync_folder,
)
from cbt.storage.crypto import key_prints
from cbt.storage.engine import GATE_NAME, database_path
from cbt.storage.file_guard import OVERWRITTEN, SAID, SUFFIXES, GuardedFiles, Hold, Holding, Trouble, can_hold
from cbt.storage.private_files import make_private
from cbt.storage.raw_connection import DATABASE_ERRORS, open_raw

log = logging.getLogger(__name__)


NOTE = "rescue.json"
RAW, WHOLE, SETTLED = "raw", "whole", "settled"
"""A rescue is raw while its log was not put into its database, whole when it was and all was verified, and settled
when nothing is to be done with it any more: it was put back, or the files themselves came back."""


@dataclass(frozen=True, slots=True)
class RescueNote:
    """What stands beside a rescue."""

    database: str
    token: str
    """Of the hold it was secured from."""
    trouble: str
    """What had happened: a code of cbt.storage.file_guard."""
    state: str
    files: list[list[int]]
    """Device and inode of each file of the hold, in its order."""


@dataclass(frozen=True, slots=True)
class Rescue:
    """One rescue."""

    folder: Path
    note: RescueNote


def rescue_places(settings: Settings) -> list[Path]:
    """Return the folders a rescue is tried in: beside the data, with the backups, in what is left."""
    data = settings.data_dir.resolve()
    places = [data.with_name(f"{data.name}.rescue")]
    if settings.backup_dir is not None:
        places.append(settings.backup_dir / "rescue")
    return [*places, data / "rescue"]


def rescues(settings: Settings) -> list[Rescue]:
    """Return the rescues of this installation, the oldest first."""
    pairs: list[tuple[datetime, Rescue]] = []
    for place in rescue_places(settings):
        for folder in place.iterdir() if place.is_dir() else ():
            at = made_at(folder)
            if at is not None and (folder / NOTE).is_file():
                pairs.append((at, Rescue(folder, read_note(folder))))
    return [rescue for _, rescue in sorted(pairs, key=lambda one: one[0])]


def open_rescue(settings: Settings) -> Rescue | None:
    """Return the newest rescue if something is still to be done with it."""
    newest = next(reversed(rescues(settings)), None)
    return None if newest is None or newest.note.state == SETTLED else newest


def read_note(folder: Path) -> RescueNote:
    """Read what stands beside a rescue; raise InvalidInput("rescue.none") for a folder that is none."""
    return read_manifest_as(RescueNote, folder / NOTE, refusal="rescue.none")


def write_note(folder: Path, note: RescueNote) -> None:
    """Write what stands beside a rescue, on disk when this returns."""
    arriving = folder / f"{NOTE}.part"
    make_private(arriving)
    with arriving.open("w", encoding="utf-8") as handle:
        json.dump(asdict(note), handle, indent=2)
        handle.flush()
        os.fsync(handle.fileno())
    arriving.replace(folder / NOTE)
    sync_folder(folder)


def fresh_folder(place: Path, *, now: datetime) -> Path:
    """Make the folder of a rescue that is begun now; raise OSError when that cannot be done."""
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = place / copy_name(now)
    folder.mkdir(mode=0o700)
    return folder


def belong_like(paths: Sequence[Path], owner: os.stat_result) -> None:
    """Give files that root made to the owner of the database."""
    if os.name == "posix" and os.geteuid() == 0:
        for path in paths:
            os.chown(path, owner.st_uid, owner.st_gid)


try:
    import fcntl
except ImportError:  # Windows, where there is no hold and nothing to secure
    fcntl = None  # type: ignore[assignment]  # None says that there is no such lock here

PATIENCE_SECONDS = 5.0
_STEP_SECONDS = 0.02


def pass_gate(held: int, path: Path, *, patience: float = PATIENCE_SECONDS) -> None:
    """Wait for whoever writes now: `held` is a descriptor of the gate's file, `path` where it lay.

    A gate that was removed and made anew is passed there, too. Raise Unavailable("rescue.busy") when a writer
    does not end within `patience` seconds.
    """
    until = time.monotonic() + patience
    _pass(held, until)
    try:
        anew = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        _pass(anew, until)
    finally:
        os.close(anew)


def _pass(descriptor: int, until: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= until:
                raise Unavailable("rescue.busy") from error
            time.sleep(_STEP_SECONDS)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            return


# Securing what was saved from the descriptors a server still has, and making one whole database of it.
#
# The bytes of the database and of its log are copied as they are, encrypted; that needs no key and no
# database. Then the log is put into the database of the copy, which is verified like a rebuilt one.
#
# Source: I1, I8.

CHUNK = 1 << 20
COPIED = SUFFIXES[:2]
"""The index is not copied: it is made anew from the log."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Open descriptors of this process: the database and its log, and whose files they are."""

    database: int
    log: int

    @property
    def size(self) -> int:
        return os.fstat(self.database).st_size + os.fstat(self.log).st_size


def secure(
    settings: Settings,
    hold: Hold,
    sources: Sources,
    *,
    trouble: str,
    now: datetime,
    into: Path | None = None,
) -> Rescue:
    """Copy what the descriptors hold into a new folder, on disk when this returns; nobody may write meanwhile.

    The folder is one below `into`, else in the first of `rescue_places` that takes it. Raise
    InvalidInput("safety.place"), Unavailable("rescue.no_room") with what the last of them said.
    """
    files = [[one.device, one.inode] for one in hold.ids]
    note = RescueNote(hold.database, hold.token, trouble, RAW, files)
    if into is not None:
        check_place(settings, into)
    refused = ""
    for place in rescue_places(settings) if into is None else [into]:
        try:
            folder = fresh_folder(place, now=now)
        except OSError as error:
            refused = f"{place}: {error.strerror}"
            continue
        try:
            _copy(sources, folder)
            write_note(folder, note)
        except OSError as error:
            refused = f"{place}: {error.strerror}"
            shutil.rmtree(folder, ignore_errors=True)  # of a copy that never was whole
            continue
        return Rescue(folder, note)
    raise Unavailable("rescue.no_room", detail=refused, size=f"{sources.size / 2**20:.0f}")


def _copy(sources: Sources, folder: Path) -> None:
    if shutil.disk_usage(folder).free < sources.size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    owner = os.fstat(sources.database)
    made = []
    for suffix, source in zip(COPIED, (sources.database, sources.log), strict=True):
        target = folder / f"{EMBEDDED_COPY}{suffix}"
        make_private(target)
        made.append(target)
        with target.open("rb+", buffering=0) as handle:
            place = 0
            while chunk := os.pread(source, CHUNK, place):
                view = memoryview(chunk)
                while view:
                    view = view[handle.write(view) :]
                place += len(chunk)
            os.fsync(handle.fileno())
    sync_folder(folder)
    belong_like([*made, folder, folder.parent], owner)


def make_whole(settings: Settings, rescue: Rescue, *, now: datetime) -> tuple[Rescue, Manifest]:
    """Put the log of a raw rescue into its database, verify all of it and describe it as a backup is described.

    Raise Unavailable("rescue.overwritten") for one of a file that was written over in its place, what
    `database_key` raises without the key, ("copy.damaged") when it does not verify. Its bytes stay then.
    """
    folder = rescue.folder
    if rescue.note.trouble == OVERWRITTEN:
        raise Unavailable("rescue.overwritten", path=str(folder), command=instead_of_rescue(settings))
    key = database_key(settings)
    path = folder / EMBEDDED_COPY
    try:
        with closing(open_raw(path, key)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            connection.execute("PRAGMA journal_mode = DELETE")
    except DATABASE_ERRORS as error:
        raise Unavailable("copy.damaged", path=str(folder)) from error
    facts = check_whole(path, key, folder)
    keys = key_prints(settings.keys, encrypted=settings.db_encryption)
    manifest = describe(settings, path, facts, keys, now=now)
    whole = Rescue(folder, replace(rescue.note, state=WHOLE))
    write_note(folder, whole.note)
    belong_like(list(folder.iterdir()), path.stat())
    return whole, manifest


def settle(rescue: Rescue) -> None:
    write_note(rescue.folder, replace(rescue.note, state=SETTLED))


# The parent of a server holds the files of its database, and secures them when they are moved away under
# it.
#
# It is the one process of a server that nothing kills before the others, it opens no database, and what it
# holds open
# outlives the workers. So it looks, twice a second, and acts: everybody else refuses to write from the same
# moment on
# (cbt/storage/holding), by themselves.
#
# Source: R-40; I1, I12.

LOOK_SECONDS = 0.5
TRY_AGAIN_SECONDS = 10.0
END_SECONDS = 60.0
"""So long a server that is told to end waits for a rescue under way."""


class Deed(StrEnum):
    """What is to be done after a look."""

    NOTHING = "nothing"
    SECURE = "secure"
    GO_ON = "go_on"


@dataclass(slots=True)
class Course:
    """What is known of a trouble, from the look that found it to the one that finds it gone."""

    trouble: Trouble | None = None
    rescue: Rescue | None = None
    tried_at: float = float("-inf")


def next_deed(trouble: Trouble | None, course: Course, *, at: float) -> Deed:
    """Return what to do when a look at `at` (monotonic seconds) found `trouble`.

    What is secured stays so: nobody writes while there is trouble. A rescue that failed is tried again.
    """
    if trouble is None:
        return Deed.NOTHING if course.trouble is None else Deed.GO_ON
    if course.rescue is not None or at - course.tried_at < TRY_AGAIN_SECONDS:
        return Deed.NOTHING
    return Deed.SECURE


class FileKeeper:
    """Looks at the files of a hold, in a thread of its own."""

    def __init__(
        self,
        settings: Settings,
        hold: Hold,
        *,
        finish: Callable[[Settings, Path], bool],
        now: Callable[[], datetime],
    ) -> None:
        """`finish` makes a raw rescue whole and returns whether it could; `now` gives its folder its name."""
        self._settings = settings
        self._hold = hold
        gate = settings.data_dir.resolve() / GATE_NAME
        self._gate = gate
        self._files = GuardedFiles(Path(hold.database), hold, gate=gate)
        self._finish = finish
        self._now = now
        self._course = Course()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="file-keeper", daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> bool:
        """Look a last time, and return whether the files are in their places."""
        self._ended.set()
        self._thread.join(END_SECONDS)
        if not self._thread.is_alive():
            self._course.tried_at = float("-inf")
            self._look_safely()
        return self._course.trouble is None

    def _keep(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            self._look_safely()

    def _look_safely(self) -> None:
        try:
            self.look(at=time.monotonic())
        except Exception:
            log.exception("the files of the database cannot be looked after")

    def look(self, *, at: float) -> None:
        """Look once, at `at` (monotonic seconds), and do what follows."""
        trouble = self._files.trouble()
        deed = next_deed(trouble, self._course, at=at)
        if trouble is not None and self._course.trouble is None:
            path = f"{self._hold.database}{trouble.suffix}"
            log.error("%s was %s under the server: nothing is saved any more", path, SAID[trouble.code])
            self._course.trouble = trouble
        if deed is Deed.GO_ON:
            self._go_on()
        elif deed is Deed.SECURE and trouble is not None:
            self._course.tried_at = at
            self._secure(trouble)

    def _go_on(self) -> None:
        log.warning("the files of the database are back in their places: saving goes on")
        if self._course.rescue is not None:
            settle(self._course.rescue)
        self._course = Course()

    def _secure(self, trouble: Trouble) -> None:
        database, journal, _index, gate = self._hold.descriptors
        try:
            pass_gate(gate, self._gate)
            rescue = secure(
                self._settings,
                self._hold,
                Sources(database, journal),
                trouble=trouble.code,
                now=self._now(),
            )
        except CbtError as error:
            log.error("what was saved could not be secured, it is tried again: %s", error)
            return
        self._course.rescue = rescue
        whole = trouble.code != OVERWRITTEN and self._finish(self._settings, rescue.folder)
        if whole:
            self._course.rescue = Rescue(rescue.folder, read_note(rescue.folder))
            log.warning("what was saved is secured and verified in %s", rescue.folder)
        else:
            log.error("what could be read of the database is in %s, not verified", rescue.folder)


def finish_in_child(settings: Settings, folder: Path) -> bool:
    """Make a raw rescue whole in a child, since the parent of a server opens no database; return whether it was."""
    command = [sys.executable, "-m", "cbt.cli", "rescue", "--finish", str(folder)]
    environment = os.environ | as_environment(settings)
    # Not by subprocess, which waits for the end of a pipe: a worker that is forked at that moment keeps the other.
    pid = os.posix_spawn(command[0], command, environment)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@contextmanager
def files_held(settings: Settings) -> Iterator[Callable[[], None]]:
    """Hold the files of the embedded database and look after them; yield what lets go of them.

    When they are not in their places then, they stay held until this process ends, so that whoever closes them
    last takes nothing away that lies there now.
    """
    if not settings.embedded or not can_hold():
        yield lambda: None
        return
    holding = Holding(database_path(settings), settings.data_dir / GATE_NAME)
    keeper = FileKeeper(settings, holding.take(), finish=finish_in_child, now=SystemClock().now)
    keeper.begin()

    def let_go() -> None:
        if keeper.end():
            holding.release()

    yield let_go
