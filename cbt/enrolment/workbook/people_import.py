"""A list of people held against its application: who meets what, who is there already, who is taken over."""

from __future__ import annotations

import hashlib
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import ClassVar

import msgspec
from flask_babel import gettext as _
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cbt.enrolment.applications import store
from cbt.enrolment.applications.application import Applying, editable
from cbt.enrolment.applications.people import enter_all, refuse_full, sealed_person
from cbt.enrolment.applications.person import (
    RetakeRequest,
    answer_of,
    code_of,
    judged,
    refused_takings,
    told_refused,
)
from cbt.enrolment.models import Applicant, UnitApplication
from cbt.enrolment.office_decisions import level_of
from cbt.enrolment.workbook.rows import ListedPerson, ReadList, layout_digests, open_people, read_people
from cbt.errors import Conflict
from cbt.imports.column_map import Hands, keep_mappings, kept_mappings
from cbt.imports.direct_import import DirectImport
from cbt.personal import document_index
from cbt.rules.enrolment.conditions import EligibilityAnswer, Fulfilment, OfficerQuestion
from cbt.rules.exam import ExamBlueprint
from cbt.rules.retake import RefusedPaper
from cbt.spreadsheets.cells import SheetData
from cbt.spreadsheets.drafts import Drafts
from cbt.spreadsheets.findings import Finding, Severity
from cbt.storage.unit_of_work import reading, unit_of_work

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
    scope = str(application.unit_id)
    hands = kept_mappings(session, layout_digests(sheets, scope))
    read = read_people(sheets, blueprint, hands, scope=scope)
    there = {one.document_index for one in store.people_of(session, application)}
    first: dict[str, ListedPerson] = {}
    people = []
    reads = [RetakeRequest.read(one.read) for one in read.people if one.read is not None]
    refused = refused_takings(session, reads, blueprint, application.preferred_on)
    for listed in read.people:
        row = _Row(listed, application, blueprint, today, refused)
        people.append(row.checked(there, first))
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

    def _with(self, standing: ListStanding, *finding: Finding) -> CheckedPerson:
        return CheckedPerson(self.listed, standing, (*self.listed.findings, *finding))

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
        sentences = [str(_(f"enrolment.question.{question.value}")) for question in questions]
        field = _CELL_OF[questions[0]] if questions else ""
        return self._found(Severity.HINT, "applicant.to_decide", field, questions=sentences)

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


class StoredPeople(msgspec.Struct, frozen=True, array_like=True):
    """A list as it is kept: the digest of its file, and what its sheets say."""

    digest: str
    sheets: list[SheetData]


@dataclass(frozen=True, slots=True)
class LookedAtList:
    """A list that is looked at: the name of its file, its sheets, what taking it over would do."""

    file_name: str
    kept: StoredPeople
    checked: CheckedList


class PeopleImport(DirectImport[UnitApplication, Applicant]):
    """People for an application, while it may be written in.

    They are not taken back: each is taken out, or put right, on the pages of the application.
    """

    drafts: ClassVar = Drafts("people", gone="roster.draft_gone")
    act: ClassVar = "applicant.import"
    counted: ClassVar = "people"
    at_once: ClassVar = 25

    def __init__(self, by: Applying) -> None:
        super().__init__(now=by.now, actor=by.actor)
        self._by = by

    def owner(self, session: Session, ref: str, *, changing: bool = True) -> UnitApplication:
        """Return an application; raise as `editable` does."""
        return editable(session, ref, self._by, changing=changing)

    def store_some(self, session: Session, owner: UnitApplication, lines: Sequence[Applicant]) -> int:
        """Enter people, but those who are in by now."""
        return enter_all(session, owner, lines)


def keep_list(ref: str, *, file_name: str, body: bytes, by: Applying) -> str:
    """Keep a list for its look and return its ref; this person's former one for the application goes.

    Raise InvalidInput as `open_people` does, Conflict("application.not_editable").
    """
    kept = StoredPeople(hashlib.sha256(body).hexdigest(), open_people(file_name, body))
    return PeopleImport(by).keep(ref, file_name, zlib.compress(msgspec.msgpack.encode(kept), 1))


def look_at(session: Session, ref: str, draft: str, by: Applying) -> LookedAtList:
    """Return what taking over a kept list would do now; nothing is changed.

    Raise NotFound("application.unknown"|"roster.draft_gone"), Conflict("application.not_editable").
    """
    application, name, packed = PeopleImport(by).kept(session, ref, draft)
    kept = msgspec.msgpack.decode(zlib.decompress(packed), type=StoredPeople)
    return LookedAtList(name, kept, check_list(session, application, kept.sheets, today=by.today))


def say_columns(ref: str, hands: Hands, by: Applying) -> None:
    """Keep what is said of the columns of a list: this one is read so from now on, and the unit's next like it.

    Raise NotFound("application.unknown"), Conflict("application.not_editable").
    """
    with unit_of_work() as session:
        application = editable(session, ref, by)
        keep_mappings(session, hands, subject=application.logged_as, now=by.now, actor=by.actor)


def take_over(ref: str, draft: str, *, seen: str, short: bool, by: Applying) -> tuple[int, bool]:
    """Enter the good rows of a list; return how many, and whether others are left.

    They are read and sealed before the first goes in: of a list that was stopped on the way the rest is looked at
    again, and those who are in stand there as such. One of which nothing is left is forgotten. Raise as `look_at`
    does, and Conflict("application.list_changed") where it would do something else than was looked at,
    ("application.list_empty"), ("application.full").

    Source: R-74, R-75.
    """
    people_import = PeopleImport(by)
    with reading() as session:
        looked = look_at(session, ref, draft, by)
        if looked.checked.seen != seen:
            raise Conflict("application.list_changed")
        taken = [one.listed.read for one in looked.checked.taken(short=short) if one.listed.read]
        if not taken:
            raise Conflict("application.list_empty")
        refuse_full(session, looked.checked.application, len(taken))
    people = [sealed_person(looked.checked.application.id, read, by) for read in taken]
    try:
        entered = people_import.store(ref, people, file=looked.kept.digest)
    except IntegrityError as error:
        raise Conflict("application.list_changed") from error
    counts = looked.checked.counts
    left = bool(counts["stopped"] or (counts["short"] and not short))
    if not left:
        people_import.forget(ref, draft)
    return entered, left
