"""What the processes of one test run make once for all of them: databases to copy from, and the PostgreSQL server.

They agree by locks on files in a folder of the run. Such a lock goes with the process that holds it.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.databases import PostgresServer, start_postgres

WORKER = "CBT_TEST_WORKER"
"""Says in the environment of a worker which one it is (tests/forked_runner.py)."""


def folder_of_run(factory: pytest.TempPathFactory) -> Path:
    """Return the folder that all processes of this test run know."""
    own = factory.getbasetemp()
    return own.parent if {WORKER, "PYTEST_XDIST_WORKER"} & set(os.environ) else own


@contextmanager
def locked(path: Path, how: int = fcntl.LOCK_EX) -> Iterator[None]:
    """Hold the lock `path`, alone or, by `how`, with others."""
    with path.open("a+") as held:
        fcntl.lockf(held, how)
        yield


@contextmanager
def server_of_run(folder: Path) -> Iterator[PostgresServer | None]:
    """Keep the PostgreSQL server of this run: who first needs it starts it, and stops it when nobody else is there.

    None where there are no binaries.
    """
    note, turn, needed = folder / "postgres.json", folder / "postgres.turn", folder / "postgres.needed"
    with ExitStack() as until_the_end:
        with locked(turn):
            server, ours = (_of_another(note), False) if note.exists() else (start_postgres(), True)
            if server is not None and server.process is not None:
                note.write_text(json.dumps([server.admin_url, str(server.folder)]), "utf-8")
            until_the_end.enter_context(locked(needed, fcntl.LOCK_SH))
        yield server
    if server is None:
        return
    if ours:
        with locked(turn):
            note.unlink(missing_ok=True)  # whoever comes now starts another
        with locked(needed):
            server.stop()
    else:
        server.leave()


def _of_another(note: Path) -> PostgresServer:
    url, folder = json.loads(note.read_text("utf-8"))
    return PostgresServer(url, folder=Path(folder))
