"""Eligibility conditions of a level, the facts of a person they ask about, and the table of majors.

Source: R-72, R-73.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Literal

from cbt.rules.calendar import last_day


class EducationLevel(StrEnum):
    """学历, the lowest first: 初中, 高中、中专、技校, 大专, 本科, 硕士, 博士."""

    JUNIOR_SECONDARY = "junior_secondary"
    SECONDARY = "secondary"
    JUNIOR_COLLEGE = "junior_college"
    BACHELOR = "bachelor"
    MASTER = "master"
    DOCTOR = "doctor"

    @property
    def rank(self) -> int:
        """Its place among the levels: 以上 compares these."""
        return list(EducationLevel).index(self)


class SchoolKind(StrEnum):
    """The kinds of schools: 技工学校, 技师学院, 职业技术学院, 普通高等学校, 其他."""

    TECHNICAL_SCHOOL = "technical_school"
    TECHNICIAN_COLLEGE = "technician_college"
    VOCATIONAL_COLLEGE = "vocational_college"
    UNIVERSITY = "university"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Employment:
    """Work from a day on, to its last day or until now; None for `in_occupation` where nobody can tell yet."""

    from_on: date
    to_on: date | None = None
    in_occupation: bool | None = True


@dataclass(frozen=True, slots=True)
class Diploma:
    """毕业证书. None is what the form leaves open; `senior_skills` is 以高级技能为培养目标."""

    level: EducationLevel | None
    major: str = ""
    graduated_on: date | None = None
    school: SchoolKind | None = None
    senior_skills: bool | None = None


@dataclass(frozen=True, slots=True)
class SkillCertificate:
    """技能等级证书 or 职业资格证书: of an occupation, by name or code, at a level."""

    occupation: str
    level: str
    issued_on: date | None = None


@dataclass(frozen=True, slots=True)
class CompletedTraining:
    """正规培训 of a level that ended with a certificate (结业证书); None for hours that are not known."""

    level: str
    completed_on: date | None = None
    hours: int | None = None


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """Everything the conditions ask about. What is not given is not there.

    `stated_years` (从业年限) of the registration form or the proof of employment, as of `stated_on`, stands for
    one employment where no dates are given: the form asks for no more.
    """

    employments: tuple[Employment, ...] = ()
    diplomas: tuple[Diploma, ...] = ()
    certificates: tuple[SkillCertificate, ...] = ()
    trainings: tuple[CompletedTraining, ...] = ()
    stated_years: int | None = None
    stated_on: date | None = None

    def known_employments(self) -> tuple[Employment, ...]:
        """Return the employments, or the one that the stated years stand for. Source: R-73, R-75."""
        if self.employments or self.stated_years is None or self.stated_on is None:
            return self.employments
        return (Employment(last_day(self.stated_on, -self.stated_years)),)


class MajorKind(StrEnum):
    """本专业, 相关专业, 其他专业; a major the table does not have is for the officer to decide."""

    OWN = "own"
    RELATED = "related"
    OTHER = "other"
    UNKNOWN = "unknown"


def plain_major(name: str) -> str:
    """Return a major as it is compared: NFKC, without blanks and without 专业 at its end."""
    plain = "".join(unicodedata.normalize("NFKC", name).split())
    return plain.removesuffix("专业")


@dataclass(frozen=True, slots=True)
class MajorTable:
    """The majors somebody has decided about, as written; an office adds to it what it decides."""

    own: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    other: tuple[str, ...] = ()

    def kind_of(self, name: str) -> MajorKind:
        """Return what kind a major is of. Source: R-73."""
        plain = plain_major(name)
        for kind in (MajorKind.OWN, MajorKind.RELATED, MajorKind.OTHER):
            if plain in map(plain_major, getattr(self, kind)):
                return kind
        return MajorKind.UNKNOWN

    def with_majors(self, kind: MajorKind, names: Iterable[str]) -> MajorTable:
        """Return the table with more majors of a kind, taken out of the others: the newest decision holds."""
        new = tuple(names)
        plain = {plain_major(name) for name in new}
        left = {
            one: tuple(name for name in getattr(self, one) if plain_major(name) not in plain)
            for one in ("own", "related", "other")
        }
        return replace(self, **(left | {kind.value: (*left[kind.value], *new)}))


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
