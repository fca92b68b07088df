"""The registration form of somebody who is applied for: read, checked, kept sealed, and what follows from it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from cbt.db.private.sealing import readable
from cbt.enrolment.applications.models import Applicant
from cbt.errors import InvalidInput
from cbt.personal.checking import checked_document, checked_name, gender_of_number
from cbt.personal.fields import DETAILS
from cbt.rules.enrolment.eligibility.facts import (
    CompletedTraining,
    Diploma,
    EducationLevel,
    PersonFacts,
    SchoolKind,
    SkillCertificate,
)
from cbt.rules.exam.blueprint import ExamBlueprint
from cbt.web.texts import one_line, whole_number

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

    Raise what `cbt.personal.checking` raises, and InvalidInput("applicant.papers"|"applicant.gender"|
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
    found = {}
    for name, most in TEXTS.items():
        found[name] = one_line(sent.get(name, ""), name)
        if len(found[name]) > most:
            raise InvalidInput("applicant.too_long", field=name, maximum=most)
    for name in DAYS:
        found[name] = sent.get(name, "").strip()
        if found[name] and _day(found[name]) is None:
            raise InvalidInput("applicant.day", field=name)
    for name, most in NUMBERS.items():
        found[name] = sent.get(name, "").strip()
        if found[name] and whole_number(found[name], most=most) is None:
            raise InvalidInput("applicant.number", field=name, maximum=most)
    for name, choices in CHOICES.items():
        found[name] = sent.get(name, "")
        if found[name] and found[name] not in choices:
            raise InvalidInput("web.bad_request")
    return {name: text for name, text in found.items() if text}


def told_of(applicant: Applicant) -> dict[str, str] | None:
    """Return what was typed of somebody; None where the key does not open it."""
    text = readable(applicant.told_sealed, TOLD)
    if text is None:
        return None
    told: dict[str, str] = json.loads(text)
    return told


def facts_of(told: Told, blueprint: ExamBlueprint, *, today: date) -> PersonFacts:
    """Return what the conditions are held against; the years are those of the day on which they were typed.

    Source: R-73.
    """
    stated = _day(told.get("stated_on", "")) or today
    return PersonFacts(
        diplomas=_diplomas(told),
        certificates=_certificates(told, blueprint),
        trainings=_trainings(told),
        stated_years=int(told["years"]) if "years" in told else None,
        stated_on=stated,
    )


def _diplomas(told: Told) -> tuple[Diploma, ...]:
    if not any(told.get(name) for name in ("education", "school", "major", "school_kind", "diploma_number")):
        return ()
    return (
        Diploma(
            EducationLevel(told["education"]) if "education" in told else None,
            told.get("major", ""),
            _day(told.get("graduated_on", "")),
            SchoolKind(told["school_kind"]) if "school_kind" in told else None,
            {"yes": True, "no": False}.get(told.get("senior_skills", "")),
        ),
    )


def _certificates(told: Told, blueprint: ExamBlueprint) -> tuple[SkillCertificate, ...]:
    if "certificate_level" not in told:
        return ()
    occupation = told.get("certificate_occupation") or blueprint.occupation_name
    return (SkillCertificate(occupation, told["certificate_level"], _day(told.get("certificate_on", ""))),)


def _trainings(told: Told) -> tuple[CompletedTraining, ...]:
    if "training_level" not in told:
        return ()
    hours = int(told["training_hours"]) if "training_hours" in told else None
    return (CompletedTraining(told["training_level"], _day(told.get("training_on", "")), hours),)


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if date(1940, 1, 1) <= found <= date(2100, 1, 1) else None
