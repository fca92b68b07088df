"""Decisions on proposed compensations: time without the ability to answer, given back or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from cbt.accounts.approvals.requests import Line
from cbt.delivery import steps as delivery
from cbt.delivery.fact_reader import room_facts
from cbt.delivery.models import Attempt, Gap
from cbt.delivery.withdrawing import withdraw_time
from cbt.errors import Conflict, InvalidInput, NotFound
from cbt.proctoring.board.live import Board
from cbt.proctoring.board.proposals import Proposal, proposal
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.board.store import stood_in_room
from cbt.proctoring.desk import lines
from cbt.proctoring.desk.act import Act, ActScope, Asked, Form, Picked, Preview
from cbt.proctoring.desk.acting import Desk, acting
from cbt.proctoring.desk.granted import count_time, uncount_time, would_take_two
from cbt.proctoring.desk.inputs import read_number, read_reason_of, read_span
from cbt.proctoring.desk.said import Said
from cbt.proctoring.store import gap_in_room
from cbt.rules.states.attempt import ClosedBy


def _whose(board: Board, form: Form) -> SeatView | None:
    """Return the seat whose disconnection is asked about; raise NotFound when nothing of it is to decide."""
    gap_id = read_number(form, "gap")
    if not gap_id:
        return None
    for seat in board.seats:
        if any(one.gap_id == gap_id for one in seat.proposals):
            return seat
    raise NotFound("proctoring.no_gap")


def _proposed(preview: Preview) -> Proposal | None:
    gap_id = read_number(preview.form, "gap")
    found = (one for seat in preview.picked.chosen for one in seat.proposals if one.gap_id == gap_id)
    return next(found, None)


def _shown(preview: Preview) -> Mapping[str, object]:
    return {"proposal": _proposed(preview)}


def _second(preview: Preview) -> str:
    """Ask for a second person when giving what is proposed takes one. Source: R-62."""
    one = _proposed(preview)
    takes_two = one is not None and would_take_two(preview, one.amount, compensation=True)
    return "always" if takes_two else "perhaps"


def _decide_gap(asked: Asked) -> Said:
    """Decide on a proposed compensation: give `amount` back as 补时, or nothing (不补时).

    One person suffices for what is proposed; what is given beyond the proposal counts as an extension, and
    so does a compensation with which everybody got more than 10 minutes.

    Raise Conflict when it was decided meanwhile, or the paper was handed in, NotFound for one that was given
    back by itself, and InvalidInput for more than was lost and not given back.

    Source: R-26, R-62.
    """
    now = asked.now
    gap_id = read_number(asked.form, "gap")
    if gap_id is None:
        raise InvalidInput("proctoring.number", field="gap")
    reason_code, reason = read_reason_of(asked.form, asked.reasons)
    refused = asked.form.get("refuse") == "1"
    amount = timedelta(0) if refused else read_span(asked.form, "amount")
    with acting(asked) as desk:
        gap, attempt = gap_in_room(desk.session, desk.room.id, gap_id)
        seat = next((one for one in desk.board.seats if one.attempt_id == attempt.id), None)
        if seat is None:
            raise NotFound("proctoring.no_gap")
        proposed = proposal(
            gap,
            room_facts(desk.session, desk.room.id),
            stood_in_room(desk.session, desk.room.id).get(attempt.id, ()),
            now=now,
        )
        if proposed is None:
            raise NotFound("proctoring.no_gap")
        if amount > proposed.left:
            raise InvalidInput("proctoring.gap_amount", field="amount")
        desk.touch((seat,))
        if amount and attempt.closed_by not in (None, ClosedBy.DEADLINE):
            raise Conflict("proctoring.handed_in")
        before = settle_gap(desk, seat, attempt, proposed, GapRuling(amount, reason_code, reason))
        desk.remember([(seat.registration_id, before)], undoable=seat.under_way or not amount)
        return desk.said(Picked((seat,), ()))


@dataclass(frozen=True, slots=True)
class GapRuling:
    """What is given back for a disconnection (nothing: 不补时), and why."""

    amount: timedelta
    reason_code: str
    reason: str


def settle_gap(
    desk: Desk, seat: SeatView, attempt: Attempt, proposed: Proposal, ruling: GapRuling
) -> dict[str, Any]:
    """Decide one disconnection, give its time and put it on record; return what taking it back needs.

    Raise Conflict("proctoring.gap_decided") when it was decided meanwhile.
    """
    amount = ruling.amount
    _decide(desk.session, proposed.gap_id, amount=amount, now=desk.now, actor=desk.by.actor)
    before: dict[str, Any] = {"gap": proposed.gap_id}
    if amount:
        counted = [
            *count_time(desk, min(amount, proposed.amount), (seat,), compensation=True).values(),
            *count_time(desk, max(amount - proposed.amount, timedelta(0)), (seat,)).values(),
        ]
        adjustment = delivery.adjust_attempt(
            desk.session,
            attempt,
            now=desk.now,
            amount=amount,
            kind="site_fault",
            reason_code=ruling.reason_code,
            reason=ruling.reason,
            actor=desk.by.actor,
        )
        desk.session.flush()
        before |= {"adjustment": adjustment.id, "counted": counted}
    _record_decision(desk, seat, proposed, ruling)
    return before


def _decide(session: Session, gap_id: int, *, amount: timedelta, now: datetime, actor: str) -> None:
    decided = session.scalar(
        update(Gap)
        .where(Gap.id == gap_id, Gap.decided_at.is_(None))
        .values(decided_at=now, decided_by=actor, granted=amount)
        .returning(Gap.id)
    )
    if decided is None:
        raise Conflict("proctoring.gap_decided")


def take_back(desk: Desk, seat: SeatView, before: dict[str, Any]) -> bool:
    """Leave a disconnection undecided again, and take the time back that was given for it."""
    if "adjustment" in before:
        attempt = desk.attempts((seat,)).get(seat.ref)
        if attempt is None or not withdraw_time(desk.session, attempt, before["adjustment"], now=desk.now):
            return False
        uncount_time(desk, before["counted"])
    undecided = desk.session.scalar(
        update(Gap)
        .where(Gap.id == before["gap"], Gap.decided_at.is_not(None))
        .values(decided_at=None, decided_by=None, granted=None)
        .returning(Gap.id)
    )
    return undecided is not None


def _record_decision(desk: Desk, seat: SeatView, proposed: Proposal, ruling: GapRuling) -> None:
    seconds = {
        "proposed": int(proposed.amount.total_seconds()),
        "granted": int(ruling.amount.total_seconds()),
    }
    desk.audit(
        "gap.decide",
        f"registration:{seat.ref}",
        reason=ruling.reason,
        after={**seconds, "reason_code": ruling.reason_code},
    )
    kind = "gap_granted" if ruling.amount else "gap_refused"
    desk.log(kind, seat, seconds=str(seconds["granted"]), code=ruling.reason_code, reason=ruling.reason)


def amount_line(form: Form) -> Iterator[Line]:
    """How much time, as it was typed."""
    if form.get("amount"):
        yield ("approval.line.amount", "text", form["amount"])


ACTS = (
    Act(
        "decide",
        ActScope.ONE,
        _decide_gap,
        after_the_end=True,
        whom=_whose,
        fields=("gap",),
        carries=("gap", "refuse"),
        shows=_shown,
        second=_second,
        lines=(amount_line, lines.reason_code, lines.reason),
        undo=take_back,
        tone="main",
    ),
)
