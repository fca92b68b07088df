"""Changes of reports within an act of a proctor's: filed, added to, withdrawn.

Source: R-63, R-64.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.candidates.models import Registration
from cbt.errors import Conflict, NotFound
from cbt.exams.reasons.store import table_of
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.desk.acting import Desk
from cbt.proctoring.incidents.forms import Filled
from cbt.proctoring.models import IncidentReport, ReportAddition
from cbt.rules.violation import Violation, heaviest
from cbt.web.refs import new_ref

TAKEN_BACK = "undo"
"""The reason of a report that went with its act, which was taken back."""


def file_report(
    desk: Desk,
    seat: SeatView | None,
    filled: Filled,
    *,
    kind: str,
    code: str,
    version_id: int | None,
    clause: str = "",
) -> IncidentReport:
    """Keep a filled-in form; `seat` None is about the room."""
    report = IncidentReport(
        ref=new_ref("rp"),
        sitting_room_id=desk.room.id,
        registration_id=None if seat is None else seat.registration_id,
        kind=kind,
        code=code,
        reasons_version_id=version_id,
        clause=clause,
        happened_at=filled.happened_at,
        facts=filled.facts,
        evidence=",".join(filled.evidence),
        evidence_note=filled.evidence_note,
        witness=filled.witness,
        statement=filled.statement,
        signature=filled.signature,
        at=desk.now,
        by=desk.by.actor,
        who=desk.by.names,
    )
    desk.session.add(report)
    desk.session.flush()
    after = {"report": report.ref, "code": code, "signature": filled.signature}
    desk.audit("report.file", _subject(desk, seat), reason=filled.facts, after=after)
    return report


def open_report(desk: Desk, ref: str) -> IncidentReport:
    """Return a report of the desk's room that holds, locked; raise NotFound, or Conflict for a withdrawn one."""
    query = select(IncidentReport).where(
        IncidentReport.ref == ref, IncidentReport.sitting_room_id == desk.room.id
    )
    report = desk.session.scalar(query.with_for_update())
    if report is None:
        raise NotFound("proctoring.no_report")
    if report.withdrawn_at is not None:
        raise Conflict("proctoring.report_withdrawn")
    return report


def add_to(desk: Desk, report: IncidentReport, part: str, text: str) -> None:
    """Say one part of a report anew; what was said before stays."""
    desk.session.add(
        ReportAddition(
            report_id=report.id, part=part, text=text, at=desk.now, by=desk.by.actor, who=desk.by.names
        )
    )
    after = {"report": report.ref, "part": part}
    desk.audit("report.add", _subject(desk, seat_of(desk, report)), reason=text, after=after)


def withdraw(desk: Desk, report: IncidentReport, reason: str) -> None:
    """Withdraw a report; where it was the violation that stands on a registration, what is left stands there."""
    report.withdrawn_at, report.withdrawn_by = desk.now, desk.by.actor
    report.withdrawn_who, report.withdrawn_reason = desk.by.names, reason
    desk.session.flush()
    seat = seat_of(desk, report)
    if report.kind == "violation" and seat is not None:
        _stand(desk, desk.registration(seat), report)
    desk.audit("report.withdraw", _subject(desk, seat), reason=reason, after={"report": report.ref})


def _stand(desk: Desk, registration: Registration, withdrawn: IncidentReport) -> None:
    if registration.violation_code == withdrawn.code:
        stand_what_is_left(desk.session, registration)


def stand_what_is_left(session: Session, registration: Registration, *, but: str | None = None) -> None:
    """Have the heaviest of the violations that hold stand on a registration, leaving one code aside."""
    query = select(IncidentReport).where(
        IncidentReport.registration_id == registration.id,
        IncidentReport.kind == "violation",
        IncidentReport.withdrawn_at.is_(None),
    )
    reports = session.scalars(query.order_by(IncidentReport.id))
    left = {one.id: one for one in reports if one.code != but}
    known: dict[int, Violation] = {}
    for one in left.values():
        violation = table_of(session, one.reasons_version_id).violation(one.code)
        if violation is not None:
            known[one.id] = violation
    stands = heaviest(known)
    registration.violation_code = None if stands is None else left[stands].code
    registration.violation_version_id = None if stands is None else left[stands].reasons_version_id


def seat_of(desk: Desk, report: IncidentReport) -> SeatView | None:
    """Return the seat of whom a report is about."""
    return next((one for one in desk.board.seats if one.registration_id == report.registration_id), None)


def _subject(desk: Desk, seat: SeatView | None) -> str:
    return f"sitting_room:{desk.room.ref}" if seat is None else f"registration:{seat.ref}"
