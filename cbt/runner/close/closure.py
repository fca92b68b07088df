"""The closure of attempts: by hand-in, by staff or by time, with a journal sealed in the log.

Closings come in batches: journals are digested by one query, rows written by one statement. The rows are
locked; what is to be sealed is returned, for whoever seals it at the end of the transaction.

Source: R-20, R-21, R-23, R-24, R-28, R-30, R-50, R-60, R-64; I2, I4, I6.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.audit.chain import EntryDraft, text_of
from cbt.errors import CbtError, Conflict, TooEarly
from cbt.rules import clock
from cbt.rules.canonical import digest
from cbt.rules.clock import AttemptClock, Facts, UnitEnd, clock_at, present, windows_ahead
from cbt.rules.exam import Paper
from cbt.rules.states import CLOSED_BY, ClosedBy, Event, State, before
from cbt.runner.attempt_changes import refresh_clocks
from cbt.runner.attempt_states import RUNNING, follow, move
from cbt.runner.clock_facts import (
    CLOCK,
    TERMS,
    FactReader,
    OwnFacts,
    RoomFacts,
    Terms,
    clock_columns,
    terms_of,
    timing_facts,
)
from cbt.runner.close.outage import settle_rooms
from cbt.runner.models import Attempt
from cbt.runner.protocol import TAKEN, End, Ended, HandedIn, HandIn, Outcome, Saved, UnitEndResult, UnitLeft
from cbt.runner.save.attempt_row import Guard, PaperKey, for_each, update_each
from cbt.runner.save.digest import journal_texts, read_grown
from cbt.storage.bulk_read import side_by_side
from cbt.storage.engine import Dialect
from cbt.storage.types import new_ref, read_instant, read_instant_or_none
from cbt.storage.unit_of_work import reading, unit_of_work

log = logging.getLogger(__name__)


EVENT_OF: Mapping[ClosedBy, Event] = {closed_by: event for event, closed_by in CLOSED_BY.items()}
NOTHING_KNOWN: Mapping[int, str] = {}
_TYPES = ("text", "timestamptz", "text", "text", "text")
"""The types of the columns that every closing writes, as PostgreSQL calls them."""


class Closing(NamedTuple):
    """An attempt that is closed, until its journal is sealed: `state` is where it was moved from `former`."""

    attempt_id: int
    ref: str
    former: str
    state: str
    closed_by: ClosedBy
    closed_at: datetime
    receipt: str
    now: datetime
    actor: str
    reason: str = ""
    also: tuple[Any, ...] = ()
    """The values of the columns that this closer writes, too."""


class SealedJournal(NamedTuple):
    """The text of a journal, and its digest."""

    text: str
    seal: str


class Closer:
    """Writes closings on the cursor of one transaction that has their rows locked."""

    def __init__(self, dialect: Dialect, also: Mapping[str, str] | None = None) -> None:
        """`also` are columns that each closing brings, with their types."""
        self._dialect = dialect
        more = also or {}
        self._close = (
            "UPDATE attempt SET state = ?, closed_at = ?, closed_by = ?, journal_digest = ?, receipt = ?"
            f"{''.join(f', {name} = ?' for name in more)} WHERE id = ?"
        )
        if dialect.name == "postgresql":
            self._close = for_each(self._close, *_TYPES, *more.values(), "int")

    def close(
        self, cursor: Any, closings: Sequence[Closing], sealed_journals: Mapping[int, str] = NOTHING_KNOWN
    ) -> tuple[list[EntryDraft], Mapping[int, SealedJournal]]:
        """Write closings, no two of one attempt; return what seals each in the log, and the journals sealed.

        `sealed_journals` are journals' texts that were read before the rows were locked.
        """
        if not closings:
            return [], {}
        texts = read_grown(cursor, self._dialect, [one.attempt_id for one in closings], sealed_journals)
        journals = {attempt_id: SealedJournal(text, digest(text)) for attempt_id, text in texts.items()}
        rows = [
            (
                *(one.state, self._dialect.instant(one.closed_at), one.closed_by.value),
                *(journals[one.attempt_id].seal, one.receipt, *one.also, one.attempt_id),
            )
            for one in closings
        ]
        update_each(cursor, self._dialect, self._close, rows)
        return [_entry(one, journals[one.attempt_id].seal) for one in closings], journals


def new_receipt() -> str:
    """Return the number (交卷回执) of a closing that has none yet."""
    return new_ref("R", 10).upper()


def _entry(closing: Closing, journal: str) -> EntryDraft:
    """Return the entry of the log that seals a closed attempt with the digest of its journal. Source: R-64."""
    after = {
        "closed_by": closing.closed_by.value,
        "closed_at": closing.closed_at.isoformat(),
        "journal": journal,
    }
    return EntryDraft(
        at=closing.now,
        actor=closing.actor,
        act="attempt.close",
        subject=f"attempt:{closing.ref}",
        reason=closing.reason,
        before=text_of({"state": closing.former}),
        after=text_of(after),
    )


_ROWS = (
    f"SELECT a.id, a.ref, r.ref, a.sitting_room_id, a.started_at, a.receipt, a.closed_at, l.seen_at, "
    f"{TERMS} FROM attempt a JOIN registration r ON r.id = a.registration_id "
    "LEFT JOIN attempt_live l ON l.attempt_id = a.id WHERE a.id"
)
_LATER = (
    "SELECT j.attempt_id, max(CASE WHEN j.in_grace AND j.received_at > a.closes_at THEN a.closes_at "
    "ELSE j.received_at END) FROM attempt_live l JOIN attempt a ON a.id = l.attempt_id "
    "JOIN journal j ON j.attempt_id = l.attempt_id WHERE l.attempt_id {among} "
    "AND l.seen_at > {at} AND j.received_at > {at} GROUP BY j.attempt_id"
)


@dataclass(slots=True)
class EndRow:
    """An attempt and what moves its clock; changed as the ends of a batch go by."""

    attempt_id: int
    ref: str
    registration_ref: str
    started_at: datetime | None
    receipt: str | None
    closed_at: datetime | None
    seen_at: datetime | None
    """When the page was heard last, by any process: on PostgreSQL a guard is read before its row is locked."""
    terms: Terms
    room: RoomFacts
    own: OwnFacts


def end_rows(cursor: Any, dialect: Dialect, ids: Sequence[int]) -> Mapping[int, EndRow]:
    """Read what ends ask of attempts (seven queries), on the cursor of the transaction that has them locked."""
    among, values = dialect.among(ids)
    cursor.execute(f"{_ROWS} {among}", values)
    rows = cursor.fetchall()
    reader = FactReader(dialect)
    rooms = reader.rooms(cursor, sorted({row[3] for row in rows}))
    own = reader.own(cursor, ids)
    return {
        row[0]: EndRow(
            attempt_id=row[0],
            ref=row[1],
            registration_ref=row[2],
            started_at=read_instant_or_none(row[4]),
            receipt=row[5],
            closed_at=read_instant_or_none(row[6]),
            seen_at=read_instant_or_none(row[7]),
            terms=terms_of(row[8:]),
            room=rooms[row[3]],
            own=own[row[0]],
        )
        for row in rows
    }


def counted_later(
    cursor: Any, dialect: Dialect, ids: Sequence[int], closed_at: datetime | None
) -> Mapping[int, datetime]:
    """Return of locked attempts when the last answer came, where that was after `closed_at` (None: their deadline).

    Whoever closes waits for the saves before it: what these acknowledged meanwhile counts, so the closing is no
    older. An answer that counts by the grace came by the deadline. A query of its own, after the lock: one that
    waits for it sees rows of other tables as they were before (PostgreSQL).

    Source: R-21; I1.
    """
    if not ids:
        return {}
    among, values = dialect.among(ids)
    at: tuple[Any, ...] = () if closed_at is None else (dialect.instant(closed_at),) * 2
    query = _LATER.format(among=among, at="a.closes_at" if closed_at is None else "?")
    cursor.execute(dialect.sql(query), (*values, *at))
    return {attempt_id: read_instant(received_at) for attempt_id, received_at in cursor.fetchall()}


# The ends of one batch: units that are left, papers that are handed in.
#
# They come after the saves of their batch, those they bring among them, and write with the same few
# statements however many there are; the closings are entries of the log, sealed once for all of them.
#
# Source; I2, I4.

_CLOCK = ("timestamptz", "timestamptz", "int", "timestamptz", "int", "timestamptz")
"""The types of the clock's columns, as PostgreSQL calls them."""


class EndBatch:
    """Carries out ends on the cursor of one transaction that has their guards locked."""

    def __init__(self, dialect: Dialect, paper: Callable[[PaperKey], Paper]) -> None:
        self._dialect = dialect
        self._paper = paper
        clock = ", ".join(f"{name} = ?" for name in CLOCK)
        self._move = f"UPDATE attempt SET state = ?, {clock} WHERE id = ?"
        if dialect.name == "postgresql":
            self._move = for_each(self._move, "text", *_CLOCK, "int")
        also = {**dict(zip(CLOCK, _CLOCK, strict=True)), "submitted_at": "timestamptz"}
        self._closer = Closer(dialect, also=also)
        self._unit_done = dialect.sql("INSERT INTO unit_done (attempt_id, unit, at) VALUES (?, ?, ?)")

    def perform(
        self, cursor: Any, ends: Sequence[End], saved: Sequence[Saved], guards: Mapping[int, Guard]
    ) -> tuple[list[Ended | CbtError], list[EntryDraft]]:
        """End what may end, as if one after the other; `saved` is what became of the answers each brought.

        Return the results and what is to be sealed. A refusal is returned, and changes nothing more:
        TooEarly("not_started"); for a hand-in TooEarly("submit.too_early", available_at=…),
        Conflict("submit.last_minutes") and Conflict("submit.units_open"); Conflict("unit.moved") when another
        unit is open already, or the unit's time is not up yet. A hand-in within the grace counts as closed by
        the deadline; one of an attempt that is closed gets the receipt that there is, unless it brings an answer
        that came too late.
        """
        rows = end_rows(cursor, self._dialect, sorted({one.save.attempt_id for one in ends}))
        writes = _Writes()
        results: list[Ended | CbtError] = []
        for end, outcome in zip(ends, saved, strict=True):
            row = rows[end.save.attempt_id]
            try:
                results.append(
                    self._hand_in(end, outcome, row, writes)
                    if isinstance(end, HandIn)
                    else self._leave_unit(end, outcome, row, writes)
                )
            except CbtError as refusal:
                results.append(refusal)
        return results, self._write(cursor, writes, guards)

    def _hand_in(self, end: HandIn, saved: Saved, row: EndRow, writes: _Writes) -> HandedIn:
        guard, now = saved.guard, end.save.now
        if guard.over:
            seqs = {one.seq for one in saved.receipts}
            repeated = saved.outcome is Outcome.CLOSED and all(one.seq in seqs for one in end.save.entries)
            outcome = Outcome.SAVED if repeated else saved.outcome
            return HandedIn(Saved(outcome, guard, saved.receipts), row.receipt, row.closed_at)
        if saved.outcome not in TAKEN:
            return HandedIn(saved)
        standing = self._found(row, guard, now)
        by = may_hand_in(standing, now=now)
        standing.store(guard)
        row.closed_at = (
            _closed_at(guard, row, now) if by is ClosedBy.CANDIDATE else standing.clock.closes_at or now
        )
        row.receipt = row.receipt or new_receipt()
        former = guard.state
        move(guard, EVENT_OF[by])
        closing = Closing(
            attempt_id=row.attempt_id,
            ref=row.ref,
            former=former,
            state=guard.state,
            closed_by=by,
            closed_at=row.closed_at,
            receipt=row.receipt,
            now=now,
            actor=f"candidate:{row.registration_ref}",
            also=(*self._clock(guard), self._bound(min(end.pressed_at, now))),
        )
        writes.closings.append(closing)
        return HandedIn(saved, row.receipt, row.closed_at)

    def _leave_unit(self, end: UnitLeft, saved: Saved, row: EndRow, writes: _Writes) -> UnitEndResult:
        guard, now = saved.guard, end.save.now
        if saved.outcome not in TAKEN or guard.over:
            outcome = Outcome.CLOSED if saved.outcome in TAKEN else saved.outcome
            return UnitEndResult(Saved(outcome, guard, saved.receipts), False)
        standing, unit = self._found(row, guard, now), end.from_unit
        if end.completed and guard.open_unit == unit and standing.clock.open_unit == unit:
            done = UnitEnd(unit, standing.at)
            row.own.units_done.append(done)
            standing = self._found(row, guard, now)
            if standing.clock.open_unit == unit:
                row.own.units_done.remove(done)
            else:
                writes.done.append((row.attempt_id, unit, self._bound(done.at)))
        if standing.clock.open_unit == unit:
            raise Conflict("unit.moved")
        standing.store(guard)
        writes.moved.append(row.attempt_id)
        windows = windows_ahead(standing.facts, now=standing.at) if standing.paper.windows else ()
        return UnitEndResult(saved, not standing.clock.units_done, windows)

    def _found(self, row: EndRow, guard: Guard, now: datetime) -> _Found:
        """Work the clock out of its facts at `now`, no earlier than what has happened to the attempt already."""
        if row.started_at is None or row.room.started_at is None:
            raise TooEarly("not_started")
        paper = self._paper((row.terms.version_id, row.terms.paper))
        facts = timing_facts(row.room, paper, row.terms, row.own, started_at=row.started_at)
        at = present(facts, now=now, reached_at=guard.prior_unit_ends_at)
        clock = clock_at(facts, now=at)
        return _Found(paper, facts, at, clock, clock_columns(facts, paper, row.room, clock), guard)

    def _write(self, cursor: Any, writes: _Writes, guards: Mapping[int, Guard]) -> list[EntryDraft]:
        if writes.done:
            cursor.executemany(self._unit_done, writes.done)
        if writes.moved:
            moved = [
                (guards[one].state, *self._clock(guards[one]), one) for one in dict.fromkeys(writes.moved)
            ]
            update_each(cursor, self._dialect, self._move, moved)
        entries, _ = self._closer.close(cursor, writes.closings)
        return entries

    def _clock(self, guard: Guard) -> list[Any]:
        return [self._bound(getattr(guard, name)) for name in CLOCK]

    def _bound(self, value: Any) -> Any:
        return self._dialect.instant(value) if isinstance(value, datetime) else value


class _Found(NamedTuple):
    """Where an attempt's clock stands, and what its row will say of it."""

    paper: Paper
    facts: Facts
    at: datetime
    clock: AttemptClock
    columns: Mapping[str, Any]
    guard: Guard

    def store(self, guard: Guard) -> None:
        """Take the row there, with the state that goes with it."""
        follow(guard, self.clock)
        for name, value in self.columns.items():
            setattr(guard, name, value)


@dataclass(slots=True)
class _Writes:
    """What a batch writes, by statement."""

    done: list[tuple[Any, ...]] = field(default_factory=list)
    moved: list[int] = field(default_factory=list)
    closings: list[Closing] = field(default_factory=list)


def may_hand_in(standing: _Found, *, now: datetime) -> ClosedBy:
    """Return by whom a hand-in at `now` closes; raise what refuses it. Source: R-21, R-23, R-24."""
    closes_at, open_unit = standing.clock.closes_at, standing.clock.open_unit
    if clock.in_grace(now, closes_at=closes_at, grace=standing.guard.grace):
        return ClosedBy.DEADLINE
    paper = standing.paper
    if paper.windows and open_unit is not None and open_unit < len(paper.windows):
        raise Conflict("submit.units_open")
    available_at = standing.columns["earliest_submit_at"] or now
    if now < available_at:
        left = available_at - now
        seconds = -int(-left.total_seconds() // 1)
        raise TooEarly(
            "submit.too_early", available_at=available_at, left=f"{seconds // 60:02d}:{seconds % 60:02d}"
        )
    blocked = paper.submit.closed_before_end
    if not clock.may_submit(now, earliest_at=available_at, closes_at=closes_at, closed_before_end=blocked):
        raise Conflict("submit.last_minutes", minutes=int(blocked.total_seconds() // 60))
    return ClosedBy.CANDIDATE


def _closed_at(guard: Guard, row: EndRow, now: datetime) -> datetime:
    """Return when a hand-in received at `now` closes: no earlier than the last save acknowledged before it.

    Two requests of one browser may be committed in another order than they were received in; an answer that has
    its receipt is not older than the closing for that. Source: R-21; I1.
    """
    reached = max(now, guard.seen_at or now, row.seen_at or now)
    return reached if guard.closes_at is None else max(now, min(reached, guard.closes_at))


_FORCED_ROWS = "SELECT id, ref, state, closes_at, grace, receipt FROM attempt WHERE id"


@dataclass(slots=True)
class OpenRow:
    """An attempt that a closing can happen to, as the unit of work that has it locked sees it."""

    id: int
    ref: str
    state: str
    closes_at: datetime | None
    grace: timedelta
    receipt: str | None


def close_attempts(
    session: Session,
    attempts: Sequence[Any],
    *,
    now: datetime,
    closed_at: datetime | None,
    closed_by: ClosedBy,
    actor: str,
    reason: str = "",
) -> list[int]:
    """Close attempts (given by rows with their `id`); one audit entry seals each with its journal's digest.

    `closed_at` None means each one's own `closes_at` (the deadline); either way no attempt closes before an answer
    that was acknowledged meanwhile (see `counted_later`). Rows that this closing cannot happen to (closed already,
    or by time while their clock stands) are left out, so racing callers are harmless; returns the ids of those this
    call closed.

    Source: R-21, R-28, R-60, R-64; I1, I4.
    """
    ids = [attempt.id for attempt in attempts]
    rows = lock_open(session, ids, closed_by=closed_by)
    close_rows(session, rows, now=now, closed_at=closed_at, closed_by=closed_by, actor=actor, reason=reason)
    return [row.id for row in rows]


def lock_open(session: Session, attempt_ids: Collection[int], *, closed_by: ClosedBy) -> list[OpenRow]:
    """Return, by id and locked, those attempts that such a closing can happen to."""
    if not attempt_ids:
        return []
    session.flush()
    dialect = Dialect(session.get_bind().dialect.name)
    among, values = dialect.among(sorted(attempt_ids))
    states, of_states = dialect.among([state.value for state in before(EVENT_OF[closed_by])])
    lock = " FOR UPDATE" if dialect.name == "postgresql" else ""
    query = f"{_FORCED_ROWS} {among} AND state {states} ORDER BY id{lock}"
    return [
        OpenRow(number, ref, state, read_instant_or_none(closes_at), timedelta(microseconds=grace), receipt)
        for number, ref, state, closes_at, grace, receipt in session.connection().exec_driver_sql(
            query, (*values, *of_states)
        )
    ]


def close_rows(
    session: Session,
    rows: Sequence[OpenRow],
    *,
    now: datetime,
    closed_at: datetime | None,
    closed_by: ClosedBy,
    actor: str,
    reason: str = "",
    known: Mapping[int, str] = NOTHING_KNOWN,
) -> Mapping[int, SealedJournal]:
    """Close what `lock_open` returned in this unit of work as `close_attempts` says; return the journals by id.

    `known` are journals' texts that were read before.
    """
    event, closings = EVENT_OF[closed_by], []
    dialect, cursor = Dialect(session.get_bind().dialect.name), session.connection().connection.cursor()
    later = counted_later(cursor, dialect, [row.id for row in rows], closed_at)
    for row in rows:
        former = row.state
        move(row, event)
        at = closed_at if closed_at is not None else row.closes_at or now
        closing = Closing(
            attempt_id=row.id,
            ref=row.ref,
            former=former,
            state=row.state,
            closed_by=closed_by,
            closed_at=max(at, later.get(row.id, at)),
            receipt=row.receipt or new_receipt(),
            now=now,
            actor=actor,
            reason=reason,
        )
        closings.append(closing)
    entries, journals = Closer(dialect).close(cursor, closings, known)
    cursor.close()
    for entry in entries:
        chain.record_entry(session, entry)
    _see(session, rows)
    return journals


def _see(session: Session, rows: Sequence[OpenRow]) -> None:
    """Have the session see what became of attempts that it holds."""
    closed = {row.id for row in rows}
    held = [one.id for one in session.identity_map.values() if isinstance(one, Attempt) and one.id in closed]
    if held:
        query = select(Attempt).where(Attempt.id.in_(held)).execution_options(populate_existing=True)
        session.scalars(query).all()


# Journals that this process has sealed and nobody has scored yet: they need not be joined again.
#
# A text is kept with its digest: while that is the seal that the attempt's row holds, it is the sealed
# journal, whatever has happened to the attempt meanwhile. What is not kept is read.
#
# Source; I6.

MOST = 40_000_000
"""So many characters are kept at most: ten thousand journals of a hundred answers, and some."""


class SealedTexts:
    """The texts of an app's process, by attempt."""

    def __init__(self, *, most: int = MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._texts: dict[int, SealedJournal] = {}
        self._length = 0

    def keep(self, texts: Mapping[int, SealedJournal]) -> None:
        """Keep texts until they are taken; those that nobody came for make room for others."""
        with self._lock:
            for attempt_id, sealed in texts.items():
                self._drop(attempt_id)
                if self._length + len(sealed.text) > self._most:
                    self._texts.clear()
                    self._length = 0
                self._texts[attempt_id] = sealed
                self._length += len(sealed.text)

    def take(self, attempt_id: int, seal: str | None) -> str | None:
        """Return the journal of an attempt that has this seal, and let go of it; None where it is not kept."""
        with self._lock:
            sealed = self._drop(attempt_id)
        return sealed.text if sealed is not None and sealed.seal == seal else None

    def _drop(self, attempt_id: int) -> SealedJournal | None:
        sealed = self._texts.pop(attempt_id, None)
        self._length -= 0 if sealed is None else len(sealed.text)
        return sealed


def sealed_here() -> SealedTexts:
    texts: SealedTexts = flask.current_app.extensions.setdefault("cbt_sealed_texts", SealedTexts())
    return texts


def sealed_texts(session: Session, attempt_ids: Sequence[int]) -> dict[int, str]:
    """Return what `journal_texts` does, for attempts that are closed; what was sealed here is not read."""
    query = select(Attempt.id, Attempt.journal_digest).where(Attempt.id.in_(attempt_ids))
    own_texts = {
        attempt_id: sealed_here().take(attempt_id, seal) for attempt_id, seal in session.execute(query)
    }
    texts = {attempt_id: text for attempt_id, text in own_texts.items() if text is not None}
    left = [attempt_id for attempt_id in attempt_ids if attempt_id not in texts]
    return texts | journal_texts(session, left)


# What happens to attempts by time alone: no browser and no click is needed.
#
# Every sweep is an idempotent, conditional update in chunks; requests check the deadline themselves, so a
# late or doubled sweep changes nobody's result.

CHUNK = 200


def expire_overdue(*, now: datetime) -> int:
    """Close every attempt whose time is up, at its own deadline; return how many this call closed.

    What an outage gave back counts first. One attempt that cannot be closed does not keep the others open.

    Source: R-21, R-27, R-28.
    """
    settle_rooms(now=now)
    with reading() as session:
        due = _overdue(session, now)
    closed = 0
    chunks = [due[start : start + CHUNK] for start in range(0, len(due), CHUNK)]
    with side_by_side(_journals, chunks, threads=1) as ahead:
        for chunk, journals in ahead:
            try:
                closed += _close(chunk, journals(), now=now)
            except Exception:
                log.exception("a chunk of %d overdue attempts is closed one by one", len(chunk))
                closed += sum(_close_alone(attempt_id, now=now) for attempt_id in chunk)
    return closed


def _journals(attempt_ids: Sequence[int]) -> dict[int, str]:
    """Read journals before their attempts are locked, while others may still write."""
    with reading() as session:
        return journal_texts(session, attempt_ids)


def _overdue(session: Session, now: datetime) -> list[int]:
    rows = session.execute(
        select(Attempt.id, Attempt.closes_at, Attempt.grace)
        .where(Attempt.state.in_(RUNNING), Attempt.closes_at <= now - clock.COMMIT_MARGIN)
        .order_by(Attempt.id)
    )
    return [row.id for row in rows if clock.sweep_due(now, closes_at=row.closes_at, grace=row.grace)]


def _close(attempt_ids: Sequence[int], journals: Mapping[int, str], *, now: datetime) -> int:
    with unit_of_work() as session:
        # The end may have moved since it was read: an extension granted meanwhile keeps the attempt open.
        due = [
            one
            for one in lock_open(session, attempt_ids, closed_by=ClosedBy.DEADLINE)
            if one.state in RUNNING and clock.sweep_due(now, closes_at=one.closes_at, grace=one.grace)
        ]
        sealed = close_rows(
            session,
            due,
            now=now,
            closed_at=None,
            closed_by=ClosedBy.DEADLINE,
            actor="scheduler",
            known=journals,
        )
    sealed_here().keep(sealed)  # it is mostly this process that scores them next
    return len(due)


def _close_alone(attempt_id: int, *, now: datetime) -> int:
    try:
        return _close([attempt_id], {}, now=now)
    except Exception:
        log.exception("attempt %d could not be closed", attempt_id)
        return 0


def advance_overdue(*, now: datetime) -> int:
    """Move attempts on whose unit's time is up, with or without a browser; return how many moved.

    What an outage gave back counts first.

    Source: R-24, R-27.
    """
    settle_rooms(now=now)
    moved = 0
    while (count := _advance_chunk(now=now)) == CHUNK:
        moved += count
    return moved + count


def _advance_chunk(*, now: datetime) -> int:
    with reading() as session:
        rows = session.execute(
            select(Attempt.id, Attempt.sitting_room_id, Attempt.unit_ends_at, Attempt.grace)
            .where(
                Attempt.state == State.INTERACTING,
                Attempt.unit_ends_at <= now - clock.COMMIT_MARGIN,
                Attempt.unit_ends_at < Attempt.closes_at,
            )
            .order_by(Attempt.id)
            .limit(CHUNK)
        ).all()
    rooms: dict[int, list[int]] = {}
    for row in rows:
        if clock.sweep_due(now, closes_at=row.unit_ends_at, grace=row.grace):
            rooms.setdefault(row.sitting_room_id, []).append(row.id)
    moved = 0
    for room_id, attempt_ids in rooms.items():
        with unit_of_work() as session:
            moved += len(refresh_clocks(session, now=now, sitting_room_id=room_id, attempt_ids=attempt_ids))
    return moved
