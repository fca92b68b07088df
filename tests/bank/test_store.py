"""What later rooms read of a bank: revision, drawables, contents; kept in memory while nothing changes."""

from __future__ import annotations

from pathlib import Path

import flask
import pytest
from sqlalchemy import select

from cbt.bank import service, store
from cbt.errors import NotFound
from cbt.items.models import ItemVersion
from cbt.paths import product_dir
from cbt.storage.unit_of_work import reading
from tests.bank.samples import ACTOR, BANK, TAXONOMY, bring, undo
from tests.bank.sheets import single, truth, workbook
from tests.helpers import FakeClock, count_queries


def test_the_revision_changes_with_content_and_taxonomy_only(
    bank: flask.Flask, folder: Path, clock: FakeClock
) -> None:
    def revision() -> str:
        with bank.app_context(), reading() as session:
            return store.bank_revision(session, store.bank_by_ref(session, BANK).id)

    first = revision()
    assert revision() == first
    run = bring(bank, clock, [single(point="A-001")])
    second = revision()
    assert second != first
    undo(bank, clock, run)
    assert revision() == first
    (folder / "taxonomy.toml").write_text(TAXONOMY.replace('"Y"', '"Z"'), "utf-8")
    with bank.app_context():
        service.import_bank(folder, now=clock.now(), actor=ACTOR)
    assert revision() not in {first, second}


def test_what_can_be_drawn_is_read_once_for_each_revision(bank: flask.Flask, clock: FakeClock) -> None:
    def drawables() -> store.Drawables:
        with bank.app_context(), reading() as session:
            return store.drawables(session, store.bank_by_ref(session, BANK).id)

    found, weights, importances = drawables()
    assert [(one.ref, one.range, one.importance, one.difficulty, one.truth) for one in found] == [
        ("A-001-T1", "A", "X", 2, True)
    ]
    assert weights == {"A": 100}
    assert importances == {"A-001": "X", "A-002": "Y"}
    assert drawables()[0] is found
    bring(bank, clock, [single(point="A-001")])
    assert [one.ref for one in drawables()[0]] == ["A-001-S1", "A-001-T1"]


def test_contents_come_from_memory_the_second_time(bank: flask.Flask) -> None:
    with bank.app_context(), reading() as session:
        bank_id = store.bank_by_ref(session, BANK).id
        store.contents(session, [("A-001-T1", 1)], bank_id)
        with count_queries(bank) as seen:
            store.contents(session, [("A-001-T1", 1)], bank_id)
        assert seen == []
        with pytest.raises(NotFound):
            store.contents(session, [("A-001-T1", 9)], bank_id)


def test_an_unknown_bank_is_not_made_by_a_sheet(app: flask.Flask, tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(workbook([truth()]))
    with app.app_context(), pytest.raises(NotFound):
        service.import_bank(path, bank_ref="none", now=clock.now(), actor=ACTOR)


def test_the_shipped_bank_can_be_brought_in_whole(app: flask.Flask, clock: FakeClock) -> None:
    with app.app_context():
        folder = product_dir("question_bank") / "customer-service-l3"
        made = service.import_bank(folder, now=clock.now(), actor=ACTOR)
        with reading() as session:
            bank = store.bank_by_ref(session, "customer-service-l3")
            found, weights, _importances = store.drawables(session, bank.id)
            versions = session.scalars(select(ItemVersion)).all()
    assert made.added == len(found) == len(versions) == 372
    assert sum(weights.values()) == 100
    assert {one.range for one in found} <= set(weights)
