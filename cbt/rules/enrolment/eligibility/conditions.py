"""The conditions of a level as the blueprint has them: each a conjunction, and any one of them suffices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from cbt.rules.enrolment.eligibility.facts import EducationLevel, SchoolKind
from cbt.rules.enrolment.eligibility.majors import MajorTable


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of the notice. What is None or empty is not asked.

    `after` says that the years and the training count from the certificate or the degree that is asked, too.

    Source: R-73.
    """

    number: int
    text: str
    years: int | None = None
    education: EducationLevel | None = None
    major: Literal["related", "other"] | None = None
    schools: tuple[SchoolKind, ...] = ()
    senior_skills: bool = False
    certificate: str | None = None
    training: str | None = None
    training_hours: int | None = None
    after: Literal["certificate", "degree"] | None = None


@dataclass(frozen=True, slots=True)
class EnrolmentPolicy:
    """How far ahead one applies, to which day years are counted, and which gap between employments is none.

    Source: R-72, R-73.
    """

    days_ahead: int = 20
    counted_to: Literal["application", "exam"] = "application"
    gap_days: int = 30

    def counting_day(self, *, applied_on: date, exam_on: date) -> date:
        """Return the day on which a condition has to be met. Source: R-73."""
        return exam_on if self.counted_to == "exam" else applied_on


@dataclass(frozen=True, slots=True)
class EligibilityRules:
    """All that a level's blueprint says about who may apply; `occupations` are its names and its code."""

    conditions: tuple[Condition, ...]
    policy: EnrolmentPolicy
    majors: MajorTable
    occupations: tuple[str, ...]
