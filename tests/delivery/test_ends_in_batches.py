"""Hand-ins and units' ends of one batch: each is taken or refused as if it were alone, and closes once."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from cbt.audit.anchor import FILE, Anchor
from cbt.audit.chain import Sealer, head_of
from cbt.audit.models import AuditEntry
from cbt.audit.verification import verify
from cbt.errors import CbtError, Unavailable
from cbt.http.auth.machine import token_hash
from cbt.rules.states import ClosedBy
from cbt.runner.attempt_changes import suspend_attempt
from cbt.runner.close.closure import EndBatch, close_attempts
from cbt.runner.models import Attempt, AttemptLive, JournalEntry, LateEntry, UnitDone
from cbt.runner.protocol import HandedIn, HandIn, Save, Saved, UnitEndResult, UnitLeft, read_entries
from cbt.runner.save.batch import LiveRows
from cbt.runner.save.journal import QUIET, Journal
from cbt.storage.unit_of_work import reading, unit_of_work
from cbt.storage.write_queue.batch import Failed, More
from cbt.storage.write_queue.group_commit import GroupWriter
from tests.delivery.driver import Page
from tests.delivery.starts import left_to_views, refuse_views
from tests.proctoring.desk import attempt, change
from tests.world import PLANNED, World
from torture.sites.waiting import wait_for

SECOND = timedelta(seconds=1)
EARLIEST = PLANNED + timedelta(minutes=30)
NOW = EARLIEST + SECOND


class Sending:
    """The pages of a running room, and what they ask for."""

    def __init__(self, world: World, *names: str) -> None:
        self.world = world
        self.journal = world.app.extensions["cbt_journal"]
        self.pages = {name: Page(world, name) for name in names}
        for page in self.pages.values():
            assert page.start().status_code == 200

    def save(
        self, name: str, *answers: tuple[int, str], now: datetime = NOW, lease: str = "", machine: str = ""
    ) -> Save:
        page = self.pages[name]
        with self.world.app.app_context():
            info = self.journal.infos.get(page.ref)
        entries = read_entries(info, [page.entry(*one) for one in answers])
        lease_hash = token_hash(lease or page.lease)
        return Save(info.attempt_id, lease_hash, page.epoch, entries, now, machine or page.machine)

    def hand_in(self, name: str, *answers: tuple[int, str], **how: Any) -> HandIn:
        save = self.save(name, *answers, **how)
        return HandIn(save, save.now)

    def carry_out(self, *requests: object) -> list[Any]:
        """Have one batch carried out, and return what became of each."""
        return list(self.journal.commits.carry_out(requests, lambda: ()).outcomes)


@pytest.fixture
def running(world: World) -> World:
    world.admit_all()
    world.start()
    return world


def said(outcomes: Sequence[Any]) -> list[str]:
    """Return each outcome in a word: what became of the answers, or the refusal; + for a receipt."""
    return [
        one.code
        if isinstance(one, CbtError)
        else f"{one.outcome if isinstance(one, Saved) else one.saved.outcome}"
        + ("+" if isinstance(one, HandedIn) and one.receipt else "")
        for one in outcomes
    ]


def closings(world: World) -> Counter[str]:
    """Return how often each attempt was closed by the log, which is whole."""
    with world.app.app_context(), reading() as session:
        assert verify(session).broken_at is None
        subjects = session.scalars(select(AuditEntry.subject).where(AuditEntry.act == "attempt.close"))
        return Counter(subject.removeprefix("attempt:") for subject in subjects)


def sealed_by_hand(world: World, attempt_id: int) -> str:
    """Return the digest of a journal, worked out row by row."""
    with world.app.app_context(), reading() as session:
        query = select(JournalEntry).where(JournalEntry.attempt_id == attempt_id)
        rows = session.scalars(query.order_by(JournalEntry.lease_epoch, JournalEntry.seq)).all()
    lines = [str(len(rows))]
    for row in rows:
        micros = round(row.received_at.timestamp() * 1_000_000)
        lines += [f"{row.lease_epoch} {row.seq} {micros}", str(row.position), row.value or ""]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@pytest.mark.parametrize(
    ("unanswered", "quiet", "ends"),
    [
        pytest.param(0, QUIET, [1, 11], id="alone"),
        pytest.param(1, QUIET, [1, 8, 3], id="beside saves"),
        pytest.param(0, 0.0, [1, 8, 3], id="between two saves"),
    ],
)
def test_ends_give_way_to_saves_on_the_way_to_whoever_writes(
    running: World,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    unanswered: int,
    quiet: float,
    ends: list[int],
) -> None:
    """They have a line of their own, and while somebody waits for a save few of them go at once."""
    sending = Sending(running, "theory")
    journal = sending.journal
    journal.write_by(tmp_path)  # where nobody owns the writing, so it is done here
    monkeypatch.setattr(GroupWriter, "unanswered", unanswered)
    monkeypatch.setattr(GroupWriter, "quiet_seconds", quiet)
    kinds, let_go, holding = list[Counter[str]](), threading.Event(), threading.Event()
    line = journal.ends.carriers[0]
    carry_out = line.carry_out

    def seen(requests: Sequence[object], more: More) -> Any:
        batch = [*requests, *more()]
        kinds.append(Counter(type(one).__name__ for one in batch))
        holding.set()
        assert let_go.wait(60)
        return carry_out(batch, lambda: ())

    monkeypatch.setattr(line, "carry_out", seen)
    told = list[Any]()
    for _ in range(12):
        journal.ask(sending.hand_in("theory"), told.extend, None)
        assert holding.wait(60)
    journal.ask(sending.save("theory", (2, "B")), told.extend, None)
    assert wait_for(lambda: len(told) == 1), "a save does not wait for the ends before it"
    let_go.set()
    assert wait_for(lambda: len(told) == 13)
    journal.close()
    assert kinds == [Counter(HandIn=many) for many in ends]
    assert said([outcome for _, outcome in told]) == ["saved"] + ["saved+"] * 12
    assert sum(closings(running).values()) == 1


def test_a_batch_of_many_takes_and_refuses_each_as_if_alone(running: World) -> None:
    sending = Sending(running, "theory", "extra", "second", "skills", "late", "factor", "elsewhere")
    with running.app.app_context(), unit_of_work() as session:
        held = session.get_one(Attempt, running.sitters["factor"].attempt_id)
        suspend_attempt(session, held, now=PLANNED + SECOND, reason="x", actor="staff:test")
    change(running, "late", left_at=PLANNED + SECOND)
    running.clock.set(NOW)
    early = EARLIEST - SECOND
    outcomes = sending.carry_out(
        sending.hand_in("theory", (1, "A"), (2, "B")),
        sending.hand_in("theory"),
        sending.hand_in("extra", lease="another"),
        sending.hand_in("extra", machine="another"),
        sending.save("extra", (1, "B")),
        sending.hand_in("elsewhere", now=early),
        sending.hand_in("elsewhere", now=NOW - timedelta(minutes=1)),
        sending.hand_in("skills"),
        UnitLeft(sending.save("skills"), 7, False),
        UnitLeft(sending.save("skills"), 1, True),
        UnitLeft(sending.save("skills"), 2, True),
        sending.hand_in("factor"),
        sending.hand_in("late"),
        sending.hand_in("second", (3, "A")),
    )
    assert said(outcomes) == [
        *("saved+", "saved+", "lease.lost", "machine.other", "saved", "submit.too_early", "request.stale"),
        *("submit.units_open", "saved", "saved", "saved"),
        *("attempt.suspended", "attempt.away", "saved+"),
    ]
    assert outcomes[5].params == {"available_at": EARLIEST, "left": "00:01"}
    assert outcomes[0].receipt == outcomes[1].receipt != outcomes[13].receipt
    pages = sending.pages
    assert closings(running) == {pages["theory"].ref: 1, pages["second"].ref: 1}
    for name, result in (("theory", outcomes[0]), ("second", outcomes[13])):
        row = attempt(running, name)
        assert (row.state, row.closed_by, row.closed_at, row.submitted_at) == (
            "closed",
            "candidate",
            NOW,
            NOW,
        )
        assert (row.receipt, row.journal_digest) == (result.receipt, sealed_by_hand(running, row.id))
    waiting = {name: attempt(running, name).state for name in ("extra", "elsewhere", "late", "factor")}
    assert waiting == {**dict.fromkeys(waiting, "interacting"), "factor": "suspended"}
    left = [one for one in outcomes if isinstance(one, UnitEndResult)]
    assert attempt(running, "skills").open_unit == 3
    assert [one.goes_on for one in left] == [True, True, True]
    with running.app.app_context(), reading() as session:
        assert set(session.scalars(select(UnitDone.unit))) == {2}


@pytest.mark.parametrize("order", [1, -1], ids=["the save first", "the hand-in first"])
def test_a_save_and_a_hand_in_of_one_batch_both_count(running: World, order: int) -> None:
    sending = Sending(running, "theory")
    running.clock.set(NOW)
    batch = [sending.save("theory", (1, "A")), sending.hand_in("theory", (2, "B"))]
    assert said(sending.carry_out(*batch[::order])) == ["saved", "saved+"][::order]
    row = attempt(running, "theory")
    assert (row.state, row.journal_digest) == ("closed", sealed_by_hand(running, row.id))
    assert said(sending.carry_out(sending.save("theory", (3, "A")))) == ["attempt.closed"]


def test_an_answer_lost_after_the_commit_is_given_again(running: World) -> None:
    sending = Sending(running, "theory")
    running.clock.set(NOW)
    page = sending.pages["theory"]
    (lost,) = sending.carry_out(sending.hand_in("theory", (1, "A")))
    last = {"seq": page.seq, "kind": "answer", "position": 1, "value": "A"}
    again = page.submit(last).get_json()
    assert again["receipt"] == lost.receipt
    assert [one["seq"] for one in again["receipts"]] == [page.seq]
    assert page.submit(last, page.entry(2, "B")).get_json()["code"] == "attempt.closed"
    assert closings(running) == {page.ref: 1}


def test_a_batch_asks_the_database_as_often_as_one_hand_in(running: World) -> None:
    sending = Sending(running, "theory", "extra", "second", "elsewhere")
    running.clock.set(NOW)

    def statements(*names: str) -> list[str]:
        seen: list[str] = []
        with running.app.app_context(), unit_of_work() as session:
            cursor = _Watched(session.connection().connection.cursor(), seen)
            asked = [sending.hand_in(name) for name in names]
            assert all(one.receipt for one in sending.journal.perform(cursor, asked))
        return seen

    alone, together = statements("theory"), statements("extra", "second", "elsewhere")
    assert len(alone) == len(together)
    assert [text for text in together if "audit_" in text] == [text for text in alone if "audit_" in text]
    assert sum(closings(running).values()) == 4


class _Watched:
    """A cursor that keeps what it was asked."""

    def __init__(self, cursor: Any, seen: list[str]) -> None:
        self._cursor = cursor
        self._seen = seen

    def execute(self, text: str, *values: Any) -> Any:
        self._seen.append(text)
        return self._cursor.execute(text, *values)

    def executemany(self, text: str, *values: Any) -> Any:
        self._seen.append(text)
        return self._cursor.executemany(text, *values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


def test_one_that_fails_harms_nobody_else_of_its_batch(
    running: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sending = Sending(running, "theory", "extra", "second")
    running.clock.set(NOW)
    perform = EndBatch.perform

    def brittle(batch: EndBatch, cursor: Any, ends: Any, *rest: Any) -> Any:
        done = perform(batch, cursor, ends, *rest)
        if any(one.save.attempt_id == running.sitters["extra"].attempt_id for one in ends):
            cursor.execute("INSERT INTO no_such_table VALUES (1)")
        return done

    monkeypatch.setattr(EndBatch, "perform", brittle)
    outcomes = sending.carry_out(
        *(sending.hand_in(name, (1, "A")) for name in ("theory", "extra", "second")),
        sending.save("extra", (2, "B")),
    )
    assert [isinstance(one, Failed) for one in outcomes] == [False, True, False, False]
    assert outcomes[1].error.code == "db.write"
    assert set(closings(running)) == {sending.pages[name].ref for name in ("theory", "second")}
    assert attempt(running, "extra").state == "interacting"


def test_of_a_batch_that_repeats_some_entries_the_others_alone_are_new(running: World) -> None:
    sending = Sending(running, "theory", "extra")
    running.clock.set(NOW)
    first = sending.save("theory", (1, "A"))
    assert said(sending.carry_out(first)) == ["saved"]
    both = sending.save("theory", (2, "B"), now=NOW + SECOND)
    both.entries = [*first.entries, *both.entries]
    running.clock.set(NOW + SECOND)
    other = sending.save("extra", (1, "A"), now=NOW + SECOND)
    repeated, fresh = sending.carry_out(both, other)
    assert {one.seq: one.at for one in repeated.receipts} == {
        first.entries[0].seq: NOW,
        both.entries[1].seq: NOW + SECOND,
    }
    assert [one.at for one in fresh.receipts] == [NOW + SECOND]
    with running.app.app_context(), reading() as session:
        rows = {row.attempt_id: row for row in session.scalars(select(AttemptLive))}
    kept = {
        save.attempt_id: (rows[save.attempt_id].answered, rows[save.attempt_id].kept_rows)
        for save in (both, other)
    }
    assert kept == {both.attempt_id: (2, 2), other.attempt_id: (1, 1)}


def test_a_log_that_cannot_be_written_to_refuses_hand_ins_and_no_saves(
    running: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sending = Sending(running, "theory", "extra")
    running.clock.set(NOW)

    def locked(*_: object) -> None:
        raise Unavailable("audit.key_missing", path="audit.key", print="0")

    monkeypatch.setattr(Sealer, "seal", locked)
    refused, saved = sending.carry_out(sending.hand_in("theory"), sending.save("extra", (1, "A")))
    assert (refused.error.code, saved.outcome) == ("audit.key_missing", "saved")
    assert attempt(running, "theory").state == "interacting"


def test_a_plain_hand_in_never_reaches_the_view_which_says_the_same(
    running: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = Sending(running, "theory").pages["theory"]
    running.clock.set(NOW)
    last = page.entry(1, "A")
    with monkeypatch.context() as watched:
        watched.setattr(running.app, "before_request_funcs", {})
        refuse_views(running)
        short = page.submit(last)
    assert (short.status_code, short.content_type) == (200, "application/json")
    assert [one["seq"] for one in short.get_json()["receipts"]] == [last["seq"]]
    with left_to_views(running.app):
        assert page.submit().get_json() == {**short.get_json(), "receipts": []}


def test_the_head_is_anchored_once_for_a_batch(running: World, tmp_path: Path) -> None:
    anchor = running.app.extensions["cbt_anchor"] = Anchor(tmp_path / FILE, tmp_path / "mark")
    sending = Sending(running, "theory", "extra")
    running.clock.set(NOW)
    for done in sending.carry_out(sending.hand_in("theory"), sending.hand_in("extra")):
        anchor.follow(done.follows.head)
    assert (
        sending.pages["theory"].submit().status_code == 200
    )  # the repeat closes nothing, and anchors nothing
    with running.app.app_context(), reading() as session:
        assert anchor.path.read_text().splitlines() == [str(head_of(session))]


@pytest.mark.parametrize("first", ["save", "hand-in"])
@pytest.mark.parametrize(
    ("later", "counts"),
    [
        pytest.param(timedelta(milliseconds=-1), True, id="a millisecond before"),
        pytest.param(timedelta(), True, id="at the same instant"),
        pytest.param(timedelta(microseconds=1), False, id="a microsecond after"),
        pytest.param(SECOND, False, id="a second after"),
    ],
)
def test_a_save_received_after_the_hand_in_of_its_batch_is_evidence(
    running: World, first: str, later: timedelta, *, counts: bool
) -> None:
    """Both wait for the same commit; which was received first decides, and not how they lie in the batch."""
    sending = Sending(running, "theory")
    running.clock.set(NOW + SECOND)
    save = sending.save("theory", (1, "A"), now=NOW + later)
    hand_in = sending.hand_in("theory", now=NOW)
    batch = [save, hand_in] if first == "save" else [hand_in, save]
    outcomes = dict(zip([type(one) for one in batch], sending.carry_out(*batch), strict=True))
    assert said([outcomes[Save], outcomes[HandIn]]) == ["saved" if counts else "attempt.closed", "saved+"]
    attempt_id = save.attempt_id
    with running.app.app_context(), reading() as session:
        row = session.get_one(Attempt, attempt_id)
        journal = session.scalars(select(JournalEntry).where(JournalEntry.attempt_id == attempt_id)).all()
        evidence = session.scalars(select(LateEntry).where(LateEntry.attempt_id == attempt_id)).all()
        assert (row.closed_at, len(journal), len(evidence)) == (NOW, int(counts), int(not counts))
        assert all(one.received_at <= row.closed_at for one in journal)
        digest = row.journal_digest
    assert digest == sealed_by_hand(running, attempt_id)


def test_a_save_after_a_hand_in_that_is_refused_counts(running: World) -> None:
    sending = Sending(running, "theory")
    early = EARLIEST - SECOND
    running.clock.set(early + SECOND)
    hand_in, save = sending.hand_in("theory", now=early), sending.save("theory", (1, "A"), now=early + SECOND)
    assert said(sending.carry_out(save, hand_in)) == ["saved", "submit.too_early"]


def test_an_answer_that_was_acknowledged_is_not_later_than_the_closing(running: World) -> None:
    """It was received after the hand-in and committed before: it has its receipt, so it counts (I1)."""
    sending = Sending(running, "theory")
    running.clock.set(NOW + 2 * SECOND)
    save, hand_in = sending.save("theory", (1, "A"), now=NOW + SECOND), sending.hand_in("theory", now=NOW)
    assert said(sending.carry_out(save)) == ["saved"]
    assert said(sending.carry_out(hand_in)) == ["saved+"]
    with running.app.app_context(), reading() as session:
        row = session.get_one(Attempt, save.attempt_id)
        journal = session.scalars(
            select(JournalEntry).where(JournalEntry.attempt_id == save.attempt_id)
        ).all()
        assert [one.received_at for one in journal] == [NOW + SECOND]
        assert row.closed_at == NOW + SECOND


def test_a_hand_in_that_waited_for_another_process_is_not_older_than_what_that_acknowledged(
    running: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other's save has its row, uncommitted, when the hand-in reads: on PostgreSQL it sees the former time."""
    sending = Sending(running, "theory")
    running.clock.set(NOW + 2 * SECOND)
    save, hand_in = sending.save("theory", (1, "A"), now=NOW + SECOND), sending.hand_in("theory", now=NOW)
    holding, let_go = threading.Event(), threading.Event()
    perform_saves = LiveRows.touch

    def held(live: LiveRows, cursor: Any, cases: Any) -> None:
        perform_saves(live, cursor, cases)
        if not holding.is_set():
            holding.set()
            assert let_go.wait(10)

    monkeypatch.setattr(LiveRows, "touch", held)
    outcomes: dict[str, list[Any]] = {}
    other = Journal(running.app)

    def carry_out(name: str, journal: Journal, request: object) -> None:
        with running.app.app_context():
            outcomes[name] = list(journal.commits.carry_out([request], lambda: ()).outcomes)

    threads = [
        threading.Thread(target=carry_out, args=("save", other, save)),
        threading.Thread(target=carry_out, args=("hand-in", sending.journal, hand_in)),
    ]
    threads[0].start()
    assert holding.wait(10)
    threads[1].start()
    threads[1].join(0.5)
    assert threads[1].is_alive(), "the hand-in waits for whoever has the row"
    let_go.set()
    for thread in threads:
        thread.join(10)
    other.commits.close()
    assert (said(outcomes["save"]), said(outcomes["hand-in"])) == (["saved"], ["saved+"])
    with running.app.app_context(), reading() as session:
        assert session.get_one(Attempt, save.attempt_id).closed_at == NOW + SECOND


@pytest.mark.parametrize("by", [one for one in ClosedBy if one is not ClosedBy.CANDIDATE])
def test_whoever_closes_does_so_no_earlier_than_an_answer_that_was_acknowledged(
    running: World, by: ClosedBy
) -> None:
    """Its time was read before it had the row: an answer with a receipt counts, one after it does not (I1)."""
    sending = Sending(running, "theory", "second")
    running.clock.set(NOW + 2 * SECOND)
    saves = [sending.save(name, (1, "A"), now=NOW + SECOND) for name in ("theory", "second")]
    assert said(sending.carry_out(saves[0])) == ["saved"]
    attempt_ids = [save.attempt_id for save in saves]
    with running.app.app_context():
        with unit_of_work() as session:
            attempts = [session.get_one(Attempt, attempt_id) for attempt_id in attempt_ids]
            closed_at = NOW
            if by is ClosedBy.DEADLINE:  # the time that somebody was given was taken back meanwhile
                closed_at = None
                for attempt in attempts:
                    attempt.closes_at = NOW
            close_attempts(session, attempts, now=NOW, closed_at=closed_at, closed_by=by, actor="staff:x")
        with reading() as session:
            rows = [session.get_one(Attempt, attempt_id) for attempt_id in attempt_ids]
            assert [row.closed_at for row in rows] == [NOW + SECOND, NOW]
            entries = session.scalars(select(AuditEntry.after).where(AuditEntry.act == "attempt.close"))
            assert {json.loads(one or "")["closed_at"] for one in entries} == {
                row.closed_at.isoformat() for row in rows if row.closed_at
            }
    late = [sending.save(name, (2, "B"), now=NOW + 2 * SECOND) for name in ("theory", "second")]
    assert said(sending.carry_out(*late)) == ["attempt.closed"] * 2


def test_what_counts_by_the_grace_came_by_the_deadline(running: World) -> None:
    sending = Sending(running, "theory")
    end = PLANNED + timedelta(minutes=45)
    running.clock.set(end + SECOND)
    save = sending.save("theory", (1, "A"), now=end + SECOND)
    assert said(sending.carry_out(save)) == ["saved"]
    with running.app.app_context():
        with unit_of_work() as session:
            attempts = [session.get_one(Attempt, save.attempt_id)]
            how = {"now": end - SECOND, "closed_at": end - SECOND, "closed_by": ClosedBy.PROCTOR}
            close_attempts(session, attempts, actor="staff:x", **how)
        with reading() as session:
            assert session.get_one(Attempt, save.attempt_id).closed_at == end
