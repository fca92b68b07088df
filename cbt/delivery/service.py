"""What a candidate does with an attempt: open it, finish a unit, hand it in; and what time does."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from cbt.candidates.models import Registration
from cbt.db.unit_of_work import unit_of_work
from cbt.delivery.entries import Entry
from cbt.delivery.facts import AttemptFacts, attempt_facts, room_facts
from cbt.delivery.guard import AttemptInfo, Guard
from cbt.delivery.journal import current_journal, hash_lease
from cbt.delivery.models import Attempt, AttemptLive, Gap, UnitDone
from cbt.delivery.paper_json import paper_json
from cbt.delivery.saving import GAP, Outcome, Save, Saved
from cbt.delivery.steps import OVER, ROOM_GOES_ON, close_attempts, lock_attempt
from cbt.delivery.store import journal_state, live_row
from cbt.errors import Conflict, Gone, Locked, NotFound, TooEarly
from cbt.exams.store import blueprint_of
from cbt.exams.titles import paper_title
from cbt.rules import timing
from cbt.rules.attempt_state import ClosedBy, State
from cbt.web.login import Principal


@dataclass(frozen=True, slots=True)
class Opened:
    """What the page gets when it opens an attempt or its next unit."""

    lease: str
    epoch: int
    guard: Guard
    paper: dict[str, Any] | None
    journal: dict[str, Any]
    seq: int


def open_attempt(info: AttemptInfo, principal: Principal, *, machine: str, now: datetime) -> Opened:
    """Open or reopen the paper for this browser: issue a new lease and return what may be seen now.

    The first opening starts the candidate's clock; the room must have started (R-20). Raises NotFound for
    somebody else's attempt, TooEarly("not_started"), Conflict("door.unconfirmed") before the pledge or while
    a proctor is to compare (R-14), Conflict("lease.held") (R-42), Gone, Locked.

    Source: R-14, R-20, R-42, R-43, R-44.
    """
    if principal.subject_ref != info.registration_ref:
        raise NotFound("attempt.unknown")
    with unit_of_work() as session:
        attempt = lock_attempt(session, info.attempt_id)
        entry = _facts(session, attempt, now)
        if attempt.state in OVER or entry.room.state not in ROOM_GOES_ON:
            raise Gone("attempt.closed")
        if not _came_through_the_door(entry.registration):
            raise Conflict("door.unconfirmed")
        live = live_row(session, attempt.id)
        _check_lease(attempt, live, principal, machine=machine, now=now)
        clock = entry.clock(now)
        if clock.suspended:
            # Nothing of the paper is sent while it is blanked, and nobody's clock begins in a hold.
            raise Locked("attempt.suspended")
        if clock.closes_at is not None and now >= clock.closes_at:
            raise Gone("attempt.closed")
        if attempt.state == State.READY:
            attempt.started_at = now
        entry.store(clock)
        token = _issue_lease(attempt, principal, machine=machine)
        _note_presence(session, attempt, live, places=len(info.shapes), now=now)
        session.flush()
        journal, seq = journal_state(session, attempt.id)
        return Opened(
            lease=token,
            epoch=attempt.lease_epoch,
            guard=_guard(session, info),
            paper=_paper(session, attempt, entry),
            journal=journal,
            seq=seq,
        )


def _facts(session: Session, attempt: Attempt, now: datetime) -> AttemptFacts:
    found = attempt_facts(session, room_facts(session, attempt.sitting_room_id), [attempt], opened_at=now)
    if not found:
        raise TooEarly("not_started")
    return found[0]


def _came_through_the_door(registration: Registration) -> bool:
    moments = (registration.confirmed_at, registration.pledged_at)
    return None not in moments and registration.query_at is None


def _check_lease(
    attempt: Attempt, live: AttemptLive | None, principal: Principal, *, machine: str, now: datetime
) -> None:
    """One writing browser: another login needs a silent former browser on this machine, or 允许换机."""
    if attempt.lease_hash is None or attempt.lease_login_id == principal.login_session_id:
        return
    if attempt.move_allowed_at is not None:
        return
    silent = live is None or now - live.seen_at >= GAP
    if attempt.lease_machine == machine and silent:
        return
    raise Conflict("lease.held")


def _issue_lease(attempt: Attempt, principal: Principal, *, machine: str) -> str:
    token = secrets.token_urlsafe(24)
    attempt.lease_hash = hash_lease(token)
    attempt.lease_epoch += 1
    attempt.lease_login_id = principal.login_session_id
    attempt.lease_machine = machine
    attempt.move_allowed_at = None
    return token


def _note_presence(
    session: Session, attempt: Attempt, live: AttemptLive | None, *, places: int, now: datetime
) -> None:
    """Keep the board's row; a silence before this opening was time without the ability to answer (R-26)."""
    if live is None:
        session.add(
            AttemptLive(
                attempt_id=attempt.id,
                seen_at=now,
                answered=0,
                answered_map="0" * places,
                usable_at=now,
                blurs=0,
            )
        )
        return
    if now - live.seen_at > GAP:
        session.add(Gap(attempt_id=attempt.id, from_at=live.seen_at, to_at=now, usable=False, resent=0))
    live.seen_at = live.usable_at = now


def _paper(session: Session, attempt: Attempt, entry: AttemptFacts) -> dict[str, Any]:
    blueprint = blueprint_of(session, entry.registration.blueprint_version_id)
    title = paper_title(blueprint, entry.registration.paper)
    return paper_json(session, attempt, entry.paper, title=title)


@dataclass(frozen=True, slots=True)
class Moved:
    """What follows the end of a unit: the receipts of its last answers, and the next unit (None: all over)."""

    saved: Saved
    paper: dict[str, Any] | None


def advance_unit(
    info: AttemptInfo,
    *,
    lease_hash: str,
    epoch: int,
    from_unit: int,
    completed: bool,
    entries: Sequence[Entry],
    now: datetime,
) -> Moved:
    """End `from_unit`, confirmed by the candidate or by time, and open the next.

    A unit that time ended moves on with or without a browser; this call only fetches what is open then.
    Raises Conflict("unit.moved") when another unit is open already, or the unit's time is not up yet.

    Source: R-24.
    """
    with unit_of_work() as session:
        attempt = lock_attempt(session, info.attempt_id)
        save = Save(info, lease_hash, epoch, entries, now)
        saved = current_journal().save_within(session, save)
        if saved.outcome not in (Outcome.SAVED, Outcome.UNIT_CLOSED):
            return Moved(saved, None)
        entry = _facts(session, attempt, now)
        if completed and attempt.open_unit == from_unit and entry.clock(now).open_unit == from_unit:
            session.add(UnitDone(attempt_id=attempt.id, unit=from_unit, at=now))
            session.flush()
            entry = _facts(session, attempt, now)
        clock = entry.clock(now)
        if clock.open_unit == from_unit:
            raise Conflict("unit.moved")
        entry.store(clock)
        session.flush()
        fresh = Saved(saved.outcome, _guard(session, info), saved.receipts)
        return Moved(fresh, None if clock.units_done else _paper(session, attempt, entry))


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
        if mine and attempt.state in OVER and not entries:
            return Submitted(Saved(Outcome.SAVED, _guard(session, info)), attempt.receipt, attempt.closed_at)
        save = Save(info, lease_hash, epoch, entries, now)
        saved = current_journal().save_within(session, save)
        if saved.outcome not in (Outcome.SAVED, Outcome.UNIT_CLOSED):
            return Submitted(saved, attempt.receipt, attempt.closed_at)
        entry = _facts(session, attempt, now)
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
