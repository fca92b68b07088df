"""An exam in progress and its end, as the safety tests need them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import flask
import pytest

from cbt.application.app import create_app
from cbt.config import Settings
from cbt.runner.close.closure import expire_overdue
from cbt.runner.close.outage import beat
from cbt.scoring.service import score_closed
from cbt.storage import mirror
from tests.conftest import close_engine
from tests.databases import find_binaries
from tests.delivery.driver import Page, opened_page
from tests.helpers import FakeClock
from tests.world import PLANNED, World


@pytest.fixture(autouse=True)
def _postgres_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put pg_dump and pg_restore on the PATH, as an installation on PostgreSQL has them."""
    folder = find_binaries()
    if folder is not None:
        monkeypatch.setenv("PATH", str(folder), prepend=":")


@pytest.fixture
def exam(world: World) -> Page:
    """王小明 has answered two items, ten minutes into the paper."""
    page = opened_page(world)
    world.clock.set(PLANNED + timedelta(minutes=10))
    with world.app.app_context():
        beat(now=world.clock.now())
    for position in (1, 2):
        assert page.answer(position, "A").status_code == 200
    return page


def settings_of(world: World) -> Settings:
    """Return the settings of the installation a test runs on."""
    settings: Settings = world.app.extensions["cbt_settings"]
    return settings


def end_everything(world: World) -> None:
    """Let every deadline pass, close and score."""
    world.clock.set(PLANNED + timedelta(hours=6))
    with world.app.app_context():
        expire_overdue(now=world.clock.now())
        score_closed(now=world.clock.now())


def files_below(folder: Path) -> list[Path]:
    """Return every file below `folder`."""
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.fixture
def copied(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The world with a second copy of its journal in `tmp_path / "copy"`; a failed one is tried again at once."""
    monkeypatch.setattr(mirror, "TRY_EVERY_SECONDS", 0.0)
    close_engine(world.app)
    app = with_copy(settings_of(world), tmp_path / "copy", world.clock)
    yield world.on(app, world.clock)
    close_engine(app)


def with_copy(settings: Settings, folder: Path, clock: FakeClock, *, required: bool = True) -> flask.Flask:
    """Return the app on an installation that keeps a second copy."""
    app = create_app(replace(settings, journal_copy_dir=folder, journal_copy_required=required), clock=clock)
    app.testing = True
    app.config["WTF_CSRF_ENABLED"] = False
    return app


def begin_exam(world: World) -> Page:
    """Start the exam and open 王小明's paper."""
    return opened_page(world)
