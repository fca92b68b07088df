"""An exam in progress and its end, as the safety tests need them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from cbt.config import Settings
from cbt.delivery.outage import beat
from cbt.delivery.sweeps import expire_overdue
from cbt.scoring.service import score_closed
from tests.databases import find_binaries
from tests.delivery.driver import Page
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
    world.admit_all()
    world.start()
    page = Page(world, "theory")
    assert page.start().status_code == 200
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
