"""A diploma of a school of the listed kinds, which may have to train for senior skills (以高级技能为培养目标)."""

from __future__ import annotations

from datetime import date

from cbt.rules.enrolment.eligibility.answers import (
    AtomAnswer,
    Considered,
    OfficerQuestion,
    RequiredProof,
    by_date,
    open_question,
)

NAME = "school"
KEYS = ("schools", "senior_skills")


def asks(seen: Considered) -> bool:
    """Say whether a condition asks for it."""
    return bool(seen.condition.schools)


def answer(seen: Considered) -> AtomAnswer:
    """Return whether the diploma is of such a school, and there on the day. Source: R-73."""
    diploma, condition = seen.diploma, seen.condition
    have = None if diploma is None else diploma.school
    asked = {"schools": condition.schools, "have": have}
    if diploma is None or (have is not None and have not in condition.schools):
        return by_date(NAME, RequiredProof.DIPLOMA, None, seen.on, asked)
    if condition.senior_skills and diploma.senior_skills is False:
        return by_date(NAME, RequiredProof.DIPLOMA, None, seen.on, asked)
    if have is None:
        return open_question(NAME, RequiredProof.DIPLOMA, OfficerQuestion.SCHOOL_KIND, asked)
    if condition.senior_skills and diploma.senior_skills is None:
        return open_question(NAME, RequiredProof.DIPLOMA, OfficerQuestion.SENIOR_SKILLS, asked)
    return by_date(NAME, RequiredProof.DIPLOMA, diploma.graduated_on or date.min, seen.on, asked)
