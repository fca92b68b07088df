"""An import keeps nobody waiting: what lasts is done before, and what is put down is small and comes but once."""

from __future__ import annotations

from typing import Any

import flask
import pytest
from sqlalchemy import func, select

from cbt.bank import search
from cbt.bank.imports import bank_import, execution
from cbt.errors import Unavailable
from cbt.items.models import Item, ItemSearch, ItemVersion
from cbt.spreadsheets import file_checks
from cbt.storage.unit_of_work import put_down_joined, reading, unit_of_work
from cbt.storage.write_queue.change_set import Parcel
from tests.bank.samples import check, last_run, undo
from tests.bank.sheets import truth, workbook
from tests.bank.test_import_runs import CHANGED, confirm, items, state
from tests.helpers import FakeClock, count_queries

ROWS = [truth(f"第{number}步应当主动问候客户。", point="A-002") for number in range(25)]
FILE = ("a.xlsx", workbook([CHANGED, *ROWS]))


def counted(app: flask.Flask) -> list[int | None]:
    """Return how many items, versions and words there are."""
    with app.app_context(), reading() as session:
        return [
            session.scalar(select(func.count()).select_from(kind)) for kind in (Item, ItemVersion, ItemSearch)
        ]


def test_nobody_waits_while_anything_is_worked_out(
    bank: flask.Flask, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, seen = bank.extensions["cbt_gate"], dict[str, bool]()

    def watch(module: Any, name: str) -> None:
        original = getattr(module, name)

        def watched(*args: Any, **named: Any) -> Any:
            seen[name] = seen.get(name, False) or gate._lock.locked()
            return original(*args, **named)

        monkeypatch.setattr(module, name, watched)

    for module, name in (
        (bank_import, "read_all"),
        (bank_import, "review_for"),
        (file_checks, "seal_bytes"),
        (bank_import, "chosen"),
        (execution, "parcel_of"),
        (search, "words_of"),
    ):
        watch(module, name)
    confirm(bank, clock, check(bank, clock, FILE))
    assert seen == dict.fromkeys(
        ("read_all", "review_for", "seal_bytes", "chosen", "parcel_of", "words_of"), False
    )
    assert counted(bank) == [26, 27, 26]


def test_all_that_is_stored_goes_in_small_parcels(
    bank: flask.Flask, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, sizes = bank.extensions["cbt_journal"].writer, list[int]()
    original = writer.run

    def watched(request: Parcel, **how: bool) -> Any:
        sizes.append(sum(len(rows.values) for rows in request.rows))
        return original(request, **how)

    monkeypatch.setattr(writer, "run", watched)
    with count_queries(bank) as others:
        confirm(bank, clock, check(bank, clock, FILE))
        with bank.app_context():
            run = last_run()
        undo(bank, clock, run)
    rows_of_a_changed_item = 3
    assert max(sizes) <= execution.CHUNK * rows_of_a_changed_item
    assert sum(sizes) >= 2 * len(ROWS) + rows_of_a_changed_item
    written = [
        one for one in others if one.startswith(("INSERT INTO item", "UPDATE item", "DELETE FROM item"))
    ]
    assert [one for one in written if not one.startswith("UPDATE item_bank")] == []


@pytest.mark.parametrize("arrived", [True, False])
def test_a_parcel_of_which_nobody_knows_is_stored_once(
    bank: flask.Flask, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, arrived: bool
) -> None:
    calls = []

    def unknown(*rows: Any) -> bool:
        calls.append(1)
        if len(calls) % 2:
            if arrived:
                put_down_joined(*rows)
            raise Unavailable("db.write")
        return put_down_joined(*rows)

    monkeypatch.setattr(execution, "put_down_joined", unknown)
    ref = check(bank, clock, FILE)
    confirm(bank, clock, ref)
    assert state(bank, ref)[0] == "done"
    assert counted(bank) == [26, 27, 26]


def test_an_import_that_cannot_write_is_taken_back_and_says_so(
    bank: flask.Flask, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, calls = items(bank), []

    def gone(*rows: Any, tries: int = 1) -> bool:
        calls.append(1)
        if 1 < len(calls) <= 1 + execution.TRIES:
            raise Unavailable("db.write")
        return put_down_joined(*rows, tries=tries)

    monkeypatch.setattr(execution, "put_down_joined", gone)
    ref = check(bank, clock, FILE)
    confirm(bank, clock, ref)
    assert state(bank, ref) == ("failed", "db.write", None)
    with bank.app_context():
        assert last_run().state == "broken"
    assert [row[0] for row in items(bank)] == [row[0] for row in before]


@pytest.mark.parametrize(
    ("field", "value", "ends"),
    [
        pytest.param("current", 7, ("failed", "bank.changed_meanwhile"), id="another version"),
        pytest.param("state", "draft", ("done", ""), id="another state"),
    ],
)
def test_what_was_written_since_it_was_read_is_never_written_over(
    bank: flask.Flask,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    field: str,
    value: object,
    ends: tuple[str, str],
) -> None:
    ref, calls = check(bank, clock, FILE), list[bool]()
    parcel_of = execution.parcel_of

    def late(*args: Any, **named: Any) -> Any:
        calls.append("A-001-T1" in {entry.ref for entry in args[2]})
        found = parcel_of(*args, **named)
        if calls[-1] and sum(calls) == 1:
            with unit_of_work() as session:
                setattr(session.scalars(select(Item).where(Item.ref == "A-001-T1")).one(), field, value)
        return found

    monkeypatch.setattr(execution, "parcel_of", late)
    confirm(bank, clock, ref)
    assert state(bank, ref)[:2] == ends
    assert sum(calls) == 2  # what was worked out first was not put down
    if ends[0] == "done":
        with bank.app_context():
            run = last_run()
        assert undo(bank, clock, run) == (25, 1, 0)
        assert items(bank)[0] == ("A-001-T1", "draft", 1, 3)
