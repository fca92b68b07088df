"""The parent of a server holds the files of its database, and secures them when they are moved away under it.

It is the one process of a server that nothing kills before the others, it opens no database, and what it holds open
outlives the workers. So it looks, twice a second, and acts: everybody else refuses to write from the same moment on
(cbt/storage/holding), by themselves.

Source: R-40; I1, I12.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from cbt.clock import SystemClock
from cbt.config import Settings, as_environment
from cbt.errors import CbtError
from cbt.ops.rescue.salvage import Rescue, Sources, pass_gate, read_note, secure, settle
from cbt.storage.engine import GATE_NAME, database_path
from cbt.storage.file_guard import HeldFiles
from cbt.storage.file_hold import OVERWRITTEN, SAID, Hold, Holding, Trouble, can_hold

log = logging.getLogger(__name__)
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
        self._files = HeldFiles(Path(hold.database), hold, gate=gate)
        self._finish = finish
        self._now = now
        self._course = Course()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="file-keeper", daemon=True)

    def begin(self) -> None:
        """Begin looking."""
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
