"""Changes of attempts that later rooms call within their own unit of work."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.delivery.fact_reader import attempt_facts, room_facts
from cbt.delivery.models import Attempt, AttemptAdjustment, AttemptSuspension, Message
from cbt.delivery.moving import ACTIVE, OVER, RUNNING, move
from cbt.errors import Conflict
from cbt.rules.states.attempt import ClosedBy, Event, State
from cbt.rules.states.sitting import SittingState as RoomState
from cbt.sittings.models import SittingRoom
from cbt.web.refs import new_ref

ROOM_GOES_ON = (RoomState.RUNNING, RoomState.HELD)
_Values = dict[str, object]


def create_attempt(
    session: Session,
    *,
    registration_id: int,
    sitting_room_id: int,
    form_id: int,
    layout: str,
    grace: timedelta,
) -> Attempt:
    """Add the attempt of one registration, ready to be opened; `layout` is that of its form."""
    attempt = Attempt(
        ref=new_ref("at"),
        registration_id=registration_id,
        sitting_room_id=sitting_room_id,
        form_id=form_id,
        layout=layout,
        state=State.READY,
        grace=grace,
        has_message=False,
        lease_epoch=0,
    )
    session.add(attempt)
    return attempt


def lock_attempt(session: Session, attempt_id: int) -> Attempt:
    """Return the attempt with its row locked, so that saves and closings take turns."""
    return session.execute(
        select(Attempt)
        .where(Attempt.id == attempt_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one()


def refresh_clocks(
    session: Session,
    *,
    now: datetime,
    sitting_room_id: int,
    attempt_ids: Iterable[int] | None = None,
    reopen: bool = False,
) -> list[Attempt]:
    """Work out and store the clocks of a room's attempts again after a fact was added.

    With `reopen` (time was granted for a site fault) attempts that the deadline closed are opened again
    when their new end lies in the future; that closing was provisional until the sitting ends. Returns
    the attempts whose clock was written.

    Source: R-20, R-25, R-28.
    """
    session.flush()
    query = select(Attempt).where(
        Attempt.sitting_room_id == sitting_room_id, Attempt.state.in_((*ACTIVE, *OVER))
    )
    if attempt_ids is not None:
        query = query.where(Attempt.id.in_(list(attempt_ids)))
    attempts = list(session.scalars(query.order_by(Attempt.id).with_for_update()))
    touched = []
    for entry in attempt_facts(session, room_facts(session, sitting_room_id), attempts):
        attempt, clock = entry.attempt, entry.clock(now)
        if attempt.state in OVER:
            comes_back = (
                reopen
                and attempt.closed_by == ClosedBy.DEADLINE
                and (clock.suspended or (clock.closes_at is not None and clock.closes_at > now))
            )
            if not comes_back:
                continue
            _open_again(session, attempt, now=now, actor="scheduler", reason="site_fault")
        entry.store(clock)
        touched.append(attempt)
    return touched


def _open_again(session: Session, attempt: Attempt, *, now: datetime, actor: str, reason: str) -> None:
    former = {"state": attempt.state, "closed_by": attempt.closed_by, "closed_at": attempt.closed_at}
    move(attempt, Event.REOPEN)
    attempt.closed_at = attempt.closed_by = attempt.submitted_at = None
    attempt.receipt = attempt.journal_digest = None
    chain.record(
        session,
        at=now,
        actor=actor,
        act="attempt.reopen",
        subject=f"attempt:{attempt.ref}",
        reason=reason,
        before={name: str(value) for name, value in former.items()},
    )


def suspend_attempt(
    session: Session, attempt: Attempt, *, now: datetime, reason: str, actor: str
) -> AttemptSuspension:
    """Stop one candidate's clock and blank their page; raise Conflict when there is nothing to stop.

    Source: R-25.
    """
    if attempt.state not in RUNNING or _open_suspension(session, attempt):
        raise Conflict("attempt.not_running")
    suspension = AttemptSuspension(attempt_id=attempt.id, from_at=now, reason=reason, by=actor)
    session.add(suspension)
    refresh_clocks(session, now=now, sitting_room_id=attempt.sitting_room_id, attempt_ids=[attempt.id])
    _record(session, attempt, "attempt.suspend", now=now, reason=reason, actor=actor)
    return suspension


def resume_attempt(session: Session, attempt: Attempt, *, now: datetime, actor: str) -> AttemptSuspension:
    """Let one candidate's clock run again; the time is given back in full (R-25)."""
    suspension = _open_suspension(session, attempt)
    if suspension is None:
        raise Conflict("attempt.not_suspended")
    suspension.to_at, suspension.resumed_by = now, actor
    refresh_clocks(session, now=now, sitting_room_id=attempt.sitting_room_id, attempt_ids=[attempt.id])
    _record(session, attempt, "attempt.resume", now=now, reason="", actor=actor)
    return suspension


def _open_suspension(session: Session, attempt: Attempt) -> AttemptSuspension | None:
    return session.scalar(
        select(AttemptSuspension).where(
            AttemptSuspension.attempt_id == attempt.id, AttemptSuspension.to_at.is_(None)
        )
    )


def adjust_attempt(
    session: Session,
    attempt: Attempt,
    *,
    now: datetime,
    amount: timedelta,
    kind: str,
    reason_code: str,
    reason: str,
    actor: str,
) -> AttemptAdjustment:
    """Give one candidate time; a site fault also opens again what the deadline closed (R-20, R-28).

    The grant takes effect now, or at the attempt's end when that has passed already, so that it lengthens
    the window that was open then. Raises Conflict("attempt.not_running") before the paper was opened, and
    once the room is ended or aborted: its closings stand then.
    """
    room = session.get_one(SittingRoom, attempt.sitting_room_id)
    if attempt.started_at is None or room.state not in ROOM_GOES_ON:
        raise Conflict("attempt.not_running")
    at = now
    if attempt.closed_by == ClosedBy.DEADLINE and attempt.closed_at is not None:
        at = min(now, attempt.closed_at)
    former = _ends(attempt)
    adjustment = AttemptAdjustment(
        attempt_id=attempt.id,
        at=at,
        amount=amount,
        kind=kind,
        reason_code=reason_code,
        reason=reason,
        by=actor,
    )
    session.add(adjustment)
    refresh_clocks(
        session,
        now=now,
        sitting_room_id=attempt.sitting_room_id,
        attempt_ids=[attempt.id],
        reopen=kind == "site_fault",
    )
    after = {"seconds": int(amount.total_seconds()), "kind": kind, "reason_code": reason_code}
    _record(
        session,
        attempt,
        "attempt.adjust",
        now=now,
        reason=reason,
        actor=actor,
        before=former,
        after={**after, **_ends(attempt)},
    )
    return adjustment


def _ends(attempt: Attempt) -> _Values:
    ends = {"closes_at": attempt.closes_at, "unit_ends_at": attempt.unit_ends_at}
    return {name: at.isoformat() for name, at in ends.items() if at is not None}


def reopen_attempt(session: Session, attempt: Attempt, *, now: datetime, reason: str, actor: str) -> None:
    """恢复作答: open a closed attempt again while time is left; raise Conflict("attempt.no_time") otherwise.

    Source: R-60.
    """
    if attempt.state not in OVER:
        raise Conflict("attempt.not_closed")
    entries = attempt_facts(session, room_facts(session, attempt.sitting_room_id), [attempt])
    clock = entries[0].clock(now) if entries else None
    if clock is None or (not clock.suspended and (clock.closes_at is None or clock.closes_at <= now)):
        raise Conflict("attempt.no_time")
    _open_again(session, attempt, now=now, actor=actor, reason=reason)
    entries[0].store(clock)


def allow_move(session: Session, attempt: Attempt, *, now: datetime, actor: str, reason: str = "") -> None:
    """允许换机: the next sign-in, on whichever machine, takes the lease (R-42)."""
    if attempt.state in OVER:
        raise Conflict("attempt.closed")
    session.execute(update(Attempt).where(Attempt.id == attempt.id).values(move_allowed_at=now))
    _record(session, attempt, "attempt.allow_move", now=now, reason=reason, actor=actor)


def send_message(session: Session, attempt: Attempt, *, now: datetime, text: str, actor: str) -> Message:
    """提醒: leave a message that the candidate's page fetches with its next heartbeat."""
    message = Message(attempt_id=attempt.id, text=text, sent_at=now, by=actor)
    session.add(message)
    session.flush()
    # Written whatever was read: a page that confirms the former reminder just now takes turns on this row.
    session.execute(update(Attempt).where(Attempt.id == attempt.id).values(has_message=True))
    _record(session, attempt, "attempt.remind", now=now, reason=text, actor=actor)
    return message


def _record(
    session: Session, attempt: Attempt, act: str, *, now: datetime, reason: str, actor: str, **values: _Values
) -> None:
    subject = f"attempt:{attempt.ref}"
    chain.record(session, at=now, actor=actor, act=act, subject=subject, reason=reason, **values)
