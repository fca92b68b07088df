"""An exam whose database files are held, as the processes of a server see them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cbt.application.app import create_app
from cbt.config import Settings
from cbt.storage import file_guard
from cbt.storage.engine import files_of
from cbt.storage.file_guard import Holding
from cbt.storage.types import db
from tests.conftest import close_engine
from tests.safety.conftest import settings_of
from tests.world import World


@pytest.fixture
def held(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The world whose files are held by this process, as by the parent of a server."""
    with holding(world, settings_of(world), monkeypatch) as one:
        yield one


@contextmanager
def holding(world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Hold the files of a world, on an app with `settings`."""
    monkeypatch.setattr(file_guard, "LOOKED_AT", 10_000)  # a process of tests has opened many files before
    close_engine(world.app)
    files = Holding(settings.data_dir / "cbt.db", settings.data_dir / "write.lock")
    files.take()
    app = create_app(settings, clock=world.clock)
    app.testing = True
    app.config["WTF_CSRF_ENABLED"] = False
    with app.app_context():
        db.engine.connect().close()  # its own files are open from here on
    yield world.on(app, world.clock)
    close_engine(app)
    files.release()


def empty_log(world: World) -> None:
    """Put the log into the database and end it, as a second copy does from time to time."""
    with world.app.extensions["cbt_gate"]():
        put_log_in(world, "TRUNCATE")


def put_log_in(world: World, how: str) -> None:
    """Put the log into the database, with the gate: PASSIVE leaves the log, TRUNCATE ends it."""
    files = files_of(world.app)
    assert files is not None
    files.note_log()
    with world.app.app_context():
        connection = db.engine.raw_connection()
        connection.cursor().execute(f"PRAGMA wal_checkpoint({how})").fetchall()
        connection.close()


def aside(path: Path, name: str) -> Path:
    """Return a copy of a file, elsewhere."""
    target = path.parent.with_name(name)
    shutil.copyfile(path, target)
    return target
