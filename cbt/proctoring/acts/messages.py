"""提醒: a message on the candidate's page."""

from __future__ import annotations

from collections.abc import Mapping

import flask_babel

from cbt.blueprints.reasons import words_of
from cbt.proctoring.act import Act, ActRequest, ActScope, Preview, Said, not_here, read_text, usual
from cbt.proctoring.board.live import Board
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.desk import Desk, acting, each_paper
from cbt.runner import attempt_changes as delivery
from cbt.runner.attempt_changes import withdraw_message


def _refuse(seat: SeatView, _board: Board) -> str:
    return "" if seat.under_way else not_here(seat) or "not_running"


def _remind(asked: ActRequest) -> Said:
    """提醒: a message on the candidate's page, with delivered and read receipts."""
    text = read_text(asked.form, "text")
    with acting(asked) as desk:
        picked = desk.pick()
        before = []
        for seat, attempt in each_paper(desk, picked):
            sent = delivery.send_message(
                desk.session, attempt, now=asked.now, text=text, actor=asked.by.actor
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


def _take_back(desk: Desk, seat: SeatView, before: dict[str, int]) -> bool:
    """Take a reminder back from those who have not read it yet."""
    attempt = desk.attempts((seat,))[seat.ref]
    return withdraw_message(desk.session, attempt, before["message"], now=desk.now)


ACTS = (
    Act(
        "remind",
        ActScope.SEATS,
        _remind,
        _refuse,
        fields=("text",),
        shows=_presets,
        undo=_take_back,
        tone="main",
        running=usual(10),
    ),
)
