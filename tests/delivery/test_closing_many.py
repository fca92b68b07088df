"""The sweep closes many at once: what it stores is what one closing alone stores, and nobody is closed twice."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from cbt.audit.models import AuditEntry
from cbt.rules.states import ClosedBy
from cbt.runner.close import closure
from cbt.runner.close.closure import (
    SealedJournal,
    SealedTexts,
    close_attempts,
    expire_overdue,
    sealed_here,
    sealed_texts,
)
from cbt.runner.models import Attempt, JournalEntry
from cbt.runner.save.digest import journal_texts
from cbt.scoring.models import Score
from cbt.scoring.service import score_closed, verify_sitting
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.delivery.test_ends_in_batches import Sending, closings, said, sealed_by_hand
from tests.helpers import count_queries
from tests.proctoring.desk import attempt
from tests.world import PLANNED, World

NAMES = ("theory", "second", "elsewhere")
END = PLANNED + timedelta(minutes=45)
SWEPT = END + timedelta(seconds=5)


@pytest.fixture
def sending(world: World) -> Sending:
    """Three papers whose time is up, each with an answer; their candidates' pages are still there."""
    world.admit_all()
    world.start()
    sending = Sending(world, *NAMES)
    for number, page in enumerate(sending.pages.values(), 1):
        assert page.answer(number, "A").status_code == 200
    world.clock.set(SWEPT)
    return sending


def sweep(world: World) -> int:
    with world.app.app_context():
        return expire_overdue(now=world.clock.now())


def meanwhile(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Let something happen, once, when the sweep has read journals and has nothing locked yet."""
    waiting = [happens]

    def read(session: Session, attempt_ids: Sequence[int]) -> dict[int, str]:
        texts = journal_texts(session, attempt_ids)
        while waiting:
            waiting.pop()()
        return texts

    monkeypatch.setattr(closure, "journal_texts", read)


def write_late(world: World, name: str) -> None:
    """Add an answer to a journal, as a save does that was on its way to the disk."""
    row = {"lease_epoch": 1, "seq": 99, "position": 9, "kind": "answer", "value": '"B"', "in_grace": True}
    attempt_id = world.sitters[name].attempt_id
    with world.app.app_context(), unit_of_work() as session:
        session.execute(insert(JournalEntry), [{**row, "attempt_id": attempt_id, "received_at": END}])


def entry_of(world: World, ref: str) -> AuditEntry:
    with world.app.app_context(), reading() as session:
        query = select(AuditEntry).where(AuditEntry.act == "attempt.close")
        return session.scalars(query.where(AuditEntry.subject == f"attempt:{ref}")).one()


def test_each_is_stored_as_if_it_were_closed_alone(sending: Sending) -> None:
    world = sending.world
    assert sweep(world) == len(NAMES)
    receipts = set()
    for name, page in sending.pages.items():
        row, entry = attempt(world, name), entry_of(world, page.ref)
        sealed = sealed_by_hand(world, row.id)
        assert (row.state, row.closed_by, row.closed_at) == ("closed", "deadline", END)
        assert (row.submitted_at, row.journal_digest) == (None, sealed)
        assert (row.closes_at, row.lease_epoch) == (END, 1)
        assert (entry.at, entry.actor, entry.reason) == (SWEPT, "scheduler", "")
        assert entry.before == '{"state":"interacting"}'
        at = END.isoformat()
        assert entry.after == f'{{"closed_at":"{at}","closed_by":"deadline","journal":"{sealed}"}}'
        receipts.add(row.receipt)
    assert len(receipts) == len(NAMES)
    assert all(re.fullmatch(r"R-[2-9A-Z]{10}", receipt or "") for receipt in receipts)
    assert set(closings(world).values()) == {1}


def test_who_hands_in_meanwhile_is_closed_by_that_alone(
    sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = sending.world
    done: list[Any] = []
    hand_in = sending.hand_in("second", (5, "B"), now=END + timedelta(seconds=2, milliseconds=900))
    meanwhile(monkeypatch, lambda: done.extend(sending.carry_out(hand_in)))
    assert sweep(world) == len(NAMES) - 1
    assert said(done) == ["saved+"]
    row = attempt(world, "second")
    assert (row.receipt, row.journal_digest) == (done[0].receipt, sealed_by_hand(world, row.id))
    assert entry_of(world, sending.pages["second"].ref).actor.startswith("candidate:")
    assert closings(world) == {page.ref: 1 for page in sending.pages.values()}


def test_a_journal_that_grew_after_it_was_read_is_sealed_as_it_is(
    sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = sending.world
    meanwhile(monkeypatch, lambda: write_late(world, "second"))
    assert sweep(world) == len(NAMES)
    for name in NAMES:
        row = attempt(world, name)
        assert row.journal_digest == sealed_by_hand(world, row.id)
    with world.app.app_context():
        assert score_closed(now=SWEPT) == len(NAMES)
        assert [one.ok for one in verify_sitting(world.sitting_ref)] == [True] * len(NAMES)


def test_of_two_sweeps_each_closes_what_the_other_has_not(
    sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = sending.world
    inner: list[int] = []
    meanwhile(monkeypatch, lambda: inner.append(sweep(world)))
    assert (sweep(world), inner) == (0, [len(NAMES)])
    assert closings(world) == {page.ref: 1 for page in sending.pages.values()}


@pytest.mark.parametrize("after", [False, True], ids=["before it wrote", "before it committed"])
def test_a_sweep_that_is_killed_leaves_whole_chunks(
    sending: Sending, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    world = sending.world
    closes, chunks = closure.close_rows, []

    def killed(*rest: Any, **more: Any) -> Any:
        chunks.append(1)
        done = closes(*rest, **more) if after or len(chunks) < 2 else None
        if len(chunks) == 2:
            raise SystemExit
        return done

    monkeypatch.setattr(closure, "CHUNK", 2)
    with monkeypatch.context() as broken, pytest.raises(SystemExit):
        broken.setattr(closure, "close_rows", killed)
        sweep(world)
    rows = [attempt(world, name) for name in NAMES]
    assert sorted(row.state for row in rows) == ["closed", "closed", "interacting"]
    for row in rows:
        whole = (row.closed_by, row.closed_at, row.journal_digest)
        closed = ("deadline", END, sealed_by_hand(world, row.id))
        assert whole == (closed if row.state == "closed" else (None, None, None))
    assert set(closings(world)) == {row.ref for row in rows if row.state == "closed"}
    assert sweep(world) == 1
    assert closings(world) == {page.ref: 1 for page in sending.pages.values()}


def test_more_time_given_meanwhile_keeps_a_paper_open(
    sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = sending.world

    def give() -> None:
        with world.app.app_context(), unit_of_work() as session:
            session.get_one(Attempt, world.sitters["second"].attempt_id).closes_at = SWEPT

    meanwhile(monkeypatch, give)
    assert sweep(world) == len(NAMES) - 1
    assert attempt(world, "second").state == "interacting"


def test_a_session_sees_what_became_of_the_rows_it_holds(sending: Sending) -> None:
    world = sending.world
    ids = [world.sitters[name].attempt_id for name in NAMES]
    with world.app.app_context(), unit_of_work() as session:
        held = list(session.scalars(select(Attempt).where(Attempt.id.in_(ids)).order_by(Attempt.id)))
        held[0].closes_at = END - timedelta(seconds=1)  # not written yet: it counts all the same
        how = {"closed_at": None, "closed_by": ClosedBy.PROCTOR, "actor": "staff:test", "reason": "强制"}
        assert close_attempts(session, held, now=SWEPT, **how) == sorted(ids)
        assert {(one.state, one.closed_by) for one in held} == {("closed", "proctor")}
        assert [END - one.closed_at for one in held if one.closed_at] == [
            timedelta(seconds=1),
            *[timedelta(0)] * 2,
        ]
        assert close_attempts(session, held, now=SWEPT, **how) == []
    assert entry_of(world, sending.pages["theory"].ref).reason == "强制"


def test_what_was_sealed_here_is_scored_without_being_read_again(sending: Sending) -> None:
    world = sending.world
    assert sweep(world) == len(NAMES)
    with world.app.app_context():
        with count_queries(world.app) as asked:
            assert score_closed(now=SWEPT) == len(NAMES)
        assert [one for one in asked if "FROM journal" in one] == []
        assert [one.ok for one in verify_sitting(world.sitting_ref)] == [True] * len(NAMES)
        for name in NAMES:
            row = attempt(world, name)
            assert sealed_here().take(row.id, row.journal_digest) is None


def test_a_journal_sealed_anew_is_not_taken_for_the_former(sending: Sending) -> None:
    """Reopened and closed again by somebody else, with another answer: what this process kept is old."""
    world = sending.world
    assert sweep(world) == len(NAMES)
    write_late(world, "second")
    one = world.sitters["second"].attempt_id
    now_sealed = sealed_by_hand(world, one)
    with world.app.app_context():
        with unit_of_work() as session:
            session.get_one(Attempt, one).journal_digest = now_sealed
        with reading() as session:
            texts = sealed_texts(session, [one])
            assert texts == journal_texts(session, [one])
        assert hashlib.sha256(texts[one].encode()).hexdigest() == now_sealed
        assert score_closed(now=SWEPT) == len(NAMES)
        with reading() as session:
            digests = {row.attempt_id: row.journal_digest for row in session.scalars(select(Score))}
        assert digests[one] == now_sealed
        assert all(found.ok for found in verify_sitting(world.sitting_ref))


def test_kept_journals_have_a_bound_and_go_when_they_are_taken() -> None:
    kept = SealedTexts(most=10)
    kept.keep({1: SealedJournal("four", "a"), 2: SealedJournal("five!", "b")})
    assert kept.take(1, "another") is None
    assert kept.take(1, "a") is None, "what does not fit is let go of"
    kept.keep({3: SealedJournal("five!", "c"), 2: SealedJournal("five?", "d")})
    assert kept.take(2, "b") is None
    kept.keep({2: SealedJournal("five?", "d"), 4: SealedJournal("more", "e")})
    assert [kept.take(number, seal) for number, seal in ((3, "c"), (2, "d"), (4, "e"))] == [
        None,
        None,
        "more",
    ]
    kept.keep({5: SealedJournal("x" * 10, "f")})
    assert kept.take(5, "f") == "x" * 10
