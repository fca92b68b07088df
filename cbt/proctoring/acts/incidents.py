"""违纪登记 and 异常登记: a violation or an incident with its report, added to or withdrawn later.

A violation ends the paper where the table says so.

Source: R-63.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import flask_babel

from cbt.accounts.approvals.requests import Line
from cbt.blueprints.reasons import VIOLATION, table_of, version_in_force, violation_of, words_of
from cbt.errors import Conflict, InvalidInput
from cbt.proctoring import act
from cbt.proctoring.act import (
    Act,
    ActRequest,
    ActResult,
    ActScope,
    Form,
    Preview,
    further,
    perhaps,
    read_reason,
    read_reason_of,
    usual,
)
from cbt.proctoring.board.live import Board
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.desk import Desk, acting, close_papers
from cbt.proctoring.incidents import (
    PARTS,
    SIGNATURES,
    TAKEN_BACK,
    add_to,
    file_report,
    open_report,
    read_filled,
    read_part,
    read_report,
    seat_of,
    shown,
    withdraw,
)
from cbt.rules.states import ClosedBy, SittingState
from cbt.rules.violations import ReasonTable, Violation, takes_two, terminates, weight
from cbt.runner.attempt_states import OVER


def _refuse(seat: SeatView, _board: Board) -> str:
    return "absent" if seat.absent_at is not None else "" if seat.arrived_at is not None else "not_arrived"


def _record(request: ActRequest) -> ActResult:
    """违纪登记: note it with its form, and end the paper at once where the table says so.

    Of several the heaviest stands on the registration, with the version of the table it was taken from; each
    has its report. One that ends the exam or voids a paper needs what 强制收卷 needs: a second person.

    Source: R-62, R-63.
    """
    code, filled = request.form.get("code", ""), read_filled(request.form, now=request.now, zone=request.zone)
    with acting(request) as desk:
        version_id = version_in_force(desk.session)
        violation = _offered(table_of(desk.session, version_id), code)
        if takes_two(violation):
            desk.need_second()
        picked = desk.pick()
        before: list[tuple[int | None, Any]] = []
        for seat in picked.chosen:
            registration = desk.registration(seat)
            former = violation_of(
                desk.session, registration.violation_code, registration.violation_version_id
            )
            was = {"code": registration.violation_code, "version": registration.violation_version_id}
            if former is None or weight(violation) > weight(former):
                registration.violation_code, registration.violation_version_id = code, version_id
            report = file_report(
                desk,
                seat,
                filled,
                kind="violation",
                code=code,
                version_id=version_id,
                clause=violation.clause,
            )
            before.append((seat.registration_id, {"report": report.ref, **was}))
            desk.audit("violation", f"registration:{seat.ref}", reason=filled.facts, after={"code": code})
            desk.log("violation", seat, code=code, reason=filled.facts)
            open_still = seat.attempt_id is not None and seat.attempt_state not in OVER
            if terminates(violation) and open_still:
                close_papers(desk, (seat,), closed_by=ClosedBy.VIOLATION, closed_at=request.now, reason=code)
        desk.remember(before, undoable=not takes_two(violation))
        return desk.said(picked)


def _take_back(desk: Desk, seat: SeatView, before: dict[str, Any]) -> bool:
    """Withdraw the report, and let what stood on the registration stand there again."""
    withdraw(desk, open_report(desk, before["report"]), TAKEN_BACK)
    registration = desk.registration(seat)
    registration.violation_code, registration.violation_version_id = before["code"], before["version"]
    return True


def _offered(table: ReasonTable, code: str) -> Violation:
    """Return one row of the table; raise InvalidInput for a code it does not have, or offers no more."""
    violation = table.violation(code)
    if violation is None or violation.retired:
        raise InvalidInput("proctoring.no_violation", field="code")
    return violation


def _table(preview: Preview) -> Mapping[str, object]:
    """Show the table a violation is chosen from: what each does, and below that what it is and goes with."""
    offered = preview.reasons.offered_violations
    return {
        "violations": [(one.code, f"{words_of(one)} — {_effects(one)}") for one in offered],
        "details": [_details(one) for one in offered],
        **shown(preview),
    }


def _details(violation: Violation) -> str:
    return _(
        "proctoring.violation.row",
        words=words_of(violation),
        tier=_(f"proctoring.tier.{violation.tier}"),
        clause=violation.clause,
        evidence=_("proctoring.comma").join(_(f"proctoring.evidence.{one}") for one in violation.evidence),
    )


def _effects(violation: Violation) -> str:
    text = _("proctoring.comma").join(
        _(f"proctoring.effect.{effect}", points=violation.deduct) for effect in violation.effects
    )
    return _("proctoring.effect.now", effects=text) if terminates(violation) else text


def _(message_id: str, **params: object) -> str:
    return str(flask_babel.gettext(message_id, **params))


def _line(form: Form) -> Iterator[Line]:
    if form.get("code"):
        yield ("approval.line.violation", "word", VIOLATION + form["code"])


ACTS = (
    Act(
        "violation",
        ActScope.ONE,
        _record,
        _refuse,
        after_the_end=True,
        fields=("violation", "report"),
        shows=_table,
        second=perhaps,
        lines=(_line, act.reason),
        undo=_take_back,
        tone="stop",
        running=usual(55),
    ),
)


REPORTS = "reports.index"
"""The page of a room's reports, to which what concerns one leads."""


def _refuse_report(seat: SeatView, _board: Board) -> str:
    return "absent" if seat.absent_at is not None else ""


def _file(request: ActRequest) -> ActResult:
    """异常登记 about one seat: what happened, who saw it, what the candidate says of it."""
    code, _facts = read_reason_of(request.form, request.reasons)
    filled = read_filled(request.form, now=request.now, zone=request.zone)
    with acting(request) as desk:
        version_id, picked = version_in_force(desk.session), desk.pick()
        before: list[tuple[int | None, Any]] = []
        for seat in picked.chosen:
            report = file_report(desk, seat, filled, kind="incident", code=code, version_id=version_id)
            before.append((seat.registration_id, {"report": report.ref}))
            desk.log("incident", seat, code=code, reason=filled.facts)
        desk.remember(before)
        return desk.said(picked)


def _take_report_back(desk: Desk, _seat: SeatView, before: dict[str, str]) -> bool:
    withdraw(desk, open_report(desk, before["report"]), TAKEN_BACK)
    return True


def _file_room(request: ActRequest) -> ActResult:
    """异常登记 about the room as a whole."""
    code, _facts = read_reason_of(request.form, request.reasons)
    filled = read_filled(request.form, now=request.now, zone=request.zone)
    with acting(request) as desk:
        version_id = version_in_force(desk.session)
        report = file_report(desk, None, filled, kind="incident", code=code, version_id=version_id)
        desk.log("incident_room", code=code, reason=filled.facts)
        desk.remember([(None, {"report": report.ref})])
        return desk.said()


def _take_back_room(desk: Desk, before: dict[str, str]) -> bool:
    withdraw(desk, open_report(desk, before["report"]), TAKEN_BACK)
    return True


def _add(request: ActRequest) -> ActResult:
    """Say one part of a report anew; what was said before stays below it."""
    part = request.form.get("part", "")
    if part not in PARTS:
        raise InvalidInput("proctoring.report_part", field="part")
    typed = request.form.get("signature" if part == "signature" else "text", "")
    text = read_part(typed, part, field="text")
    if not text:
        raise InvalidInput("proctoring.text_needed", field="text")
    with acting(request) as desk:
        report = open_report(desk, request.form.get("report", ""))
        add_to(desk, report, part, text)
        seat = seat_of(desk, report)
        if seat is None:
            desk.log("report_add_room", part=part)
        else:
            desk.log("report_add", seat, part=part)
        desk.remember([(report.registration_id, None)], undoable=False)
        return desk.said()


def _withdraw(request: ActRequest) -> ActResult:
    """Withdraw a report with a reason; a violation that took two people to record takes two again.

    Source: R-62, R-63.
    """
    reason = read_reason(request.form)
    with acting(request) as desk:
        report = open_report(desk, request.form.get("report", ""))
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
    report = read_report(preview.board.head.ref, preview.form.get("report", ""))
    return {"told": report, "parts": tuple(PARTS), "signatures": SIGNATURES}


def _second(preview: Preview) -> str:
    entry = read_report(preview.board.head.ref, preview.form.get("report", "")).entry
    return "always" if isinstance(entry, Violation) and takes_two(entry) else "perhaps"


REPORT_ACTS = (
    Act(
        "incident",
        ActScope.ONE,
        _file,
        _refuse_report,
        after_the_end=True,
        fields=("incident", "report"),
        shows=shown,
        undo=_take_report_back,
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
        lines=(act.reason,),
        final="withdrawn",
        tone="stop",
        leads_to=REPORTS,
    ),
)
