"""What reports say now: each with its additions, as the pages show it and the room's record prints it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.db.unit_of_work import reading
from cbt.errors import NotFound
from cbt.exams.reasons.store import table_of
from cbt.proctoring.models import IncidentReport, ReportAddition
from cbt.rules.reasons import Reason
from cbt.rules.violation import Evidence, Violation
from cbt.sittings.models import Seat, SittingRoom


@dataclass(frozen=True, slots=True)
class ReportedOn:
    """Whom a report is about."""

    ref: str
    name: str
    ticket: str
    seat: int


@dataclass(frozen=True, slots=True)
class ToldReport:
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
        """The kinds of evidence there are."""
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
        """When it was withdrawn; None while it holds."""
        return self.report.withdrawn_at


def told_of_room(session: Session, sitting_room_id: int) -> list[ToldReport]:
    """Return the reports of a room in the order in which they were filed, withdrawn ones among them."""
    query = select(IncidentReport).where(IncidentReport.sitting_room_id == sitting_room_id)
    return _told(session, session.scalars(query.order_by(IncidentReport.id)).all())


def told_of_registration(session: Session, registration_id: int) -> list[ToldReport]:
    """Return the reports about one candidate, the latest first."""
    query = select(IncidentReport).where(IncidentReport.registration_id == registration_id)
    return _told(session, session.scalars(query.order_by(IncidentReport.id.desc())).all())


def report_in(session: Session, room_ref: str, ref: str) -> ToldReport:
    """Return one report of a room; raise NotFound("proctoring.no_report") for another room's."""
    query = (
        select(IncidentReport)
        .join(SittingRoom, SittingRoom.id == IncidentReport.sitting_room_id)
        .where(IncidentReport.ref == ref, SittingRoom.ref == room_ref)
    )
    found = session.scalar(query)
    if found is None:
        raise NotFound("proctoring.no_report")
    return _told(session, [found])[0]


def read_report(room_ref: str, ref: str) -> ToldReport:
    """Return one report of a room in a reading of its own; raise like `report_in`."""
    with reading() as session:
        return report_in(session, room_ref, ref)


def _told(session: Session, reports: Sequence[IncidentReport]) -> list[ToldReport]:
    additions: defaultdict[int, list[ReportAddition]] = defaultdict(list)
    added = select(ReportAddition).where(ReportAddition.report_id.in_([one.id for one in reports]))
    for addition in session.scalars(added.order_by(ReportAddition.id)):
        additions[addition.report_id].append(addition)
    people = _people(session, {one.registration_id for one in reports if one.registration_id is not None})
    return [
        ToldReport(
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
