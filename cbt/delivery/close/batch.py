"""The ends of one batch: units that are left, papers that are handed in.

They come after the saves of their batch, those they bring among them, and write with the same few statements
however many there are; the closings are entries of the log, sealed once for all of them.

Source: R-21, R-23, R-24, R-28, R-60, R-64; I2, I4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from cbt.audit.sealing import EntryDraft
from cbt.delivery.close.closing import EVENT_OF, Closer, Closing, new_receipt
from cbt.delivery.close.exchange import TAKEN, End, Ended, HandedIn, HandIn, Moved, UnitLeft
from cbt.delivery.close.rows import EndRow, end_rows
from cbt.delivery.facts import CLOCK, clock_columns, timing_facts
from cbt.delivery.moving import follow, move
from cbt.delivery.save.exchange import Outcome, Saved
from cbt.delivery.save.guard import Dialect, Guard, PaperKey
from cbt.delivery.save.sql import for_each, update_each
from cbt.errors import CbtError, Conflict, TooEarly
from cbt.rules.clock import timing
from cbt.rules.clock.facts import AttemptClock, Facts, UnitEnd, present
from cbt.rules.clock.windows import clock_at, windows_ahead
from cbt.rules.exam.paper import Paper
from cbt.rules.states.attempt import ClosedBy

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
        for end, said in zip(ends, saved, strict=True):
            row = rows[end.save.attempt_id]
            try:
                results.append(
                    self._hand_in(end, said, row, writes)
                    if isinstance(end, HandIn)
                    else self._leave_unit(end, said, row, writes)
                )
            except CbtError as refusal:
                results.append(refusal)
        return results, self._write(cursor, writes, guards)

    def _hand_in(self, end: HandIn, said: Saved, row: EndRow, writes: _Writes) -> HandedIn:
        guard, now = said.guard, end.save.now
        if guard.over:
            known = {one.seq for one in said.receipts}
            repeated = said.outcome is Outcome.CLOSED and all(one.seq in known for one in end.save.entries)
            outcome = Outcome.SAVED if repeated else said.outcome
            return HandedIn(Saved(outcome, guard, said.receipts), row.receipt, row.closed_at)
        if said.outcome not in TAKEN:
            return HandedIn(said)
        found = self._found(row, guard, now)
        by = may_hand_in(found, now=now)
        found.store(guard)
        row.closed_at = (
            _closed_at(guard, row, now) if by is ClosedBy.CANDIDATE else found.clock.closes_at or now
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
        return HandedIn(said, row.receipt, row.closed_at)

    def _leave_unit(self, end: UnitLeft, said: Saved, row: EndRow, writes: _Writes) -> Moved:
        guard, now = said.guard, end.save.now
        if said.outcome not in TAKEN or guard.over:
            outcome = Outcome.CLOSED if said.outcome in TAKEN else said.outcome
            return Moved(Saved(outcome, guard, said.receipts), False)
        found, unit = self._found(row, guard, now), end.from_unit
        if end.completed and guard.open_unit == unit and found.clock.open_unit == unit:
            done = UnitEnd(unit, found.at)
            row.own.units_done.append(done)
            found = self._found(row, guard, now)
            if found.clock.open_unit == unit:
                row.own.units_done.remove(done)
            else:
                writes.done.append((row.attempt_id, unit, self._bound(done.at)))
        if found.clock.open_unit == unit:
            raise Conflict("unit.moved")
        found.store(guard)
        writes.moved.append(row.attempt_id)
        windows = windows_ahead(found.facts, now=found.at) if found.paper.windows else ()
        return Moved(said, not found.clock.units_done, windows)

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


def may_hand_in(found: _Found, *, now: datetime) -> ClosedBy:
    """Return by whom a hand-in at `now` closes; raise what refuses it. Source: R-21, R-23, R-24."""
    closes_at, open_unit = found.clock.closes_at, found.clock.open_unit
    if timing.in_grace(now, closes_at=closes_at, grace=found.guard.grace):
        return ClosedBy.DEADLINE
    paper = found.paper
    if paper.windows and open_unit is not None and open_unit < len(paper.windows):
        raise Conflict("submit.units_open")
    available_at = found.columns["earliest_submit_at"] or now
    if now < available_at:
        left = available_at - now
        seconds = -int(-left.total_seconds() // 1)
        raise TooEarly(
            "submit.too_early", available_at=available_at, left=f"{seconds // 60:02d}:{seconds % 60:02d}"
        )
    blocked = paper.submit.closed_before_end
    if not timing.may_submit(now, earliest_at=available_at, closes_at=closes_at, closed_before_end=blocked):
        raise Conflict("submit.last_minutes", minutes=int(blocked.total_seconds() // 60))
    return ClosedBy.CANDIDATE


def _closed_at(guard: Guard, row: EndRow, now: datetime) -> datetime:
    """Return when a hand-in received at `now` closes: no earlier than the last save acknowledged before it.

    Two requests of one browser may be committed in another order than they were received in; an answer that has
    its receipt is not older than the closing for that. Source: R-21; I1.
    """
    reached = max(now, guard.seen_at or now, row.seen_at or now)
    return reached if guard.closes_at is None else max(now, min(reached, guard.closes_at))
