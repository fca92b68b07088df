"""Decisions on proposed compensations: time without the ability to answer, given back or not."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from cbt.delivery import steps as delivery
from cbt.delivery.fact_reader import room_facts
from cbt.delivery.models import Gap
from cbt.errors import Conflict, InvalidInput, NotFound
from cbt.proctoring import store
from cbt.proctoring.acts.desk import By, Desk, Said, acting
from cbt.proctoring.acts.granted import count_time
from cbt.proctoring.acts.table import Picked
from cbt.proctoring.board.live import proposal
from cbt.proctoring.board.seat_view import Proposal, SeatView
from cbt.rules.states.attempt import ClosedBy


def decide_gap(
    room_ref: str, gap_id: int, *, amount: timedelta, reason_code: str, reason: str, by: By, now: datetime
) -> Said:
    """Decide on a proposed compensation: give `amount` back as 补时, or nothing (不补时).

    One person suffices for what is proposed; what is given beyond the proposal counts as an extension, and
    so does a compensation with which everybody got more than 10 minutes.

    Raise Conflict when it was decided meanwhile, or the paper was handed in, NotFound for one that was given
    back by itself, and InvalidInput for more than was lost and not given back.

    Source: R-26, R-62.
    """
    with acting("decide", room_ref, by=by, now=now) as desk:
        gap, attempt = store.gap_in_room(desk.session, desk.room.id, gap_id)
        seat = next((one for one in desk.board.seats if one.attempt_id == attempt.id), None)
        if seat is None:
            raise NotFound("proctoring.no_gap")
        proposed = proposal(
            gap,
            room_facts(desk.session, desk.room.id),
            store.stood_in_room(desk.session, desk.room.id).get(attempt.id, ()),
            now=now,
        )
        if proposed is None:
            raise NotFound("proctoring.no_gap")
        if amount > proposed.left:
            raise InvalidInput("proctoring.gap_amount", field="amount")
        desk.touch((seat,))
        _decide(desk.session, gap, amount=amount, now=now, actor=by.actor)
        if amount:
            count_time(desk, min(amount, proposed.amount), (seat,), compensation=True)
            count_time(desk, max(amount - proposed.amount, timedelta(0)), (seat,))
            if attempt.closed_by not in (None, ClosedBy.DEADLINE):
                raise Conflict("proctoring.handed_in")
            delivery.adjust_attempt(
                desk.session,
                attempt,
                now=now,
                amount=amount,
                kind="site_fault",
                reason_code=reason_code,
                reason=reason,
                actor=by.actor,
            )
        _record_decision(desk, seat, proposed, amount, reason_code, reason)
        return desk.said(Picked((seat,), ()))


def _decide(session: Session, gap: Gap, *, amount: timedelta, now: datetime, actor: str) -> None:
    decided = session.scalar(
        update(Gap)
        .where(Gap.id == gap.id, Gap.decided_at.is_(None))
        .values(decided_at=now, decided_by=actor, granted=amount)
        .returning(Gap.id)
    )
    if decided is None:
        raise Conflict("proctoring.gap_decided")


def _record_decision(
    desk: Desk, seat: SeatView, proposed: Proposal, amount: timedelta, reason_code: str, reason: str
) -> None:
    seconds = {"proposed": int(proposed.amount.total_seconds()), "granted": int(amount.total_seconds())}
    desk.audit(
        "gap.decide", f"registration:{seat.ref}", reason=reason, after={**seconds, "reason_code": reason_code}
    )
    kind = "gap_granted" if amount else "gap_refused"
    desk.log(kind, seat, seconds=str(seconds["granted"]), code=reason_code, reason=reason)
