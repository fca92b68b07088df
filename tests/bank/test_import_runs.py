"""A large import is stored piece by piece: whole in the end or not at all, and its process may die."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import flask
import pytest
from sqlalchemy import func, select, update

from cbt.bank.imports import bank_import, execution
from cbt.bank.imports import bank_import as checks
from cbt.bank.imports.bank_import import BANKS
from cbt.bank.imports.checks import standing_of
from cbt.bank.imports.models import ImportCheck
from cbt.bank.imports.plan import Mode
from cbt.errors import CbtError, Conflict
from cbt.imports import machine
from cbt.items.models import ImportRun, Item, ItemVersion
from cbt.jobs import queue
from cbt.jobs.models import Job
from cbt.jobs.queue import HELD, MOST_TRIES
from cbt.jobs.registry import job_kinds
from cbt.jobs.worker import AT_ONCE, JobRun, carry_out, new_holder
from cbt.rules.states import ItemState
from cbt.storage.unit_of_work import put_down_joined, reading, unit_of_work
from cbt.storage.write_queue.change_set import Rows
from tests.bank.samples import ACTOR, BANK, bring, check, last_run, published, undo
from tests.bank.sheets import single, truth, workbook
from tests.file_jobs import add_author, check_of, end_of, work_on
from tests.helpers import FakeClock

ROWS = [truth(f"第{number}步应当主动问候客户。", point="A-002") for number in range(7)]
CHANGED = truth("客服员应当如实介绍商品。", point="A-001", answer="×")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have three items be many."""
    monkeypatch.setattr(execution, "CHUNK", 3)
    monkeypatch.setattr(execution, "TOGETHER", 3)


def items(app: flask.Flask) -> list[tuple[str, str, int, int]]:
    """Return ref, state, drawn and current version of all items."""
    with app.app_context(), reading() as session:
        rows = session.execute(select(Item.ref, Item.state, Item.version, Item.current).order_by(Item.id))
        return [(ref, state, version, current) for ref, state, version, current in rows]


def confirm(app: flask.Flask, clock: FakeClock, ref: str, *, work: bool = True) -> None:
    with app.app_context():
        checks.confirm(
            bank_ref=BANK,
            draft_ref=ref,
            mode=Mode.UPDATE,
            state=ItemState.IN_REVIEW,
            partial=False,
            near=True,
            understood=True,
            now=clock.now(),
            actor=ACTOR,
        )
        if work:
            work_on(ref, clock=clock.now)


def claimed(clock: FakeClock, busy: tuple[str, ...] = ()) -> Job | None:
    """Take the oldest job that is due, as a worker does that ends without a word."""
    return queue.claim(new_holder(), now=clock.now(), kinds=job_kinds().codes, busy=busy)


def state(app: flask.Flask, ref: str) -> tuple[str, str, int | None]:
    with app.app_context():
        found = check_of(ref)
        assert isinstance(found, ImportCheck)
        with reading() as session:
            standing = standing_of(session, bank_ref=BANK, ref=ref, actor=found.actor)
        return *end_of(standing), found.run_id


@pytest.mark.usefixtures("small")
def test_nothing_of_a_large_run_is_drawn_before_it_is_whole(
    bank: flask.Flask, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    original = execution.store_some

    def watched(*args: Any, **named: Any) -> None:
        original(*args, **named)
        seen.append(published(bank))

    monkeypatch.setattr(execution, "store_some", watched)
    run = bring(bank, clock, [CHANGED, *ROWS])
    assert seen == [{"A-001-T1": 1}] * 3
    assert published(bank) == {"A-001-T1": 2, **{f"A-002-T{number}": 1 for number in range(1, 8)}}
    assert (run.state, run.added, run.changed) == ("stored", 7, 1)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("error", [RuntimeError("the disk is gone"), Conflict("bank.changed_meanwhile")])
def test_a_run_that_breaks_is_taken_back_whole(
    bank: flask.Flask, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    before, calls = items(bank), []
    original = execution.store_some

    def failing(*args: Any, **named: Any) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise error
        original(*args, **named)

    monkeypatch.setattr(execution, "store_some", failing)
    with pytest.raises(type(error)):
        bring(bank, clock, [CHANGED, *ROWS])
    with bank.app_context():
        assert last_run().state == "broken"
    found = items(bank)
    assert [row[0] for row in found] == [row[0] for row in before]
    assert published(bank).keys() == {"A-001-T1"}
    monkeypatch.setattr(execution, "store_some", original)
    assert bring(bank, clock, [CHANGED, *ROWS]).added == 7


@pytest.mark.usefixtures("small")
def test_an_import_whose_process_was_killed_goes_on_where_it_stood(
    bank: flask.Flask, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = check(bank, clock, ("a.xlsx", workbook([CHANGED, *ROWS])))
    confirm(bank, clock, ref, work=False)
    original, calls = execution.store_some, []

    class Killed(BaseException):
        pass

    def killed(*args: Any, **named: Any) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise Killed
        original(*args, **named)

    monkeypatch.setattr(execution, "store_some", killed)
    monkeypatch.setattr(
        execution, "break_off", lambda *_args, **_named: None
    )  # who is killed does nothing more
    with bank.app_context(), pytest.raises(Killed):
        work_on(ref, clock=clock.now)
    monkeypatch.undo()
    assert state(bank, ref)[:2] == ("importing", "")
    clock.advance(HELD + timedelta(seconds=1))
    with bank.app_context():
        assert work_on(ref, clock=clock.now)
    assert state(bank, ref)[0] == "done"
    assert len(items(bank)) == 8
    with bank.app_context(), reading() as session:
        assert session.scalar(select(func.count()).select_from(ItemVersion)) == 9
        assert [run.state for run in session.scalars(select(ImportRun))] == ["stored", "stored"]


@pytest.mark.usefixtures("small")
def test_what_a_dead_import_stored_can_be_taken_back(bank: flask.Flask, clock: FakeClock) -> None:
    ref = check(bank, clock, ("a.xlsx", workbook([CHANGED, *ROWS])))
    confirm(bank, clock, ref, work=False)
    before = items(bank)
    for _ in range(MOST_TRIES):
        with bank.app_context():
            assert claimed(clock) is not None
        with bank.app_context(), unit_of_work() as session:
            taken = session.scalars(select(ImportCheck).where(ImportCheck.ref == ref)).one()
            what = execution.Bringing(BANK, "a.xlsx", "national", "", {}, ACTOR)
            if taken.run_id is None:
                run = ImportRun(
                    ref="im-half", bank_id=taken.bank_id, state="storing", file_name="a.xlsx", form="national",
                    added=7, changed=1, skipped=0, actor=ACTOR, at=clock.now(),
                )  # fmt: skip
                session.add(run)
                session.flush()
                bank_import.link_run(session, ref, run.id)
                assert what.state is ItemState.REVIEWED
        clock.advance(HELD + timedelta(seconds=1))
    with bank.app_context():
        assert claimed(clock) is None
    assert state(bank, ref)[:2] == ("failed", "bank.import_died")
    with bank.app_context():
        with pytest.raises(Conflict):
            checks.read_again(
                bank_ref=BANK, draft_ref=ref, adjust={}, points={}, now=clock.now(), actor=ACTOR
            )
        checks.cancel(bank_ref=BANK, draft_ref=ref, now=clock.now(), actor=ACTOR)
        assert last_run().state == "broken"
    assert items(bank) == before


def test_an_undo_returns_an_item_to_the_state_it_was_in(bank: flask.Flask, clock: FakeClock) -> None:
    with bank.app_context(), unit_of_work() as session:
        session.scalars(select(Item)).one().state = "draft"
    run = bring(bank, clock, [CHANGED, ROWS[0]], ItemState.IN_REVIEW)
    assert items(bank) == [("A-001-T1", "in_review", 1, 2), ("A-002-T1", "in_review", 0, 1)]
    assert undo(bank, clock, run) == (1, 1, 0)
    assert items(bank) == [("A-001-T1", "draft", 1, 3), ("A-002-T1", "retired", 0, 1)]


def test_an_undo_takes_back_what_was_reviewed_meanwhile(bank: flask.Flask, clock: FakeClock) -> None:
    run = bring(bank, clock, [CHANGED], ItemState.IN_REVIEW)
    with bank.app_context(), unit_of_work() as session:
        item = session.scalars(select(Item)).one()
        item.state, item.version = "reviewed", item.current
    assert undo(bank, clock, run) == (0, 1, 0)
    assert items(bank) == [("A-001-T1", "reviewed", 3, 3)]


def test_a_file_that_asks_twice_stores_once_and_keeps_what_differs(
    bank: flask.Flask, clock: FakeClock
) -> None:
    asked = single(point="A-001")
    run = bring(bank, clock, [asked, asked, single(point="A-001", answer="C")])
    assert (run.added, run.skipped) == (2, 1)
    assert published(bank) == {"A-001-T1": 1, "A-001-S1": 1, "A-001-S2": 1}


@pytest.fixture
def waiting(bank: flask.Flask, clock: FakeClock) -> list[str]:
    """Four checks that wait, the first two of one person in two banks."""
    refs = []
    with bank.app_context():
        for actor in ("staff:a", "staff:b", "staff:c"):
            add_author(actor.removeprefix("staff:"), now=clock.now())
            clock.advance(timedelta(seconds=1))
            refs.append(
                checks.keep(
                    bank_ref=BANK,
                    files=[("a.xlsx", workbook(ROWS))],
                    locale="zh",
                    now=clock.now(),
                    actor=actor,
                )
            )
        with unit_of_work() as session:
            for table in (ImportCheck, Job):
                session.execute(update(table).where(table.actor == "staff:b").values(actor="staff:a"))
    return refs


def test_of_one_person_one_check_runs_at_a_time(
    bank: flask.Flask, clock: FakeClock, waiting: list[str]
) -> None:
    with bank.app_context():
        assert {kind.code for kind in BANKS.jobs} <= job_kinds().lasting  # of these a worker has less
        first = claimed(clock)
        assert first is not None
        other = claimed(clock, busy=(first.actor,))
        assert other is not None
        assert [first.ref, other.ref] == [check_of(waiting[number]).job_ref for number in (0, 2)]
        assert claimed(clock, busy=(first.actor, other.actor)) is None
        assert carry_out(JobRun(first, now=clock.now())).done is not None
        second = claimed(clock, busy=(other.actor,))
        assert second is not None
        assert second.ref == check_of(waiting[1]).job_ref
    assert AT_ONCE == 3


def test_a_check_whose_workers_end_without_a_word_is_given_up(
    bank: flask.Flask, clock: FakeClock, waiting: list[str]
) -> None:
    with bank.app_context():
        for _ in range(MOST_TRIES):
            taken = claimed(clock)
            assert taken is not None
            assert taken.ref == check_of(waiting[0]).job_ref
            clock.advance(HELD + timedelta(seconds=1))
        claimed(clock)
    assert state(bank, waiting[0])[:2] == ("failed", "bank.check_died")


def test_a_check_that_nobody_wants_any_more_leaves_nothing(
    bank: flask.Flask, clock: FakeClock, waiting: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def cancel() -> None:
        with bank.app_context():
            checks.cancel(bank_ref=BANK, draft_ref=waiting[0], now=clock.now(), actor="staff:a")

    def forgotten(*rows: Rows, tries: int) -> bool:
        put = put_down_joined(*rows, tries=tries)
        with ThreadPoolExecutor(1) as author:
            author.submit(cancel).result()
        return put

    monkeypatch.setattr(machine, "put_down_joined", forgotten)
    with bank.app_context():
        assert not work_on(waiting[0], clock=clock.now)
        with reading() as session:
            assert set(session.scalars(select(ImportCheck.ref))) == set(waiting[1:])


def test_what_refuses_a_file_is_told_with_what_to_do(bank: flask.Flask, clock: FakeClock) -> None:
    ref = check(bank, clock, ("a.xlsx", b"\xd0\xcf\x11\xe0" + b"\0" * 600))
    found, error, _run = state(bank, ref)
    assert found == "failed"
    assert isinstance(CbtError(error), CbtError)
    assert error.startswith(("bank.", "sheet."))
