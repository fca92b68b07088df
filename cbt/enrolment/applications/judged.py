"""What the conditions say of somebody, in the words of a page: condition by condition (R-73)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from flask_babel import gettext as _

from cbt.enrolment.applications.form import facts_of, told_of
from cbt.enrolment.applications.models import Applicant, UnitApplication
from cbt.rules.enrolment.eligibility.answers import AtomAnswer, ConditionAnswer, EligibilityAnswer
from cbt.rules.enrolment.eligibility.assessing import assess
from cbt.rules.exam.blueprint import ExamBlueprint


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
    """Return what the conditions of a level say of somebody."""
    return answer_of(told_of(applicant) or {}, application, blueprint, today=today)


def answer_of(
    told: Mapping[str, str], application: UnitApplication, blueprint: ExamBlueprint, *, today: date
) -> EligibilityAnswer:
    """Return what the conditions of a level say of what was typed, counted to the day that counts. Source: R-73."""
    applied_on = application.applied_on or today
    on = blueprint.enrolment.counting_day(applied_on=applied_on, exam_on=application.preferred_on)
    return assess(blueprint.eligibility, facts_of(told, blueprint, today=today), on=on)


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
    asked = dict(atom.asked)
    match atom.atom:
        case "education":
            said = {"education": _(f"enrolment.education.{asked['education']}")}
        case "major":
            return str(_(f"enrolment.lacking.major.{asked['major']}"))
        case "certificate" | "training":
            said = {"level": _(f"enrolment.level.{asked[atom.atom]}")}
        case "years":
            said = {"years": asked["years"], "have": asked["have"]}
        case _:
            said = {}
    return str(_(f"enrolment.lacking.{atom.atom}", **said))
