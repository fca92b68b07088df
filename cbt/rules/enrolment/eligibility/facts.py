"""What is known of a person who applies: employments, diplomas, certificates, trainings, as their form says it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from cbt.rules.periods import last_day


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
