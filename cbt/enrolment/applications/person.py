"""Somebody who is applied for: the form read and kept sealed, the level's conditions, the right to a 补考.

Results are known by later rooms: how they are read is registered here when the app is put together.

Source: R-4.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import cast

import flask
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from cbt.enrolment.models import Applicant, UnitApplication
from cbt.errors import Conflict, InvalidInput
from cbt.http.form_values import one_line, whole_number
from cbt.personal import DETAILS, checked_document, checked_name, document_index, gender_of_number
from cbt.rules.enrolment.assessment import assess
from cbt.rules.enrolment.conditions import (
    AtomAnswer,
    CompletedTraining,
    ConditionAnswer,
    Diploma,
    EducationLevel,
    EligibilityAnswer,
    PersonFacts,
    RequiredProof,
    SchoolKind,
    SkillCertificate,
)
from cbt.rules.exam import ExamBlueprint
from cbt.rules.retake import RefusedPaper, RetakeVerdict, check_application
from cbt.storage.crypto import readable

TOLD = "applicant"
LEVELS = ("5", "4", "3", "2", "1")
KINDS = ("first", "retake")
TEXTS = {
    "school": 80,
    "major": 60,
    "diploma_number": 40,
    "certificate_occupation": 60,
    "department": 60,
    "post": 60,
    "remark": 100,
    **{name: detail.most for name, detail in DETAILS.items() if detail.applied},
}
DAYS = ("graduated_on", "certificate_on", "training_on")
NUMBERS = {"years": 60, "training_hours": 2000}
CHOICES: Mapping[str, Sequence[str]] = {
    "education": tuple(EducationLevel),
    "school_kind": tuple(SchoolKind),
    "senior_skills": ("yes", "no"),
    "certificate_level": LEVELS,
    "training_level": LEVELS,
    "insured": ("yes", "no"),
}
FACTS = (
    "education", "years", "department", "post", "insured",
    "certificate_occupation", "certificate_level", "certificate_on",
    "school", "school_kind", "senior_skills", "major", "diploma_number", "graduated_on",
    "training_level", "training_on", "training_hours", "remark",
    *(name for name, detail in DETAILS.items() if detail.applied),
)  # fmt: skip
"""What is kept sealed together, by the names of the fields, in the order of Annex 1."""
Told = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ReadPerson:
    """A form that was read and checked."""

    name: str
    document_type: str
    document_number: str
    gender: str
    phone: str
    kind: str
    papers: tuple[str, ...]
    told: dict[str, str]


def read_person(sent: Mapping[str, str], papers: Sequence[str], blueprint: ExamBlueprint) -> ReadPerson:
    """Return what a form says of somebody, checked.

    Raise what `cbt.personal` raises, and InvalidInput("applicant.papers"|"applicant.gender"|
    "applicant.day"|"applicant.number"|"applicant.too_long"|"web.bad_request").

    Source: R-74 (Annex 1, Annex 2).
    """
    name = checked_name(sent.get("name", ""))
    document_type, number = checked_document(sent.get("document_type", ""), sent.get("document_number", ""))
    gender = gender_of_number(document_type, number) or sent.get("gender", "")
    if gender not in DETAILS["gender"].names:
        raise InvalidInput("applicant.gender", field="gender")
    chosen = tuple(code for code in blueprint.papers if code in papers)
    if not chosen:
        raise InvalidInput("applicant.papers", field="papers")
    if sent.get("kind", "") not in KINDS:
        raise InvalidInput("web.bad_request")
    return ReadPerson(
        name,
        document_type,
        number,
        gender,
        DETAILS["phone"].checked(sent.get("phone", "")),
        sent["kind"],
        chosen,
        read_facts(sent),
    )


def read_facts(sent: Mapping[str, str]) -> dict[str, str]:
    """Return what a form says of education, certificates and work, what is empty left out; raise InvalidInput."""
    facts = {}
    for name, most in TEXTS.items():
        facts[name] = one_line(sent.get(name, ""), name)
        if len(facts[name]) > most:
            raise InvalidInput("applicant.too_long", field=name, maximum=most)
    for name in DAYS:
        facts[name] = sent.get(name, "").strip()
        if facts[name] and _day(facts[name]) is None:
            raise InvalidInput("applicant.day", field=name)
    for name, most in NUMBERS.items():
        facts[name] = sent.get(name, "").strip()
        if facts[name] and whole_number(facts[name], most=most) is None:
            raise InvalidInput("applicant.number", field=name, maximum=most)
    for name, choices in CHOICES.items():
        facts[name] = sent.get(name, "")
        if facts[name] and facts[name] not in choices:
            raise InvalidInput("web.bad_request")
    return {name: text for name, text in facts.items() if text}


def told_of(applicant: Applicant) -> dict[str, str] | None:
    """Return what was typed of somebody; None where the key does not open it."""
    text = readable(applicant.told_sealed, TOLD)
    if text is None:
        return None
    facts: dict[str, str] = json.loads(text)
    return facts


def facts_of(facts: Told, blueprint: ExamBlueprint, *, today: date) -> PersonFacts:
    """Return what the conditions are held against; the years are those of the day on which they were typed.

    Source: R-73.
    """
    stated = _day(facts.get("stated_on", "")) or today
    return PersonFacts(
        diplomas=_diplomas(facts),
        certificates=_certificates(facts, blueprint),
        trainings=_trainings(facts),
        stated_years=int(facts["years"]) if "years" in facts else None,
        stated_on=stated,
    )


def _diplomas(facts: Told) -> tuple[Diploma, ...]:
    if not any(facts.get(name) for name in ("education", "school", "major", "school_kind", "diploma_number")):
        return ()
    return (
        Diploma(
            EducationLevel(facts["education"]) if "education" in facts else None,
            facts.get("major", ""),
            _day(facts.get("graduated_on", "")),
            SchoolKind(facts["school_kind"]) if "school_kind" in facts else None,
            {"yes": True, "no": False}.get(facts.get("senior_skills", "")),
        ),
    )


def _certificates(facts: Told, blueprint: ExamBlueprint) -> tuple[SkillCertificate, ...]:
    if "certificate_level" not in facts:
        return ()
    occupation = facts.get("certificate_occupation") or blueprint.occupation_name
    return (SkillCertificate(occupation, facts["certificate_level"], _day(facts.get("certificate_on", ""))),)


def _trainings(answers: Told) -> tuple[CompletedTraining, ...]:
    if "training_level" not in answers:
        return ()
    hours = int(answers["training_hours"]) if "training_hours" in answers else None
    return (CompletedTraining(answers["training_level"], _day(answers.get("training_on", "")), hours),)


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if date(1940, 1, 1) <= day <= date(2100, 1, 1) else None


@dataclass(frozen=True, slots=True)
class JudgedCondition:
    """A condition with what it says: met, or what is missing and from when, or what is to be decided."""

    number: int
    text: str
    answer: ConditionAnswer
    lacking: list[str]
    questions: list[str]
    proofs: list[str]


def answer_for(
    applicant: Applicant, application: UnitApplication, blueprint: ExamBlueprint, *, today: date
) -> EligibilityAnswer:
    return answer_of(told_of(applicant) or {}, application, blueprint, today=today)


def answer_of(
    facts: Mapping[str, str], application: UnitApplication, blueprint: ExamBlueprint, *, today: date
) -> EligibilityAnswer:
    """Return what the conditions of a level say of what was typed, counted to the day that counts. Source: R-73."""
    applied_on = application.applied_on or today
    on = blueprint.enrolment.counting_day(applied_on=applied_on, exam_on=application.preferred_on)
    return assess(blueprint.eligibility, facts_of(facts, blueprint, today=today), on=on)


def asked_proofs(person: Applicant, answer: EligibilityAnswer, condition: int | None) -> set[RequiredProof]:
    """Return the evidence that the condition somebody is accepted by needs, else the ones they may meet.

    A make-up needs no condition, so it asks who somebody is alone. Source: R-4, R-74.
    """
    if person.kind == "retake":
        return {RequiredProof.IDENTITY}
    by = [one for one in answer.conditions if one.number == condition]
    open_ones = by or answer.met or [one for one in answer.conditions if not one.lacking]
    return {RequiredProof.IDENTITY, *(proof for one in open_ones for proof in one.proofs)}


def judged(answer: EligibilityAnswer, blueprint: ExamBlueprint) -> list[JudgedCondition]:
    """Return an answer in words."""
    texts = {one.number: one.text for one in blueprint.conditions}
    return [
        JudgedCondition(
            number=one.number,
            text=texts[one.number],
            answer=one,
            lacking=[_lacking(atom) for atom in one.lacking],
            questions=[str(_(f"enrolment.question.{question.value}")) for question in one.questions],
            proofs=[str(_(f"enrolment.proof.{proof.value}")) for proof in one.proofs],
        )
        for one in answer.conditions
    ]


def _lacking(atom: AtomAnswer) -> str:
    params = dict(atom.asked)
    match atom.atom:
        case "education":
            words = {"education": _(f"enrolment.education.{params['education']}")}
        case "major":
            return str(_(f"enrolment.lacking.major.{params['major']}"))
        case "certificate" | "training":
            words = {"level": _(f"enrolment.level.{params[atom.atom]}")}
        case "years":
            words = {"years": params["years"], "have": params["have"]}
        case _:
            words = {}
    return str(_(f"enrolment.lacking.{atom.atom}", **words))


Verdicts = Mapping[str, RetakeVerdict]
"""What is known of each paper of a level, by its code; empty for somebody of whom nothing is."""
RetakeReader = Callable[[Session, Mapping[str, str], ExamBlueprint, date], Mapping[str, Verdicts]]
"""Finds what is known of people, whose names it is given by the digests of their numbers, for an exam on a day."""
_EXTENSION = "cbt_retakes"


@dataclass(frozen=True, slots=True)
class RetakeRequest:
    """Somebody, by the digest of their number and the name, with the papers that are applied for."""

    index: str
    name: str
    papers: Sequence[str]
    retake: bool
    ref: str = ""
    """Of somebody who is in an application already."""

    @classmethod
    def of(cls, person: Applicant) -> RetakeRequest:
        papers = person.papers.split(",")
        return cls(person.document_index, person.name, papers, person.kind == "retake", person.ref)

    @classmethod
    def read(cls, form: ReadPerson) -> RetakeRequest:
        return cls(document_index(form.document_number), form.name, form.papers, form.kind == "retake")


def register_retakes(app: flask.Flask, reader: RetakeReader) -> None:
    app.extensions[_EXTENSION] = reader


def verdicts_for(
    session: Session, people: Sequence[RetakeRequest], blueprint: ExamBlueprint, exam_on: date
) -> Mapping[str, Verdicts]:
    """Return what is known of people, by the digests of their numbers; who is not known is left out."""
    if not people:
        return {}
    reader = cast(RetakeReader, flask.current_app.extensions[_EXTENSION])
    return reader(session, {one.index: one.name for one in people}, blueprint, exam_on)


def refused_takings(
    session: Session, people: Sequence[RetakeRequest], blueprint: ExamBlueprint, exam_on: date
) -> dict[str, RefusedPaper]:
    """Return who cannot apply so, by the digests of their numbers. Source: R-4."""
    verdicts = verdicts_for(session, people, blueprint, exam_on)
    refusals = {}
    for person in people:
        refused = check_application(person.papers, verdicts.get(person.index, {}), retake=person.retake)
        if refused is not None:
            refusals[person.index] = refused
    return refusals


def refuse_takings(
    session: Session, people: Sequence[RetakeRequest], blueprint: ExamBlueprint, exam_on: date
) -> None:
    """Refuse people who cannot apply so.

    Raise Conflict("applicant.retake_passed"|"applicant.retake_absent"|"applicant.retake_window_over"|
    "applicant.retake_instead").

    Source: R-4.
    """
    refusals = refused_takings(session, people, blueprint, exam_on)
    for refused in refusals.values():
        asked = [one.ref for one in people if one.index in refusals and one.ref]
        raise Conflict(code_of(refused), field="papers", people=asked, **told_refused(refused, blueprint))


def code_of(refused: RefusedPaper) -> str:
    return {
        "passed": "applicant.retake_passed",
        "absent": "applicant.retake_absent",
        "window_over": "applicant.retake_window_over",
        "retake_instead": "applicant.retake_instead",
    }[refused.reason.value]


def told_refused(refused: RefusedPaper, blueprint: ExamBlueprint) -> dict[str, object]:
    """Return what that text says: the paper and the day it turns on."""
    paper = blueprint.papers[refused.paper].label
    return {"paper": paper, "day": refused.last_on.isoformat() if refused.last_on else ""}


def retake_lines(verdicts: Verdicts, blueprint: ExamBlueprint, papers: Sequence[str] = ()) -> list[str]:
    """Return in words what is known of somebody's papers, of some of them or of all, paper by paper."""
    retake_verdicts = {code: one for code, one in verdicts.items() if code in papers or not papers}
    return [_line(blueprint.papers[code].label, verdict) for code, verdict in retake_verdicts.items()]


def _line(paper: str, verdict: RetakeVerdict) -> str:
    if verdict.reason is None and verdict.last_on is None:
        return str(_("enrolment.retake.lapsed", paper=paper))
    kind = "allowed" if verdict.reason is None else verdict.reason.value
    return str(_(f"enrolment.retake.{kind}", paper=paper, day=verdict.last_on or ""))
