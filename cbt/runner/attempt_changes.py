"""Changes of attempts that later rooms call within their own unit of work: made, and taken back soon after.

Source: R-13, R-20, R-25, R-28, R-41, R-42.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.errors import Conflict, Locked
from cbt.rules.canonical import canonical_json
from cbt.rules.states import ClosedBy, Event, State
from cbt.rules.states import SittingState as RoomState
from cbt.runner.attempt_states import ACTIVE, OVER, RUNNING, move
from cbt.runner.clock_facts import attempt_facts, room_facts
from cbt.runner.models import Attempt, AttemptAdjustment, AttemptSuspension, Message, UnitDone
from cbt.runner.save.attempt_row import AttemptInfo
from cbt.runner.store import is_out, unread_messages
from cbt.sittings.models import SittingRoom
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import reading, unit_of_work

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


def deliver(info: AttemptInfo, now: datetime) -> str:
    """Return the waiting reminders as JSON; the first time one is sent is its delivered receipt."""
    with reading() as session:
        waiting = unread_messages(session, info.attempt_id)
    fresh = [message.id for message in waiting if message.delivered_at is None]
    if fresh:
        with unit_of_work() as session:
            session.execute(
                update(Message)
                .where(Message.id.in_(fresh), Message.delivered_at.is_(None))
                .values(delivered_at=now)
            )
    return canonical_json([{"id": message.id, "text": message.text} for message in waiting])


def confirm(info: AttemptInfo, message_id: int, *, lease_hash: str, now: datetime) -> None:
    """Note that the candidate has read a reminder; a repeat changes nothing.

    The attempt's row is locked before the reminders are read, and whoever sends one writes that row: a reminder
    sent meanwhile is either seen here, or says afterwards that it waits. Raise Conflict("lease.lost") for a
    browser that has not the lease, Locked("attempt.away") while the candidate is out of the room: nobody can
    have read it.
    """
    with unit_of_work() as session:
        attempt = lock_attempt(session, info.attempt_id)
        if attempt.lease_hash != lease_hash:
            raise Conflict("lease.lost")
        if is_out(session, attempt.registration_id):
            raise Locked("attempt.away")
        unread = unread_messages(session, info.attempt_id)
        for message in unread:
            if message.id == message_id:
                message.read_at = now
        attempt.has_message = any(message.read_at is None for message in unread)


# Changes of attempts taken back soon after they were made, within the unit of work of a later room.
#
# What was given stays on record with when it was taken back. A clock is as it was then: what stood still
# meanwhile has been given back, and nothing is taken back that somebody has already used.


def withdraw_time(session: Session, attempt: Attempt, adjustment_id: int, *, now: datetime) -> bool:
    """Take time back that was given to one candidate; return whether it could be.

    It cannot once their paper is over, or would be without it, or in another unit. Source: R-20.
    """
    row = session.get_one(AttemptAdjustment, adjustment_id)
    if row.withdrawn_at is not None or attempt.state not in ACTIVE:
        return False
    row.withdrawn_at = now
    if not goes_on(session, attempt.sitting_room_id, [attempt], now=now):
        row.withdrawn_at = None
        session.flush()
        return False
    refresh_clocks(session, now=now, sitting_room_id=attempt.sitting_room_id, attempt_ids=[attempt.id])
    return True


def goes_on(session: Session, sitting_room_id: int, attempts: Sequence[Attempt], *, now: datetime) -> bool:
    """Return whether the facts, as they stand now, leave every attempt time, and in the unit it is in."""
    session.flush()
    for entry in attempt_facts(session, room_facts(session, sitting_room_id), attempts):
        clock = entry.clock(now)
        if not clock.suspended and (clock.closes_at is None or clock.closes_at <= now):
            return False
        if clock.open_unit != entry.attempt.open_unit and not clock.units_done:
            return False
    return True


def under_way(session: Session, sitting_room_id: int) -> Sequence[Attempt]:
    """Return the attempts of a room that have begun and are not over, locked."""
    query = select(Attempt).where(Attempt.sitting_room_id == sitting_room_id, Attempt.state.in_(ACTIVE))
    rows = session.scalars(
        query.order_by(Attempt.id).with_for_update().execution_options(populate_existing=True)
    )
    return rows.all()


def moved_on(session: Session, sitting_room_id: int, *, since: datetime) -> bool:
    """Return whether somebody of a room has ended a unit or a paper after an instant."""
    ended = (
        select(UnitDone.id)
        .join(Attempt, Attempt.id == UnitDone.attempt_id)
        .where(Attempt.sitting_room_id == sitting_room_id, UnitDone.at > since)
    )
    closed = select(Attempt.id).where(Attempt.sitting_room_id == sitting_room_id, Attempt.closed_at > since)
    return any(session.scalar(query.limit(1)) is not None for query in (ended, closed))


def withdraw_suspension(
    session: Session, attempt: Attempt, suspension_id: int, *, now: datetime, actor: str
) -> bool:
    """Let a clock run again that was stopped by mistake; return whether it still stood. Source: R-25."""
    row = session.get_one(AttemptSuspension, suspension_id)
    if row.to_at is not None:
        return False
    resume_attempt(session, attempt, now=now, actor=actor)
    return True


def withdraw_resumption(
    session: Session, attempt: Attempt, suspension_id: int, *, open_unit: int | None, now: datetime
) -> bool:
    """Stop a clock again that was let run by mistake, from where it stood; return whether it still ran.

    What was answered meanwhile counts; what ran meanwhile is given back like the pause it was taken from. It is
    left alone once the candidate is in another unit or paused anew. Source: R-25.
    """
    row = session.get_one(AttemptSuspension, suspension_id)
    latest = select(AttemptSuspension.id).where(AttemptSuspension.attempt_id == attempt.id)
    last = session.scalar(latest.order_by(AttemptSuspension.id.desc()).limit(1))
    if row.to_at is None or last != row.id or attempt.state not in RUNNING or attempt.open_unit != open_unit:
        return False
    row.to_at = row.resumed_by = None
    refresh_clocks(session, now=now, sitting_room_id=attempt.sitting_room_id, attempt_ids=[attempt.id])
    return True


def withdraw_message(session: Session, attempt: Attempt, message_id: int, *, now: datetime) -> bool:
    """Take a 提醒 back that was not read yet; return whether it could be."""
    taken = session.scalar(
        update(Message)
        .where(Message.id == message_id, Message.read_at.is_(None), Message.withdrawn_at.is_(None))
        .values(withdrawn_at=now)
        .returning(Message.id)
    )
    if taken is None:
        return False
    waiting = select(Message.id).where(
        Message.attempt_id == attempt.id, Message.read_at.is_(None), Message.withdrawn_at.is_(None)
    )
    attempt.has_message = session.scalar(waiting.limit(1)) is not None
    session.flush()
    return True


def withdraw_permit(
    session: Session, attempt: Attempt, *, was_allowed_at: datetime | None, epoch: int
) -> bool:
    """Take 允许换机 back while no machine has made use of it; return whether it could be. Source: R-42."""
    taken = session.scalar(
        update(Attempt)
        .where(Attempt.id == attempt.id, Attempt.lease_epoch == epoch, Attempt.move_allowed_at.is_not(None))
        .values(move_allowed_at=was_allowed_at)
        .returning(Attempt.id)
    )
    session.refresh(attempt)
    return taken is not None
