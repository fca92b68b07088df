"""The major of a diploma (专业): the occupation's own or a related one, or another."""

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
from cbt.rules.enrolment.eligibility.conditions import MajorKind

NAME = "major"
KEYS = ("major",)
_MEANT = {"related": (MajorKind.OWN, MajorKind.RELATED), "other": (MajorKind.OTHER,)}


def asks(seen: Considered) -> bool:
    """Say whether a condition asks for it."""
    return seen.condition.major is not None


def answer(seen: Considered) -> AtomAnswer:
    """Return whether the major is of the kind; one the table does not have is for the officer. Source: R-73."""
    needed = seen.condition.major or "related"
    name = "" if seen.diploma is None else seen.diploma.major
    kind = seen.rules.majors.kind_of(name)
    asked = {"major": needed, "have": name}
    if seen.diploma is not None and kind is MajorKind.UNKNOWN:
        return open_question(NAME, RequiredProof.DIPLOMA, OfficerQuestion.MAJOR, asked)
    return by_date(NAME, RequiredProof.DIPLOMA, date.min if kind in _MEANT[needed] else None, seen.on, asked)
