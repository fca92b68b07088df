"""What a candidate does with an open attempt: finish a unit, hand it in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from cbt.db.unit_of_work import reading, unit_of_work
from cbt.delivery.close.steps import close_attempts
from cbt.delivery.fact_reader import attempt_facts, room_facts
from cbt.delivery.facts import AttemptFacts
from cbt.delivery.models import Attempt, UnitDone
from cbt.delivery.moving import OVER
from cbt.delivery.save.entries import Entry
from cbt.delivery.save.exchange import Outcome, Save, Saved
from cbt.delivery.save.guard import AttemptInfo, Guard
from cbt.delivery.save.journal import current_journal
from cbt.delivery.steps import lock_attempt
from cbt.errors import Conflict, TooEarly
from cbt.rules.clock import timing
from cbt.rules.clock.facts import UnitWindow
from cbt.rules.states.attempt import ClosedBy
from cbt.web.who.machine import is_elsewhere


def _facts(session: Session, attempt: Attempt) -> AttemptFacts:
    """Return the facts of an attempt that was opened; raise TooEarly("not_started") for another."""
    entries = attempt_facts(session, room_facts(session, attempt.sitting_room_id), [attempt])
    if not entries:
        raise TooEarly("not_started")
    return entries[0]


@dataclass(frozen=True, slots=True)
class Moved:
    """What follows the end of a unit: the receipts of its last answers, and whether another unit is open now."""

    saved: Saved
    goes_on: bool
    windows: Sequence[UnitWindow] = ()


def advance_unit(
    info: AttemptInfo,
    *,
    lease_hash: str,
    machine: str,
    epoch: int,
    from_unit: int,
    completed: bool,
    entries: Sequence[Entry],
    now: datetime,
) -> Moved:
    """End `from_unit`, confirmed by the candidate or by time, and open the next.

    A unit that time ended moves on with or without a browser; this call only finds what is open then.
    Raises Conflict("unit.moved") when another unit is open already, or the unit's time is not up yet.

    Source: R-24.
    """
    with unit_of_work() as session:
        attempt = lock_attempt(session, info.attempt_id)
        save = Save(info.attempt_id, lease_hash, epoch, entries, now, machine)
        saved = current_journal().save_within(session, save)
        if saved.outcome not in (Outcome.SAVED, Outcome.UNIT_CLOSED):
            return Moved(saved, False)
        entry = _facts(session, attempt)
        if completed and attempt.open_unit == from_unit and entry.clock(now).open_unit == from_unit:
            session.add(UnitDone(attempt_id=attempt.id, unit=from_unit, at=entry.present(now)))
            entry = _facts(session, attempt)
        clock = entry.clock(now)
        if clock.open_unit == from_unit:
            raise Conflict("unit.moved")
        entry.store(clock)
        session.flush()
        fresh = Saved(saved.outcome, _guard(session, info), saved.receipts)
        return Moved(fresh, not clock.units_done, entry.windows(now))


def windows_of(attempt_id: int, *, now: datetime) -> Sequence[UnitWindow]:
    """Return the windows of an attempt that are open or to come; none before its start (R-24)."""
    with reading() as session:
        attempt = session.get_one(Attempt, attempt_id)
        found = attempt_facts(session, room_facts(session, attempt.sitting_room_id), [attempt])
        return found[0].windows(now) if found else ()


def _guard(session: Session, info: AttemptInfo) -> Guard:
    cursor = session.connection().connection.cursor()
    guards = current_journal().dialect.read_guards(cursor, [info.attempt_id])
    cursor.close()
    return guards[info.attempt_id]


@dataclass(frozen=True, slots=True)
class Submitted:
    """The result of 交卷: what became of the unsent answers, and the receipt when it is closed."""

    saved: Saved
    receipt: str | None
    closed_at: datetime | None


def submit_attempt(
    info: AttemptInfo,
    *,
    lease_hash: str,
    machine: str,
    epoch: int,
    entries: Sequence[Entry],
    pressed_at: datetime,
    now: datetime,
) -> Submitted:
    """交卷: store the unsent answers and close, in one transaction; a repeat returns the same receipt.

    `pressed_at` is kept on record; the server's `now` decides. A submit within the grace counts as closed
    by the deadline. Raises TooEarly("submit.too_early", available_at=…), TooEarly("submit.last_minutes")
    and Conflict("submit.units_open").

    Source: R-21, R-23, R-24, R-29.
    """
    with unit_of_work() as session:
        attempt = lock_attempt(session, info.attempt_id)
        mine = attempt.lease_hash == lease_hash and attempt.lease_epoch == epoch
        mine = mine and not is_elsewhere(attempt.lease_machine, machine)
        if mine and attempt.state in OVER and not entries:
            return Submitted(Saved(Outcome.SAVED, _guard(session, info)), attempt.receipt, attempt.closed_at)
        save = Save(info.attempt_id, lease_hash, epoch, entries, now, machine)
        saved = current_journal().save_within(session, save)
        if saved.outcome not in (Outcome.SAVED, Outcome.UNIT_CLOSED):
            return Submitted(saved, attempt.receipt, attempt.closed_at)
        entry = _facts(session, attempt)
        entry.store(entry.clock(now))
        by = _may_hand_in(attempt, entry, now=now)
        attempt.submitted_at = min(pressed_at, now)
        session.flush()
        close_attempts(
            session,
            [attempt],
            now=now,
            closed_at=now if by is ClosedBy.CANDIDATE else attempt.closes_at,
            closed_by=by,
            actor=f"candidate:{info.registration_ref}",
        )
        session.flush()
        fresh = Saved(saved.outcome, _guard(session, info), saved.receipts)
        return Submitted(fresh, attempt.receipt, attempt.closed_at)


def _may_hand_in(attempt: Attempt, entry: AttemptFacts, *, now: datetime) -> ClosedBy:
    if timing.in_grace(now, closes_at=attempt.closes_at, grace=attempt.grace):
        return ClosedBy.DEADLINE
    if entry.paper.windows and attempt.open_unit is not None and attempt.open_unit < len(entry.paper.windows):
        raise Conflict("submit.units_open")
    available_at = attempt.earliest_submit_at or now
    if now < available_at:
        left = available_at - now
        seconds = -int(-left.total_seconds() // 1)
        raise TooEarly(
            "submit.too_early", available_at=available_at, left=f"{seconds // 60:02d}:{seconds % 60:02d}"
        )
    blocked = entry.paper.submit.closed_before_end
    if not timing.may_submit(
        now, earliest_at=available_at, closes_at=attempt.closes_at, closed_before_end=blocked
    ):
        raise Conflict("submit.last_minutes", minutes=int(blocked.total_seconds() // 60))
    return ClosedBy.CANDIDATE
