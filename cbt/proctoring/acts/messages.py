"""提醒: a message on the candidate's page."""

from __future__ import annotations

from cbt.delivery import steps as delivery
from cbt.proctoring.board.live import Board
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.desk.act import Act, ActScope, Asked, usual
from cbt.proctoring.desk.acting import acting
from cbt.proctoring.desk.inputs import read_text
from cbt.proctoring.desk.papers import each_paper
from cbt.proctoring.desk.picking import not_here
from cbt.proctoring.desk.said import Said


def _refuse(seat: SeatView, _board: Board) -> str:
    return "" if seat.under_way else not_here(seat) or "not_running"


def _remind(asked: Asked) -> Said:
    """提醒: a message on the candidate's page, with delivered and read receipts."""
    text = read_text(asked.form, "text")
    with acting(asked) as desk:
        picked = desk.pick()
        for seat, attempt in each_paper(desk, picked):
            delivery.send_message(desk.session, attempt, now=asked.now, text=text, actor=asked.by.actor)
            desk.log("remind", seat, text=text)
        return desk.said(picked)


ACTS = (Act("remind", ActScope.SEATS, _remind, _refuse, fields=("text",), tone="main", running=usual(10)),)
