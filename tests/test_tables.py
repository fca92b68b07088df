"""Tables that are made at once are those that the steps lead to (tests/tables.py)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cbt.application.app import create_app
from cbt.storage import migrate as steps
from cbt.storage.engine import begin_installation
from cbt.storage.types import db
from tests import tables
from tests.conftest import base_settings, close_engine

OWN = "key_print"
"""Names the keys of one installation."""


def made(folder: Path) -> list[tuple[str, Sequence[Any]]]:
    """Return what is in the database of a new installation."""
    settings = base_settings(folder)
    begin_installation(settings)
    app = create_app(settings)
    with app.app_context():
        assert steps.migrate() == steps.database_revision()
        with db.engine.connect() as connection:
            found = tables._what_is_there(connection)
    close_engine(app)
    return [one for one in found if not one[0].startswith(f'INSERT INTO "{OWN}"')]


def test_tables_made_at_once_are_those_of_the_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_steps = made(tmp_path / "steps")
    tables.make_tables_at_once(monkeypatch)
    monkeypatch.setattr(tables, "_in_the_end", [])
    first, at_once = made(tmp_path / "first"), made(tmp_path / "at_once")
    assert len(by_steps) > 200
    assert first == at_once == by_steps
