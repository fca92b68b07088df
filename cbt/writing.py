"""The process that owns the writing of the embedded database: saves and starts of all server processes go here.

Each commit of another process empties a process's page cache, so that its next batch deciphers every page again;
and a batch of many small statements would take turns with hundreds of request threads. Here one thread does
nothing else, and its pages stay. It is a matter of speed alone: while it is away each server process writes for
itself, under the same gate.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from cbt.app import create_app
from cbt.config import Settings, as_environment, read_settings
from cbt.db.write_line import can_share
from cbt.delivery.journal import Journal
from cbt.hosting import calm_collector, die_with_parent
from cbt.web.logs import init_logs

OWNER = "cbt.writing:journal_of"
RESPAWN_SECONDS = 0.5
END_SECONDS = 10.0
STDIN = 0


def journal_of(settings: Settings) -> Journal:
    """Return the journal whose saves and starts this process carries out."""
    journal: Journal = create_app(settings).extensions["cbt_journal"]
    return journal


class WriterKeeper:
    """Keeps one writing process alive; it ends when this process lets go of its standard input."""

    def __init__(self, settings: Settings, owner: str) -> None:
        self._command = [sys.executable, "-m", "cbt.writing", owner]
        self._environment = os.environ | as_environment(settings)
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="writer-keeper", daemon=True)

    def begin(self) -> None:
        """Start it, and start it again whenever it ends."""
        self._thread.start()

    def end(self) -> None:
        """End it once what has arrived is carried out; what does not end in time is killed."""
        with self._lock:
            self._ended.set()
            process = self._process
        if process is not None and process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
        self._thread.join()

    def _keep(self) -> None:
        while True:
            with self._lock:
                if self._ended.is_set():
                    return
                # Workers that are forked later must not hold the other end of its standard input (Popen closes
                # it in what it starts, a fork keeps it): they end before it in any case.
                process = self._process = subprocess.Popen(
                    self._command, env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
                )
            process.wait()
            self._ended.wait(RESPAWN_SECONDS)


@contextmanager
def writer_kept(settings: Settings, *, owner: str | None = OWNER) -> Iterator[None]:
    """Keep a writing process for the length of the block; `owner` names what makes its journal.

    PostgreSQL orders writers itself: none is kept there, nor where a system has no such lines (Windows).
    """
    if owner is None or not settings.embedded or not can_share():
        yield
        return
    keeper = WriterKeeper(settings, owner)
    keeper.begin()
    try:
        yield
    finally:
        keeper.end()


def main() -> None:
    """Own the writing until the parent lets go of our standard input."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server processes still need us to end in good order
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    init_logs()
    settings = read_settings()
    module, _, name = sys.argv[1].partition(":")
    journal: Journal = getattr(import_module(module), name)(settings)
    calm_collector()
    journal.serve_lines(settings.data_dir, STDIN)


if __name__ == "__main__":
    main()
