"""Decisions on proposed compensations, one or many: time without the ability to answer, given back or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from cbt.accounts.approvals.requests import Line
from cbt.errors import Conflict, InvalidInput, NotFound
from cbt.proctoring import act
from cbt.proctoring.act import (
    Act,
    ActRequest,
    ActResult,
    ActScope,
    Form,
    Preview,
    Selection,
    read_number,
    read_reason_of,
    read_span,
)
from cbt.proctoring.board.live import Board
from cbt.proctoring.board.seat_state import Proposal, proposal
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.desk import Desk, acting, count_time, uncount_time, would_take_two
from cbt.proctoring.store import gap_in_room, stood_in_room
from cbt.rules.states import ClosedBy
from cbt.runner import attempt_changes as delivery
from cbt.runner.attempt_changes import withdraw_time
from cbt.runner.clock_facts import room_facts
from cbt.runner.models import Attempt, Gap


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
    proposals = (one for seat in preview.picked.chosen for one in seat.proposals if one.gap_id == gap_id)
    return next(proposals, None)


def _shown(preview: Preview) -> Mapping[str, object]:
    return {"proposal": _proposed(preview)}


def _second(preview: Preview) -> str:
    """Ask for a second person when giving what is proposed takes one. Source: R-62."""
    gap_proposal = _proposed(preview)
    takes_two = gap_proposal is not None and would_take_two(preview, gap_proposal.amount, compensation=True)
    return "always" if takes_two else "perhaps"


def _decide_gap(request: ActRequest) -> ActResult:
    """Decide on a proposed compensation: give `amount` back as 补时, or nothing (不补时).

    One person suffices for what is proposed; what is given beyond the proposal counts as an extension, and
    so does a compensation with which everybody got more than 10 minutes.

    Raise Conflict when it was decided meanwhile, or the paper was handed in, NotFound for one that was given
    back by itself, and InvalidInput for more than was lost and not given back.

    Source: R-26, R-62.
    """
    now = request.now
    gap_id = read_number(request.form, "gap")
    if gap_id is None:
        raise InvalidInput("proctoring.number", field="gap")
    reason_code, reason = read_reason_of(request.form, request.reasons)
    refused = request.form.get("refuse") == "1"
    amount = timedelta(0) if refused else read_span(request.form, "amount")
    with acting(request) as desk:
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
        return desk.said(Selection((seat,), ()))


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
        lines=(amount_line, act.reason_code, act.reason),
        undo=take_back,
        tone="main",
    ),
)


MOST_GAPS = 400


@dataclass(frozen=True, slots=True)
class SharedCut:
    """The disconnections that are decided together: each with its seat."""

    gaps: tuple[tuple[SeatView, Proposal], ...]

    @property
    def usable(self) -> bool:
        return all(one.usable for _seat, one in self.gaps)

    @property
    def longest(self) -> timedelta:
        return max((one.to_at - one.from_at for _seat, one in self.gaps), default=timedelta(0))

    @property
    def resent(self) -> int:
        return sum(one.resent for _seat, one in self.gaps)


def _refuse(seat: SeatView, _board: Board) -> str:
    return "" if seat.proposals else "no_gap"


def _named(form: Form) -> frozenset[int]:
    """Return the disconnections that the form names; raise InvalidInput for what names none."""
    words = form.get("gaps", "").split(",")
    if len(words) > MOST_GAPS or not all(w.isascii() and w.isdigit() and len(w) <= 9 for w in words):
        raise InvalidInput("proctoring.number", field="gaps")
    return frozenset(int(word) for word in words)


def _cut(picked: Selection, named: frozenset[int]) -> SharedCut:
    return SharedCut(
        tuple((seat, one) for seat in picked.chosen for one in seat.proposals if one.gap_id in named)
    )


def _shown_together(preview: Preview) -> Mapping[str, object]:
    return {"cut": _cut(preview.picked, _named(preview.form))}


def _amount(form: Form, gap_proposal: Proposal) -> timedelta:
    """Return what one gets: nothing, what was typed, or what they lost; never more than that."""
    if form.get("refuse") == "1":
        return timedelta(0)
    return (
        min(read_span(form, "amount"), gap_proposal.left)
        if form.get("amount", "").strip()
        else gap_proposal.left
    )


def _second_together(preview: Preview) -> str:
    """Ask for a second person when somebody gets more than one alone may give. Source: R-62."""
    if preview.form.get("refuse") == "1":
        return ""
    gaps = _cut(preview.picked, _named(preview.form)).gaps
    most = max((one.left for _seat, one in gaps if one.usable), default=timedelta(0))
    return "always" if would_take_two(preview, most) else "perhaps"


def _decide_many(request: ActRequest) -> ActResult:
    """Decide on the disconnections of many in one act: 全部不补时, or 全部补时.

    What is given beyond the proposals counts as an extension. Whoever handed in is left alone where time is
    given. Raise Conflict("proctoring.gap_decided") when nothing of it is left to decide.

    Source: R-26, R-62.
    """
    named = _named(request.form)
    code, reason = read_reason_of(request.form, request.reasons)
    with acting(request) as desk:
        picked = desk.pick()
        attempts = desk.attempts(picked.chosen)
        before: list[tuple[int | None, Any]] = []
        done: list[SeatView] = []
        left: list[tuple[SeatView, str]] = []
        for seat, gap_proposal in _cut(picked, named).gaps:
            amount = _amount(request.form, gap_proposal)
            if amount and seat.closed_by not in (None, ClosedBy.DEADLINE):
                left.append((seat, "closed"))
                continue
            ruling = GapRuling(amount, code, reason)
            before.append(
                (seat.registration_id, settle_gap(desk, seat, attempts[seat.ref], gap_proposal, ruling))
            )
            done.append(seat)
        if not before:
            raise Conflict("proctoring.gap_decided")
        touched = tuple(dict.fromkeys(done))
        desk.touch(touched)
        granted = any("adjustment" in kept for _who, kept in before)
        desk.remember(before, undoable=not granted or all(seat.under_way for seat in touched))
        return desk.said(Selection(touched, (*picked.skipped, *left)))


def _whole_line(form: Form) -> Iterator[Line]:
    if form.get("refuse") != "1" and not form.get("amount", "").strip():
        yield ("approval.line.amount", "word", "proctoring.gaps.each")


TOGETHER_ACTS = (
    Act(
        "decide_many",
        ActScope.SEATS,
        _decide_many,
        _refuse,
        after_the_end=True,
        fields=("gaps",),
        carries=("gaps", "refuse"),
        shows=_shown_together,
        second=_second_together,
        lines=(amount_line, _whole_line, act.reason_code, act.reason),
        undo=take_back,
        tone="main",
    ),
)
