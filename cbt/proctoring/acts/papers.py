"""What a proctor does to papers under way: time, pauses, moves, hand-ins, violations, reminders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import update

from cbt.candidates.models import Registration
from cbt.delivery import steps as delivery
from cbt.delivery.close.steps import close_attempts
from cbt.delivery.models import Attempt
from cbt.delivery.moving import OVER
from cbt.door.seats import move_to_seat
from cbt.errors import Conflict, InvalidInput
from cbt.proctoring.acts.desk import By, Desk, Said, acting
from cbt.proctoring.acts.granted import count_time
from cbt.proctoring.acts.table import Picked
from cbt.proctoring.board.seat_view import SeatView
from cbt.rules.states.attempt import ClosedBy
from cbt.rules.violation import VIOLATIONS, Effect, Violation, terminates
from cbt.sittings.models import Seat

Refs = tuple[str, ...]
_WEIGHT = tuple(Effect)


@dataclass(frozen=True, slots=True)
class Grant:
    """Time to give: 补时 `site_fault` or 延时 `general`, with its reason code and words (R-20)."""

    amount: timedelta
    kind: str
    reason_code: str
    reason: str


def adjust(room_ref: str, refs: Refs, *, grant: Grant, by: By, now: datetime) -> Said:
    """补时 or 延时 for one or several; what one person alone gave is summed, however it is split.

    Source: R-20, R-28, R-62.
    """
    with acting("adjust", room_ref, by=by, now=now) as desk:
        picked = _grantable(desk.pick(refs), grant)
        desk.touch(picked.chosen)
        count_time(desk, grant.amount, picked.chosen)
        attempts = desk.attempts(picked.chosen)
        for seat in picked.chosen:
            delivery.adjust_attempt(
                desk.session,
                attempts[seat.ref],
                now=now,
                amount=grant.amount,
                kind=grant.kind,
                reason_code=grant.reason_code,
                reason=grant.reason,
                actor=by.actor,
            )
            log_grant(desk, "adjust", grant, seat)
        return desk.said(picked)


def _grantable(picked: Picked, grant: Grant) -> Picked:
    """Only a site fault opens again what the deadline closed (R-28)."""
    if grant.kind == "site_fault":
        return picked
    over = [seat for seat in picked.chosen if not seat.under_way]
    if len(over) == len(picked.chosen):
        raise Conflict("proctoring.only_site_fault")
    return Picked(
        tuple(seat for seat in picked.chosen if seat.under_way),
        (*picked.skipped, *((seat, "closed") for seat in over)),
    )


def log_grant(desk: Desk, kind: str, grant: Grant, seat: SeatView | None = None) -> None:
    """Write a grant of time to the room's log."""
    desk.log(
        kind,
        seat,
        grant=grant.kind,
        code=grant.reason_code,
        reason=grant.reason,
        seconds=str(int(grant.amount.total_seconds())),
    )


def suspend(room_ref: str, refs: Refs, *, reason: str, by: By, now: datetime) -> Said:
    """暂停: the clock stops, the content is blanked. Source: R-25."""
    with acting("suspend", room_ref, by=by, now=now) as desk:
        picked = desk.pick(refs)
        for seat, attempt in _each(desk, picked):
            delivery.suspend_attempt(desk.session, attempt, now=now, reason=reason, actor=by.actor)
            desk.log("suspend", seat, reason=reason)
        return desk.said(picked)


def resume(room_ref: str, refs: Refs, *, reason: str, by: By, now: datetime) -> Said:
    """恢复: the clock goes on, the time is given back in full. Source: R-25."""
    with acting("resume", room_ref, by=by, now=now) as desk:
        picked = desk.pick(refs)
        for seat, attempt in _each(desk, picked):
            delivery.resume_attempt(desk.session, attempt, now=now, actor=by.actor)
            desk.log("resume", seat, reason=reason)
        return desk.said(picked)


def allow_move(
    room_ref: str, refs: Refs, *, seat_number: int | None, reason: str, by: By, now: datetime
) -> Said:
    """允许换机: the next sign-in on another machine takes the paper, at the same or another free seat.

    Source: R-16, R-42.
    """
    with acting("move", room_ref, by=by, now=now) as desk:
        picked = desk.pick(refs)
        for seat, attempt in _each(desk, picked):
            delivery.allow_move(desk.session, attempt, now=now, actor=by.actor, reason=reason)
            registration = desk.registration(seat)
            registration.elsewhere_at = registration.elsewhere_address = (
                None  # this is the answer to the alert
            )
            if seat_number is None or seat_number == seat.number:
                desk.log("move", seat, reason=reason)
                continue
            free = next((one for one in desk.board.free if one.number == seat_number), None)
            if free is None:
                raise Conflict("proctoring.seat_taken", seat=f"{seat_number:02d}")
            new = desk.session.get_one(Seat, free.seat_id)
            move_to_seat(desk.session, desk.registration(seat), new, now=now, actor=by.actor, reason=reason)
            desk.log("move_to", seat, reason=reason, to=free.label)
        return desk.said(picked)


def force_submit(room_ref: str, refs: Refs, *, reason: str, by: By, now: datetime) -> Said:
    """强制收卷, with a second person; whoever never opened the paper is 到场未作答. Source: R-60, R-62."""
    with acting("force", room_ref, by=by, now=now) as desk:
        desk.need_second()
        picked = desk.pick(refs)
        close(desk, picked.chosen, closed_by=ClosedBy.PROCTOR, closed_at=now, reason=reason)
        for seat in picked.chosen:
            desk.log("force", seat, reason=reason)
        return desk.said(picked)


def close(
    desk: Desk, seats: tuple[SeatView, ...], *, closed_by: ClosedBy, closed_at: datetime, reason: str
) -> None:
    """Close the attempts of seats; raise Conflict when one of them was closed meanwhile."""
    attempts = list(desk.attempts(seats).values())
    closed = close_attempts(
        desk.session,
        attempts,
        now=desk.now,
        closed_at=closed_at,
        closed_by=closed_by,
        actor=desk.by.actor,
        reason=reason,
    )
    if len(closed) < len(seats):
        raise Conflict("proctoring.none_apply")


def reopen(room_ref: str, refs: Refs, *, more: timedelta, reason: str, by: By, now: datetime) -> Said:
    """恢复作答 after a 误交卷: the chief and a second person, while time is left or is granted with it.

    Source: R-60, R-62.
    """
    with acting("reopen", room_ref, by=by, now=now) as desk:
        desk.need_second()
        desk.need_chief()
        picked = desk.pick(refs)
        for seat, attempt in _each(desk, picked):
            if more:
                delivery.adjust_attempt(
                    desk.session,
                    attempt,
                    now=now,
                    amount=more,
                    kind="general",
                    reason_code="other",
                    reason=reason,
                    actor=by.actor,
                )
            delivery.reopen_attempt(desk.session, attempt, now=now, reason=reason, actor=by.actor)
            desk.log("reopen", seat, reason=reason)
        return desk.said(picked)


def record_violation(room_ref: str, refs: Refs, *, code: str, reason: str, by: By, now: datetime) -> Said:
    """违纪登记: note it, and end the paper at once where the table says so.

    Of several the heaviest stands on the registration; the log keeps each. One with 终止考试 needs what
    强制收卷 needs: a second person.

    Source: R-62, R-63.
    """
    violation = violation_of(code)
    with acting("violation", room_ref, by=by, now=now) as desk:
        if terminates(violation):
            desk.need_second()
        picked = desk.pick(refs)
        for seat in picked.chosen:
            if seat.violation_code is None or _weight(violation) > _weight(violation_of(seat.violation_code)):
                desk.session.execute(
                    update(Registration)
                    .where(Registration.id == seat.registration_id)
                    .values(violation_code=code)
                )
            desk.audit("violation", f"registration:{seat.ref}", reason=reason, after={"code": code})
            desk.log("violation", seat, code=code, reason=reason)
            open_still = seat.attempt_id is not None and seat.attempt_state not in OVER
            if terminates(violation) and open_still:
                close(desk, (seat,), closed_by=ClosedBy.VIOLATION, closed_at=now, reason=code)
        return desk.said(picked)


def violation_of(code: str) -> Violation:
    """Return one row of the table; raise InvalidInput for a code it does not have."""
    found = next((violation for violation in VIOLATIONS if violation.code == code), None)
    if found is None:
        raise InvalidInput("proctoring.no_violation", field="code")
    return found


def _weight(violation: Violation) -> int:
    return max(_WEIGHT.index(effect) for effect in violation.effects)


def remind(room_ref: str, refs: Refs, *, text: str, by: By, now: datetime) -> Said:
    """提醒: a message on the candidate's page, with delivered and read receipts."""
    with acting("remind", room_ref, by=by, now=now) as desk:
        picked = desk.pick(refs)
        for seat, attempt in _each(desk, picked):
            delivery.send_message(desk.session, attempt, now=now, text=text, actor=by.actor)
            desk.log("remind", seat, text=text)
        return desk.said(picked)


def _each(desk: Desk, picked: Picked) -> list[tuple[SeatView, Attempt]]:
    attempts = desk.attempts(picked.chosen)
    return [(seat, attempts[seat.ref]) for seat in picked.chosen]
