"""A list of people held against its application: who can be taken over, who meets what, who is there already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from cbt.enrolment.applications import store
from cbt.enrolment.applications.judged import answer_of, judged
from cbt.enrolment.applications.models import UnitApplication
from cbt.enrolment.applications.retaking import AskedTaking, code_of, refused_takings, told_refused
from cbt.enrolment.decided.store import level_of
from cbt.enrolment.workbook.lines import ListedPerson
from cbt.enrolment.workbook.reading import ReadList, read_people
from cbt.personal.numbers import document_index
from cbt.rules.enrolment.eligibility.answers import EligibilityAnswer, Fulfilment, OfficerQuestion
from cbt.rules.exam.blueprint import ExamBlueprint
from cbt.rules.retake import RefusedPaper
from cbt.sheets.cells import SheetData
from cbt.sheets.findings import Finding, Severity

_CELL_OF = {
    OfficerQuestion.POST: "post",
    OfficerQuestion.MAJOR: "major",
    OfficerQuestion.EDUCATION_LEVEL: "education",
    OfficerQuestion.GRADUATION_DATE: "graduated_on",
    OfficerQuestion.SCHOOL_KIND: "school_kind",
    OfficerQuestion.SENIOR_SKILLS: "senior_skills",
    OfficerQuestion.CERTIFICATE_DATE: "certificate_on",
    OfficerQuestion.TRAINING_DATE: "training_on",
    OfficerQuestion.TRAINING_HOURS: "training_hours",
}


class ListStanding(StrEnum):
    """How a row stands: good, good with something to decide, short of every condition, there already, refused."""

    READY = "ready"
    OPEN = "open"
    SHORT = "short"
    THERE = "there"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class CheckedPerson:
    """A row of a list, how it stands, and everything found about it."""

    listed: ListedPerson
    standing: ListStanding
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class CheckedList:
    """What taking over a list would do."""

    application: UnitApplication
    blueprint: ExamBlueprint
    read: ReadList
    people: tuple[CheckedPerson, ...]

    @property
    def counts(self) -> Counter[str]:
        """How many rows there are of each standing."""
        return Counter(one.standing.value for one in self.people)

    @property
    def findings(self) -> list[Finding]:
        """Everything found, as it comes in the file; what is about the list itself first."""
        return [*self.read.findings, *(found for one in self.people for found in one.findings)]

    @property
    def seen(self) -> str:
        """What whoever takes the list over has seen: which rows go in, for which level."""
        rows = (f"{one.listed.row}{one.standing.value[:2]}" for one in self.people)
        return f"{self.application.blueprint_version_id}:{' '.join(rows)}"

    def taken(self, *, short: bool) -> list[CheckedPerson]:
        """Return who is taken over; those who meet no condition where `short` says so."""
        which = {ListStanding.READY, ListStanding.OPEN} | ({ListStanding.SHORT} if short else set())
        return [one for one in self.people if one.standing in which]


def check_list(
    session: Session, application: UnitApplication, sheets: Sequence[SheetData], *, today: date
) -> CheckedList:
    """Return what taking over the sheets of a list would do. Source: R-4, R-73, R-74, R-75."""
    blueprint = level_of(session, application.blueprint_version_id)
    read = read_people(sheets, blueprint)
    there = {one.document_index for one in store.people_of(session, application)}
    first: dict[str, ListedPerson] = {}
    people = []
    asked = [AskedTaking.read(one.read) for one in read.people if one.read is not None]
    refused = refused_takings(session, asked, blueprint, application.preferred_on)
    for listed in read.people:
        found = _Row(listed, application, blueprint, today, refused)
        people.append(found.checked(there, first))
    return CheckedList(application, blueprint, read, tuple(people))


@dataclass(frozen=True, slots=True)
class _Row:
    listed: ListedPerson
    application: UnitApplication
    blueprint: ExamBlueprint
    today: date
    refused: Mapping[str, RefusedPaper]

    def checked(self, there: set[str], first: dict[str, ListedPerson]) -> CheckedPerson:
        """Return how the row stands beside those before it; `first` has these by the digest of their number."""
        read = self.listed.read
        if read is None:
            return self._with(ListStanding.STOPPED)
        index = document_index(read.document_number)
        before = first.setdefault(index, self.listed)
        if before is not self.listed:
            twice = self._found(Severity.ERROR, "applicant.listed_twice", "document_number", row=before.row)
            return self._with(ListStanding.STOPPED, twice)
        if index in there:
            return self._with(
                ListStanding.THERE, self._found(Severity.HINT, "applicant.listed_there", "document_number")
            )
        if index in self.refused:
            return self._with(ListStanding.STOPPED, self._not_so(self.refused[index]))
        if read.kind != "first":
            return self._with(ListStanding.READY)
        answer = answer_of(read.told, self.application, self.blueprint, today=self.today)
        match answer.fulfilment:
            case Fulfilment.MET:
                return self._with(ListStanding.READY)
            case Fulfilment.UNKNOWN:
                return self._with(ListStanding.OPEN, self._to_decide(answer))
            case _:
                return self._with(ListStanding.SHORT, self._short(answer))

    def _with(self, standing: ListStanding, *found: Finding) -> CheckedPerson:
        return CheckedPerson(self.listed, standing, (*self.listed.findings, *found))

    def _found(self, severity: Severity, code: str, field: str, **params: object) -> Finding:
        heading, row = self.listed.heading, self.listed.row
        return Finding(severity, code, heading.place(row, field), self.listed.shown(field), params=params)

    def _not_so(self, refused: RefusedPaper) -> Finding:
        return self._found(
            Severity.ERROR, code_of(refused), "papers", **told_refused(refused, self.blueprint)
        )

    def _to_decide(self, answer: EligibilityAnswer) -> Finding:
        open_ones = [one for one in answer.conditions if one.fulfilment is Fulfilment.UNKNOWN]
        questions = list(dict.fromkeys(question for one in open_ones for question in one.questions))
        said = [str(_(f"enrolment.question.{question.value}")) for question in questions]
        field = _CELL_OF[questions[0]] if questions else ""
        return self._found(Severity.HINT, "applicant.to_decide", field, questions=said)

    def _short(self, answer: EligibilityAnswer) -> Finding:
        between = str(_("enrolment.list.semicolon"))
        lacking = [
            str(
                _(
                    "enrolment.workbook.lacking",
                    number=one.number,
                    lacking=str(_("enrolment.list.comma")).join(one.lacking),
                )
            )
            for one in judged(answer, self.blueprint)
            if one.lacking
        ]
        params: dict[str, object] = {"lacking": between.join(lacking)}
        if answer.from_on is None:
            return self._found(Severity.HINT, "applicant.short", "", **params)
        return self._found(
            Severity.HINT, "applicant.short_until", "", **params, day=answer.from_on.isoformat()
        )
