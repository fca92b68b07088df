"""知道了: noting that somebody has looked into an alert of a seat."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from cbt.candidates.models import Registration
from cbt.door.elsewhere import clear_elsewhere
from cbt.door.seats.binding import clear_claim
from cbt.errors import Conflict, InvalidInput
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.desk.act import Act, ActScope, Asked
from cbt.proctoring.desk.acting import Desk, acting
from cbt.proctoring.desk.said import Said
from cbt.proctoring.desk.taking_back import change_while, kept, restored
from cbt.proctoring.models import AlertSeen
from cbt.sittings.models import Seat


def _see(asked: Asked) -> Said:
    """Note that somebody has looked into an alert of a seat; it comes back when there is more of it."""
    alert, now, actor = asked.form.get("alert", ""), asked.now, asked.by.actor
    with acting(asked) as desk:
        picked = desk.pick()
        seat = picked.chosen[0]
        marks = {"blurs": seat.blurs, "undelivered": seat.undelivered}
        if seat.guesses is not None:
            marks["guessing"] = seat.guesses.mark
        before: dict[str, Any] = {"alert": alert}
        if alert == "claim":
            claimed = desk.session.get_one(Seat, seat.seat_id)
            before |= {"at": kept(claimed.claim_alert_at), "hash": claimed.claim_hash}
            before |= {"address": claimed.claim_address}
            clear_claim(desk.session, claimed, now=now, actor=actor)
        elif alert == "elsewhere":
            registration = desk.registration(seat)
            before |= {"at": kept(registration.elsewhere_at), "address": registration.elsewhere_address}
            clear_elsewhere(desk.session, registration, now=now, actor=actor)
        elif alert not in marks:
            raise InvalidInput("proctoring.no_alert", field="alert")
        elif alert not in seat.alerts:
            raise Conflict("proctoring.none_apply")
        else:
            before["mark"] = _mark_seen(desk, seat, alert, marks[alert])
        desk.log(f"seen_{alert}", seat)
        desk.remember([(seat.registration_id, before)])
        return desk.said(picked)


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
            row = _seen_row(desk, seat, alert)
            if row is None:
                return False
            if before["mark"] is None:
                desk.session.delete(row)
            else:
                row.mark = before["mark"]
    return True


def _seen_row(desk: Desk, seat: SeatView, alert: str) -> AlertSeen | None:
    query = select(AlertSeen).where(
        AlertSeen.sitting_room_id == desk.room.id, AlertSeen.seat_id == seat.seat_id, AlertSeen.kind == alert
    )
    return desk.session.scalar(query)


def _mark_seen(desk: Desk, seat: SeatView, alert: str, mark: int) -> int | None:
    """Note what had been counted, and return what was noted before."""
    row = _seen_row(desk, seat, alert)
    former = None if row is None else row.mark
    if row is None:
        row = AlertSeen(sitting_room_id=desk.room.id, seat_id=seat.seat_id, kind=alert)
        desk.session.add(row)
    row.mark, row.at, row.by = mark, desk.now, desk.by.actor
    desk.audit("alert.seen", f"registration:{seat.ref}", after={"alert": alert, "mark": mark})
    return former


ACTS = (
    Act(
        "seen",
        ActScope.ONE,
        _see,
        after_the_end=True,
        fields=("alert",),
        carries=("alert",),
        undo=_take_back,
    ),
)
