"""A database that is written over while its second copy goes on with another log: the copy has what was saved."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import func, select

from cbt.application.app import create_app
from cbt.ops.backup.restore import rebuild
from cbt.runner.models import JournalEntry
from cbt.sittings.models import Batch
from cbt.sittings.service import create_batch
from cbt.storage.mirror import JournalCopy
from cbt.storage.unit_of_work import reading, unit_of_work
from cbt.storage.write_queue.write_lock import Gate
from tests.safety.conftest import begin_exam, settings_of
from tests.safety.held import aside, holding
from tests.world import World

# Only there: PostgreSQL keeps its second copy itself.
pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"])
GROWN = 100
"""Batches made after the older file: some pages more."""


@pytest.fixture
def both(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The world with a second copy in `tmp_path / "copy"`, its files held."""
    settings = replace(settings_of(world), journal_copy_dir=tmp_path / "copy")
    with holding(world, settings, monkeypatch) as one:
        yield one


def copy_of(world: World) -> JournalCopy:
    """Return the copier of a world."""
    copy = cast(Gate, world.app.extensions["cbt_gate"]).copy
    assert isinstance(copy, JournalCopy)
    return copy


def empty_next(world: World) -> None:
    """Have the log emptied after the next commit."""
    copy_of(world)._log._empty_at = 1


def begin_anew(world: World) -> None:
    """Have the copy begun anew, with a base, before the next transaction."""
    copy_of(world)._mark.ask_for_base()


@pytest.mark.parametrize(
    ("when", "step"),
    [
        pytest.param(empty_next, "empty", id="emptied"),
        pytest.param(empty_next, "raise_version", id="the next begun"),
        pytest.param(begin_anew, "raise_version", id="before the base"),
        pytest.param(begin_anew, "main_file", id="the base copied"),
    ],
)
def test_what_was_saved_is_in_the_copy(
    both: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: Callable[[World], None], step: str
) -> None:
    page, source = begin_exam(both), copy_of(both)._source
    database = settings_of(both).data_dir / "cbt.db"
    empty_next(both)
    assert page.answer(1, "A").status_code == 200
    older = aside(database, "older.db")  # shorter than the database will be
    with both.app.app_context(), unit_of_work() as session:
        batches = session.scalar(select(func.count()).select_from(Batch)) or 0
        for number in range(GROWN):
            create_batch(session, name=f"第 {number} 批", now=both.clock.now(), actor="test")
    empty_next(both)
    assert page.answer(2, "A").status_code == 200
    assert page.answer(3, "A").status_code == 200
    done = getattr(source, step)

    def overwritten() -> Any:
        found = done()
        shutil.copyfile(older, database)
        return found

    monkeypatch.setattr(source, step, overwritten)
    when(both)
    refused = page.answer(4, "A")
    assert (refused.status_code, refused.get_json()["code"]) == (503, "db.overwritten")
    assert page.answer(5, "A").get_json()["code"] == "db.overwritten"

    place = replace(settings_of(both), data_dir=tmp_path / "rebuilt", journal_copy_dir=None)
    for folding in (one for one in threading.enumerate() if one.name == "copy-fold"):
        folding.join()
    whole = rebuild(place, tmp_path / "copy")
    assert not whole.torn
    assert not whole.damaged
    with create_app(place, clock=both.clock).app_context(), reading() as session:
        seqs = list(session.scalars(select(JournalEntry.seq).order_by(JournalEntry.seq)))
        assert seqs[:3] == [1, 2, 3]
        assert session.scalar(select(func.count()).select_from(Batch)) == batches + GROWN
