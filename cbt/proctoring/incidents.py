"""Reports of incidents and violations: the form, what one says with its additions, filing and withdrawal.

Every refusal of a form names its field.

Source: R-63, R-64.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.blueprints.reasons import table_of
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.errors import Conflict, InvalidInput, NotFound
from cbt.proctoring.act import Form, Preview, read_clock_time
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.desk import Desk
from cbt.proctoring.models import IncidentReport, ReportAddition
from cbt.rules.violations import Evidence, Reason, Violation, heaviest
from cbt.sittings.models import Seat, SittingRoom
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import reading

MOST_FACTS = 500
MOST_TEXT = 1000
MOST_NAMES = 100
SIGNATURES = ("open", "signed", "refused")
"""Not asked yet, signed on paper, 拒签."""
PARTS: Mapping[str, int] = {
    "facts": MOST_TEXT,
    "evidence_note": MOST_TEXT,
    "witness": MOST_NAMES,
    "statement": MOST_TEXT,
    "signature": 12,
}
"""What may be said anew later, and how long it may be."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A filled-in form, but for what it is about."""

    happened_at: datetime
    facts: str
    evidence: tuple[str, ...]
    evidence_note: str
    witness: str
    statement: str
    signature: str


def read_filled(form: Form, *, now: datetime, zone: tzinfo) -> Filled:
    """Return what a form of an incident or a violation says; only the facts are needed."""
    facts = read_part(form.get("reason", ""), "facts", field="reason", most=MOST_FACTS)
    if not facts:
        raise InvalidInput("proctoring.reason_needed", field="reason")
    return Filled(
        happened_at=read_clock_time(form, "happened_at", now=now, zone=zone) or now,
        facts=facts,
        evidence=tuple(one.value for one in Evidence if form.get(f"evidence_{one}") == "1"),
        evidence_note=read_part(form.get("evidence_note", ""), "evidence_note"),
        witness=read_part(form.get("witness", ""), "witness"),
        statement=read_part(form.get("statement", ""), "statement"),
        signature=read_part(form.get("signature", "") or "open", "signature"),
    )


def read_part(text: str, part: str, *, field: str = "", most: int = 0) -> str:
    """Return the text of one part of a report; raise InvalidInput for one too long, or no signature's word."""
    text, most = text.strip().replace("\r\n", "\n"), most or PARTS[part]
    if len(text) > most:
        raise InvalidInput("proctoring.too_long", field=field or part, most=most)
    if part == "signature" and text not in SIGNATURES:
        raise InvalidInput("proctoring.signature", field=field or part)
    return text


def shown(preview: Preview) -> Mapping[str, object]:
    """Return what the form offers beside the table: kinds of evidence, who may have seen it."""
    return {"evidences": tuple(Evidence), "signatures": SIGNATURES, "colleagues": preview.board.head.proctors}


@dataclass(frozen=True, slots=True)
class ReportedOn:
    """Whom a report is about."""

    ref: str
    name: str
    ticket: str
    seat: int


@dataclass(frozen=True, slots=True)
class ReportStatement:
    """One report with everything that was added: `parts` holds what holds now, `additions` are in their order."""

    report: IncidentReport
    entry: Violation | Reason | None
    """Its row of the table it was filled in by; None when that knows the code no more."""
    about: ReportedOn | None
    additions: tuple[ReportAddition, ...]

    def part(self, name: str) -> str:
        """Return what one part says now: its latest addition, else what was first filled in."""
        latest = [one.text for one in self.additions if one.part == name]
        return latest[-1] if latest else str(getattr(self.report, name))

    @property
    def evidence(self) -> tuple[str, ...]:
        return tuple(one for one in self.report.evidence.split(",") if one)

    @property
    def missing(self) -> tuple[str, ...]:
        """What the table asks for with this violation, and nobody has said there is."""
        if not isinstance(self.entry, Violation):
            return ()
        there = {*self.evidence, Evidence.STATEMENT.value}
        if self.part("witness"):
            there.add(Evidence.WITNESS.value)
        return tuple(one.value for one in self.entry.evidence if one.value not in there)

    @property
    def withdrawn_at(self) -> datetime | None:
        return self.report.withdrawn_at


def told_of_room(session: Session, sitting_room_id: int) -> list[ReportStatement]:
    """Return the reports of a room in the order in which they were filed, withdrawn ones among them."""
    query = select(IncidentReport).where(IncidentReport.sitting_room_id == sitting_room_id)
    return _told(session, session.scalars(query.order_by(IncidentReport.id)).all())


def told_of_registration(session: Session, registration_id: int) -> list[ReportStatement]:
    """Return the reports about one candidate, the latest first."""
    query = select(IncidentReport).where(IncidentReport.registration_id == registration_id)
    return _told(session, session.scalars(query.order_by(IncidentReport.id.desc())).all())


def report_in(session: Session, room_ref: str, ref: str) -> ReportStatement:
    """Return one report of a room; raise NotFound("proctoring.no_report") for another room's."""
    query = (
        select(IncidentReport)
        .join(SittingRoom, SittingRoom.id == IncidentReport.sitting_room_id)
        .where(IncidentReport.ref == ref, SittingRoom.ref == room_ref)
    )
    report = session.scalar(query)
    if report is None:
        raise NotFound("proctoring.no_report")
    return _told(session, [report])[0]


def read_report(room_ref: str, ref: str) -> ReportStatement:
    """Return one report of a room in a reading of its own; raise like `report_in`."""
    with reading() as session:
        return report_in(session, room_ref, ref)


def _told(session: Session, reports: Sequence[IncidentReport]) -> list[ReportStatement]:
    additions: defaultdict[int, list[ReportAddition]] = defaultdict(list)
    added = select(ReportAddition).where(ReportAddition.report_id.in_([one.id for one in reports]))
    for addition in session.scalars(added.order_by(ReportAddition.id)):
        additions[addition.report_id].append(addition)
    people = _people(session, {one.registration_id for one in reports if one.registration_id is not None})
    return [
        ReportStatement(
            one,
            _entry(session, one),
            people.get(one.registration_id or 0),
            tuple(additions[one.id]),
        )
        for one in reports
    ]


def _entry(session: Session, report: IncidentReport) -> Violation | Reason | None:
    table = table_of(session, report.reasons_version_id)
    return table.violation(report.code) if report.kind == "violation" else table.reason(report.code)


def _people(session: Session, ids: set[int]) -> dict[int, ReportedOn]:
    query = (
        select(Registration.id, Registration.ref, Candidate.name, AdmissionTicket.number, Seat.number)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .join(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
        .join(Seat, Seat.id == Registration.seat_id)
        .where(Registration.id.in_(ids))
    )
    return {row[0]: ReportedOn(*row[1:]) for row in session.execute(query)}


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
    violations: dict[int, Violation] = {}
    for report in left.values():
        violation = table_of(session, report.reasons_version_id).violation(report.code)
        if violation is not None:
            violations[report.id] = violation
    stands = heaviest(violations)
    registration.violation_code = None if stands is None else left[stands].code
    registration.violation_version_id = None if stands is None else left[stands].reasons_version_id


def seat_of(desk: Desk, report: IncidentReport) -> SeatView | None:
    return next((one for one in desk.board.seats if one.registration_id == report.registration_id), None)


def _subject(desk: Desk, seat: SeatView | None) -> str:
    return f"sitting_room:{desk.room.ref}" if seat is None else f"registration:{seat.ref}"
