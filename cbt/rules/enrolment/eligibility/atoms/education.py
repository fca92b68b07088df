"""Education of at least a level (学历), by the diploma that is tried."""

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
from cbt.rules.enrolment.eligibility.conditions import EducationLevel

NAME = "education"
KEYS = ("education",)


def asks(seen: Considered) -> bool:
    """Say whether a condition asks for it."""
    return seen.condition.education is not None


def answer(seen: Considered) -> AtomAnswer:
    """Return whether the diploma is of the level or a higher one, and there on the day. Source: R-73."""
    needed, diploma = seen.condition.education or EducationLevel.JUNIOR_SECONDARY, seen.diploma
    have = None if diploma is None else diploma.level
    asked = {"education": needed, "have": have}
    if diploma is not None and have is None:
        return open_question(NAME, RequiredProof.DIPLOMA, OfficerQuestion.EDUCATION_LEVEL, asked)
    if diploma is None or have is None or have.rank < needed.rank:
        return by_date(NAME, RequiredProof.DIPLOMA, None, seen.on, asked)
    return by_date(NAME, RequiredProof.DIPLOMA, diploma.graduated_on or date.min, seen.on, asked)
