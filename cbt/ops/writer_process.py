"""The process that owns the writing of the embedded database: what waits for a commit goes here from all others.

Each commit of another process empties a process's page cache, so that its next batch deciphers every page again;
and a batch of many small statements would take turns with hundreds of request threads. Here one thread does
nothing else, and its pages stay. It is a matter of speed alone: while it is away each server process writes for
itself, under the same gate.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cbt.config import Settings, as_environment, read_settings
from cbt.console.loader import load
from cbt.ops.host_resources import calm_collector, die_with_parent, told_by
from cbt.ops.logs import HELD_BACK, ignore_hang_up, init_logs, tell_start, tell_stop
from cbt.storage.write_queue.writer_client import can_share

if TYPE_CHECKING:
    from cbt.runner.save.journal import Journal

OWNER = "cbt.ops.writer_app:journal_of"
RESPAWN_SECONDS = 0.5
END_SECONDS = 10.0
END = getattr(signal, "SIGUSR1", signal.SIGTERM)  # Windows has no such signal, and no such process
"""Ends the writing process. Ctrl+C and a service manager tell the whole group, and it is to go last."""


class ProcessKeeper:
    """Keeps one process alive, in a thread of its own: `python -m` a module with arguments; `end` ends it.

    It is begun `after` so many seconds.
    """

    def __init__(self, settings: Settings, *command: str, end: signal.Signals, after: float = 0.0) -> None:
        self._command = [sys.executable, "-m", *command, str(os.getpid())]
        self._end, self._after = end, after
        self._environment = os.environ | as_environment(settings)
        self._pid: int | None = None
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="keeper", daemon=True)

    def begin(self) -> None:
        """Start it, and start it again whenever it ends."""
        self._thread.start()

    def end(self) -> None:
        """End it once what has arrived is carried out; what does not end in time is killed."""
        self._ended.set()
        self._signal(self._end)
        self._thread.join(END_SECONDS)
        if self._thread.is_alive():
            self._signal(signal.SIGKILL)
            self._thread.join()

    def _keep(self) -> None:
        self._ended.wait(self._after)
        while True:
            with self._lock:
                if self._ended.is_set():
                    return
                # Not by subprocess, which waits for the end of a pipe: a worker that is forked at that moment
                # keeps the other end of it.
                self._pid = os.posix_spawn(
                    self._command[0], self._command, self._environment, setsigmask=HELD_BACK
                )
            os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOWAIT)
            with self._lock:
                os.waitpid(self._pid, 0)  # from here on its number may be another's
                self._pid = None
            self._ended.wait(RESPAWN_SECONDS)

    def _signal(self, number: signal.Signals) -> None:
        with self._lock:
            if self._pid is not None:
                os.kill(self._pid, number)


@contextmanager
def writer_kept(settings: Settings, *, owner: str | None = OWNER) -> Iterator[None]:
    """Keep a writing process for the length of the block; `owner` names what makes its journal.

    PostgreSQL orders writers itself: none is kept there, nor where a system has no such lines (Windows).
    """
    if owner is None or not settings.embedded or not can_share():
        yield
        return
    keeper = ProcessKeeper(settings, "cbt.ops.writer_process", owner, end=END)
    keeper.begin()
    try:
        yield
    finally:
        keeper.end()


def main() -> None:
    """Own the writing until the parent sends END, or ends."""
    owner, parent = sys.argv[1:]
    die_with_parent(int(parent))
    until = told_by(END)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the server processes still need us to end in good order
    ignore_hang_up()
    settings = read_settings()
    init_logs(settings)
    while not settings.data_dir.is_dir():  # moved away under the server: nothing to own until it is back
        if select.select([until], [], [], RESPAWN_SECONDS)[0]:
            return
    module, _, name = owner.partition(":")
    [owning] = load(module)
    journal: Journal = getattr(owning, name)(settings)
    calm_collector()
    tell_start("writer", settings)
    journal.serve_lines(settings.data_dir, until)
    tell_stop("writer")


if __name__ == "__main__":
    main()
