"""知道了, that somebody has looked into an alert; 提醒, a message on the candidate's page; the answer to 举手."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import flask_babel
from sqlalchemy import select

from cbt.blueprints.reasons import words_of
from cbt.candidates.models import Registration
from cbt.door.address_watch import clear_elsewhere
from cbt.door.seats import clear_claim
from cbt.errors import Conflict, InvalidInput
from cbt.proctoring import hands
from cbt.proctoring.act import (
    Act,
    ActRequest,
    ActResult,
    ActScope,
    Preview,
    Selection,
    further,
    not_here,
    read_text,
    usual,
)
from cbt.proctoring.board.live import Board
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.desk import Desk, acting, change_while, each_paper, kept, restored
from cbt.proctoring.models import AlertSeen
from cbt.runner import attempt_changes as delivery
from cbt.runner.attempt_changes import withdraw_message
from cbt.sittings.models import Seat


def _see(request: ActRequest) -> ActResult:
    """Note that somebody has looked into an alert of one seat or of many; it comes back when there is more of it.

    Raise InvalidInput for what is no such alert, and Conflict where no seat has it any more.
    """
    alert = request.form.get("alert", "")
    with acting(request) as desk:
        picked = desk.pick()
        if alert not in SEEN:
            raise InvalidInput("proctoring.no_alert", field="alert")
        alerted = tuple(seat for seat in picked.chosen if alert in seat.alerts)
        if not alerted:
            raise Conflict("proctoring.none_apply")
        desk.touch(alerted)
        desk.hold_people(alerted)
        before = []
        for seat, stood in zip(alerted, SEEN[alert](desk, alert, alerted), strict=True):
            before.append((seat.registration_id, {"alert": alert, **stood}))
            desk.log(f"seen_{alert}", seat)
        desk.remember(before)
        return desk.said(Selection(alerted, picked.skipped))


def _claims(desk: Desk, _alert: str, seats: Sequence[SeatView]) -> Iterator[dict[str, Any]]:
    for seat in seats:
        claimed = desk.session.get_one(Seat, seat.seat_id)
        at, address = kept(claimed.claim_alert_at), claimed.claim_address
        stood = {"at": at, "hash": claimed.claim_hash, "address": address}
        clear_claim(desk.session, claimed, now=desk.now, actor=desk.by.actor)
        yield stood


def _elsewhere(desk: Desk, _alert: str, seats: Sequence[SeatView]) -> Iterator[dict[str, Any]]:
    for seat in seats:
        registration = desk.registration(seat)
        stood = {"at": kept(registration.elsewhere_at), "address": registration.elsewhere_address}
        clear_elsewhere(desk.session, registration, now=desk.now, actor=desk.by.actor)
        yield stood


def _counted(desk: Desk, alert: str, seats: Sequence[SeatView]) -> Iterator[dict[str, Any]]:
    seen = _seen_rows(desk, seats, alert)
    for seat in seats:
        row, mark = seen.get(seat.seat_id), _mark_of(seat, alert)
        former = None if row is None else row.mark
        if row is None:
            row = AlertSeen(sitting_room_id=desk.room.id, seat_id=seat.seat_id, kind=alert)
            desk.session.add(row)
        row.mark, row.at, row.by = mark, desk.now, desk.by.actor
        desk.audit("alert.seen", f"registration:{seat.ref}", after={"alert": alert, "mark": mark})
        yield {"mark": former}


def _mark_of(seat: SeatView, alert: str) -> int:
    if alert == "guessing":
        return 0 if seat.guesses is None else seat.guesses.mark
    return seat.blurs if alert == "blurs" else seat.undelivered


SEEN = {
    "claim": _claims,
    "elsewhere": _elsewhere,
    "guessing": _counted,
    "undelivered": _counted,
    "blurs": _counted,
}
"""What is done to seats whose alert was looked into; each yields of one after the other what stood there."""


def _take_back(desk: Desk, seat: SeatView, before: dict[str, Any]) -> bool:
    """Let an alert stand again that somebody has not looked into after all."""
    match before["alert"]:
        case "claim":
            claimed = desk.session.get_one(Seat, seat.seat_id)
            if claimed.claim_alert_at is not None:
                return False
            claimed.claim_alert_at = restored(before["at"])
            claimed.claim_hash, claimed.claim_address = before["hash"], before["address"]
        case "elsewhere":
            still = Registration.elsewhere_at.is_(None)
            was = {"elsewhere_at": restored(before["at"]), "elsewhere_address": before["address"]}
            return change_while(desk, seat, still, **was)
        case alert:
            row = _seen_rows(desk, [seat], alert).get(seat.seat_id)
            if row is None:
                return False
            if before["mark"] is None:
                desk.session.delete(row)
            else:
                row.mark = before["mark"]
    return True


def _seen_rows(desk: Desk, seats: Sequence[SeatView], alert: str) -> dict[int, AlertSeen]:
    query = select(AlertSeen).where(
        AlertSeen.sitting_room_id == desk.room.id,
        AlertSeen.seat_id.in_([seat.seat_id for seat in seats]),
        AlertSeen.kind == alert,
    )
    return {row.seat_id: row for row in desk.session.scalars(query)}


ALERT_ACTS = (
    Act(
        "seen",
        ActScope.SEATS,
        _see,
        after_the_end=True,
        fields=("alert",),
        carries=("alert",),
        undo=_take_back,
    ),
)


def _refuse(seat: SeatView, _board: Board) -> str:
    return "" if seat.under_way else not_here(seat) or "not_running"


def _remind(request: ActRequest) -> ActResult:
    """提醒: a message on the candidate's page, with delivered and read receipts."""
    text = read_text(request.form, "text")
    with acting(request) as desk:
        picked = desk.pick()
        before = []
        for seat, attempt in each_paper(desk, picked):
            sent = delivery.send_message(
                desk.session, attempt, now=request.now, text=text, actor=request.by.actor
            )
            before.append((seat.registration_id, {"message": sent.id}))
            desk.log("remind", seat, text=text)
        desk.remember(before)
        return desk.said(picked)


def _presets(preview: Preview) -> Mapping[str, object]:
    """Offer the table's usual texts; those of the catalogue where an older table has none."""
    offered = [(one.code, words_of(one)) for one in preview.reasons.offered_messages]
    if not preview.reasons.messages:
        usual_texts = str(flask_babel.gettext("proctoring.reasons.remind")).split("|")
        offered = [(str(place), text) for place, text in enumerate(usual_texts)]
    return {"texts": offered}


def _take_message_back(desk: Desk, seat: SeatView, before: dict[str, int]) -> bool:
    """Take a reminder back from those who have not read it yet."""
    attempt = desk.attempts((seat,))[seat.ref]
    return withdraw_message(desk.session, attempt, before["message"], now=desk.now)


MESSAGE_ACTS = (
    Act(
        "remind",
        ActScope.SEATS,
        _remind,
        _refuse,
        fields=("text",),
        shows=_presets,
        undo=_take_message_back,
        tone="main",
        running=usual(10),
    ),
)


def _has_hand_up(seat: SeatView, _board: Board) -> str:
    return "" if seat.hand is not None else "no_hand"


def _answer(request: ActRequest) -> ActResult:
    """Answer 举手 in words: a message on the candidate's page, with its receipts."""
    text = read_text(request.form, "text")
    with acting(request) as desk:
        picked = desk.pick()
        before = []
        for seat, attempt in each_paper(desk, picked):
            answer = hands.answer_hand(
                desk.session, attempt, now=request.now, text=text, actor=request.by.actor
            )
            if answer is None:  # taken back just now
                continue
            before.append((seat.registration_id, {"message": answer}))
            desk.audit("hand.answer", f"attempt:{attempt.ref}", reason=text)
            desk.log("answer_hand", seat, text=text)
        if not before:
            raise Conflict("proctoring.none_apply")
        desk.remember(before)
        return desk.said(picked)


def _answers(_preview: Preview) -> Mapping[str, object]:
    usual_texts = str(flask_babel.gettext("proctoring.reasons.answer_hand")).split("|")
    return {"texts": [(str(place), text) for place, text in enumerate(usual_texts)]}


def _take_answer_back(desk: Desk, seat: SeatView, before: dict[str, int]) -> bool:
    """Have a hand be up again whose answer nobody has read yet."""
    attempt = desk.attempts((seat,))[seat.ref]
    return hands.withdraw_answer(desk.session, attempt, before["message"], now=desk.now)


HAND_ACTS = (
    Act(
        "answer_hand",
        ActScope.SEATS,
        _answer,
        _has_hand_up,
        fields=("text",),
        shows=_answers,
        undo=_take_answer_back,
        tone="main",
        running=further(5),
    ),
)
