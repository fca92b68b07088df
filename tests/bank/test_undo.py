"""An undo takes an import back as a whole, and nothing that came after it."""

from __future__ import annotations

from datetime import timedelta

import flask
import pytest

from cbt.bank import store
from cbt.errors import Conflict
from cbt.storage.unit_of_work import reading
from tests.bank.samples import BANK, bring, published, undo
from tests.bank.sheets import single, truth
from tests.helpers import FakeClock


def test_an_undo_withdraws_what_was_added_and_returns_what_was_changed(
    bank: flask.Flask, clock: FakeClock
) -> None:
    bring(bank, clock, [single(point="A-001")])
    second = bring(
        bank, clock, [single(point="A-001", answer="C"), truth("应当主动问候客户。", point="A-002")]
    )
    assert undo(bank, clock, second) == (1, 1, 0)
    assert published(bank) == {"A-001-T1": 1, "A-001-S1": 3}
    with bank.app_context(), reading() as session:
        bank_id = store.bank_by_ref(session, BANK).id
        found = store.contents(session, [("A-001-S1", n) for n in (1, 2, 3)], bank_id)
        withdrawn = store.contents(session, [("A-002-T1", 1)], bank_id)
    assert [found["A-001-S1", n].answer_key for n in (1, 2, 3)] == [(1,), (2,), (1,)]
    assert withdrawn["A-002-T1", 1].stem == "应当主动问候客户。"


def test_an_undo_leaves_what_was_changed_again(bank: flask.Flask, clock: FakeClock) -> None:
    first = bring(bank, clock, [single(point="A-001")])
    bring(bank, clock, [single(point="A-001", answer="C")])
    assert undo(bank, clock, first) == (0, 0, 1)
    assert published(bank)["A-001-S1"] == 2


def test_an_import_is_undone_once(bank: flask.Flask, clock: FakeClock) -> None:
    run = bring(bank, clock, [single(point="A-001")])
    undo(bank, clock, run)
    with pytest.raises(Conflict):
        undo(bank, clock, run)


def test_a_withdrawn_item_that_comes_again_is_published_again(bank: flask.Flask, clock: FakeClock) -> None:
    undo(bank, clock, bring(bank, clock, [single(point="A-001")]))
    clock.advance(timedelta(minutes=1))
    again = bring(bank, clock, [single(point="A-001")])
    assert (again.added, again.changed) == (1, 0)
    assert published(bank)["A-001-S1"] == 2
    undo(bank, clock, again)
    assert "A-001-S1" not in published(bank)
