"""The sample bank as a folder and in a database."""

from __future__ import annotations

from pathlib import Path

import flask
import pytest

from cbt.bank import service
from tests.bank.samples import ACTOR, BANK, ITEMS, TAXONOMY
from tests.file_jobs import add_author
from tests.helpers import FakeClock


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a text bank of one item over two points."""
    path = tmp_path / BANK
    path.mkdir()
    (path / "taxonomy.toml").write_text(TAXONOMY, "utf-8")
    (path / "items.toml").write_text(ITEMS, "utf-8")
    return path


@pytest.fixture
def bank(app: flask.Flask, folder: Path, clock: FakeClock) -> flask.Flask:
    """Return an app whose database holds the sample bank."""
    with app.app_context():
        add_author(ACTOR.removeprefix("staff:"), now=clock.now())
        service.import_bank(folder, now=clock.now(), actor=ACTOR)
    return app
