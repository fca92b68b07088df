"""异常登记, and what is added to a report or withdrawn later; violations have their own module.

Source: R-63.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cbt.errors import Conflict, InvalidInput
from cbt.exams.reasons.store import table_of, version_in_force
from cbt.proctoring.board.live import Board
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.desk import lines
from cbt.proctoring.desk.act import Act, ActScope, Asked, Preview, further
from cbt.proctoring.desk.acting import Desk, acting
from cbt.proctoring.desk.inputs import read_reason, read_reason_of
from cbt.proctoring.desk.said import Said
from cbt.proctoring.incidents.forms import PARTS, SIGNATURES, read_filled, read_part, shown
from cbt.proctoring.incidents.reports import read_report
from cbt.proctoring.incidents.writing import (
    TAKEN_BACK,
    add_to,
    file_report,
    open_report,
    seat_of,
    withdraw,
)
from cbt.rules.states.sitting import SittingState
from cbt.rules.violation import Violation, takes_two

REPORTS = "reports.index"
"""The page of a room's reports, to which what concerns one leads."""


def _refuse(seat: SeatView, _board: Board) -> str:
    return "absent" if seat.absent_at is not None else ""


def _file(asked: Asked) -> Said:
    """异常登记 about one seat: what happened, who saw it, what the candidate says of it."""
    code, _facts = read_reason_of(asked.form, asked.reasons)
    filled = read_filled(asked.form, now=asked.now, zone=asked.zone)
    with acting(asked) as desk:
        version_id, picked = version_in_force(desk.session), desk.pick()
        before: list[tuple[int | None, Any]] = []
        for seat in picked.chosen:
            report = file_report(desk, seat, filled, kind="incident", code=code, version_id=version_id)
            before.append((seat.registration_id, {"report": report.ref}))
            desk.log("incident", seat, code=code, reason=filled.facts)
        desk.remember(before)
        return desk.said(picked)


def _take_back(desk: Desk, _seat: SeatView, before: dict[str, str]) -> bool:
    withdraw(desk, open_report(desk, before["report"]), TAKEN_BACK)
    return True


def _file_room(asked: Asked) -> Said:
    """异常登记 about the room as a whole."""
    code, _facts = read_reason_of(asked.form, asked.reasons)
    filled = read_filled(asked.form, now=asked.now, zone=asked.zone)
    with acting(asked) as desk:
        version_id = version_in_force(desk.session)
        report = file_report(desk, None, filled, kind="incident", code=code, version_id=version_id)
        desk.log("incident_room", code=code, reason=filled.facts)
        desk.remember([(None, {"report": report.ref})])
        return desk.said()


def _take_back_room(desk: Desk, before: dict[str, str]) -> bool:
    withdraw(desk, open_report(desk, before["report"]), TAKEN_BACK)
    return True


def _add(asked: Asked) -> Said:
    """Say one part of a report anew; what was said before stays below it."""
    part = asked.form.get("part", "")
    if part not in PARTS:
        raise InvalidInput("proctoring.report_part", field="part")
    said = asked.form.get("signature" if part == "signature" else "text", "")
    text = read_part(said, part, field="text")
    if not text:
        raise InvalidInput("proctoring.text_needed", field="text")
    with acting(asked) as desk:
        report = open_report(desk, asked.form.get("report", ""))
        add_to(desk, report, part, text)
        seat = seat_of(desk, report)
        if seat is None:
            desk.log("report_add_room", part=part)
        else:
            desk.log("report_add", seat, part=part)
        desk.remember([(report.registration_id, None)], undoable=False)
        return desk.said()


def _withdraw(asked: Asked) -> Said:
    """Withdraw a report with a reason; a violation that took two people to record takes two again.

    Source: R-62, R-63.
    """
    reason = read_reason(asked.form)
    with acting(asked) as desk:
        report = open_report(desk, asked.form.get("report", ""))
        if desk.board.head.state is SittingState.RELEASED:
            raise Conflict("proctoring.report_released")
        table = table_of(desk.session, report.reasons_version_id)
        violation = table.violation(report.code) if report.kind == "violation" else None
        if violation is not None and takes_two(violation):
            desk.need_second()
        withdraw(desk, report, reason)
        seat = seat_of(desk, report)
        if seat is None:
            desk.log("report_withdraw_room", reason=reason)
        else:
            desk.log("report_withdraw", seat, reason=reason)
        return desk.said()


def _shown(preview: Preview) -> Mapping[str, object]:
    told = read_report(preview.board.head.ref, preview.form.get("report", ""))
    return {"told": told, "parts": tuple(PARTS), "signatures": SIGNATURES}


def _second(preview: Preview) -> str:
    entry = read_report(preview.board.head.ref, preview.form.get("report", "")).entry
    return "always" if isinstance(entry, Violation) and takes_two(entry) else "perhaps"


ACTS = (
    Act(
        "incident",
        ActScope.ONE,
        _file,
        _refuse,
        after_the_end=True,
        fields=("incident", "report"),
        shows=shown,
        undo=_take_back,
        before=further(50),
        running=further(75),
    ),
    Act(
        "incident_room",
        ActScope.ROOM,
        _file_room,
        after_the_end=True,
        fields=("incident", "report"),
        shows=shown,
        undo_room=_take_back_room,
        leads_to=REPORTS,
    ),
    Act(
        "report_add",
        ActScope.ROOM,
        _add,
        after_the_end=True,
        fields=("report_part",),
        carries=("report", "part"),
        shows=_shown,
        final="added",
        tone="main",
        leads_to=REPORTS,
    ),
    Act(
        "report_withdraw",
        ActScope.ROOM,
        _withdraw,
        after_the_end=True,
        fields=("report_head", "reason"),
        carries=("report",),
        shows=_shown,
        second=_second,
        lines=(lines.reason,),
        final="withdrawn",
        tone="stop",
        leads_to=REPORTS,
    ),
)
