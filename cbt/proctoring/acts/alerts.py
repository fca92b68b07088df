"""知道了: noting that somebody has looked into an alert of a seat."""

from __future__ import annotations

from sqlalchemy import select

from cbt.door.elsewhere import clear_elsewhere
from cbt.door.seats.binding import clear_claim
from cbt.errors import InvalidInput
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.desk.act import Act, ActScope, Asked
from cbt.proctoring.desk.acting import Desk, acting
from cbt.proctoring.desk.said import Said
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
        if alert == "claim":
            clear_claim(desk.session, desk.session.get_one(Seat, seat.seat_id), now=now, actor=actor)
        elif alert == "elsewhere":
            clear_elsewhere(desk.session, desk.registration(seat), now=now, actor=actor)
        elif alert in marks:
            _mark_seen(desk, seat, alert, marks[alert])
        else:
            raise InvalidInput("proctoring.no_alert", field="alert")
        desk.log(f"seen_{alert}", seat)
        return desk.said(picked)


def _mark_seen(desk: Desk, seat: SeatView, alert: str, mark: int) -> None:
    query = select(AlertSeen).where(
        AlertSeen.sitting_room_id == desk.room.id, AlertSeen.seat_id == seat.seat_id, AlertSeen.kind == alert
    )
    row = desk.session.scalar(query)
    if row is None:
        row = AlertSeen(sitting_room_id=desk.room.id, seat_id=seat.seat_id, kind=alert)
        desk.session.add(row)
    row.mark, row.at, row.by = mark, desk.now, desk.by.actor
    desk.audit("alert.seen", f"registration:{seat.ref}", after={"alert": alert, "mark": mark})


ACTS = (Act("seen", ActScope.ONE, _see, after_the_end=True, fields=("alert",), carries=("alert",)),)
