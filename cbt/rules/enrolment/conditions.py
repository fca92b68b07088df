"""Eligibility conditions of a level, the facts of a person they ask about, and the answers to them.

Source: R-72, R-73.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
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


# Answers about eligibility, of an atom, a condition or a level: met, not met, or the officer's to decide.
#
# Source.


class Fulfilment(StrEnum):
    """满足, 待考务判断, 不满足; the best first."""

    MET = "met"
    UNKNOWN = "unknown"
    NOT_MET = "not_met"

    @property
    def rank(self) -> int:
        return list(Fulfilment).index(self)


class RequiredProof(StrEnum):
    """证明材料: 身份证复印件, 在职证明, 毕业证书复印件, 技能等级证书复印件, 培训结业证书复印件. Source: R-74."""

    IDENTITY = "identity"
    EMPLOYMENT = "employment"
    DIPLOMA = "diploma"
    SKILL_CERTIFICATE = "skill_certificate"
    TRAINING_CERTIFICATE = "training_certificate"


class OfficerQuestion(StrEnum):
    """What only a person can say: whether a post is of the occupation, what a major or a school is, open dates."""

    POST = "post"
    MAJOR = "major"
    EDUCATION_LEVEL = "education_level"
    GRADUATION_DATE = "graduation_date"
    SCHOOL_KIND = "school_kind"
    SENIOR_SKILLS = "senior_skills"
    CERTIFICATE_DATE = "certificate_date"
    TRAINING_DATE = "training_date"
    TRAINING_HOURS = "training_hours"


@dataclass(frozen=True, slots=True)
class AtomAnswer:
    """What one atom of a condition says: the kind of atom, and why.

    `from_on` is the day from which it is met, None where time alone does not bring it; `asked` are the values that
    were asked for and what there is, as the words about it need them.
    """

    atom: str
    fulfilment: Fulfilment
    proofs: frozenset[RequiredProof]
    from_on: date | None = None
    question: OfficerQuestion | None = None
    asked: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConditionAnswer:
    """What a condition amounts to for a person, atom by atom."""

    number: int
    atoms: tuple[AtomAnswer, ...]

    @property
    def fulfilment(self) -> Fulfilment:
        """Met when every atom is; not met when one is not; else there is something to decide."""
        return max(
            (one.fulfilment for one in self.atoms), key=lambda found: found.rank, default=Fulfilment.UNKNOWN
        )

    @property
    def lacking(self) -> tuple[AtomAnswer, ...]:
        return tuple(one for one in self.atoms if one.fulfilment is Fulfilment.NOT_MET)

    @property
    def questions(self) -> tuple[OfficerQuestion, ...]:
        return tuple(dict.fromkeys(one.question for one in self.atoms if one.question is not None))

    @property
    def from_on(self) -> date | None:
        """The day from which nothing is lacking any more; None where nothing is, or time does not bring it."""
        days = [one.from_on for one in self.lacking]
        certain = [day for day in days if day is not None]
        return max(certain, default=None) if len(certain) == len(days) else None

    @property
    def proofs(self) -> tuple[RequiredProof, ...]:
        """The evidence it needs, the document of identity included. Source: R-74."""
        proofs = {RequiredProof.IDENTITY, *(proof for one in self.atoms for proof in one.proofs)}
        return tuple(proof for proof in RequiredProof if proof in proofs)


@dataclass(frozen=True, slots=True)
class EligibilityAnswer:
    """What a person's facts amount to on a day: every condition of the level, in its order."""

    counted_on: date
    conditions: tuple[ConditionAnswer, ...]

    @property
    def met(self) -> tuple[ConditionAnswer, ...]:
        """Every condition that is met; any one suffices."""
        return tuple(one for one in self.conditions if one.fulfilment is Fulfilment.MET)

    @property
    def fulfilment(self) -> Fulfilment:
        fulfilments = (one.fulfilment for one in self.conditions)
        return min(fulfilments, key=lambda one: one.rank, default=Fulfilment.UNKNOWN)

    @property
    def from_on(self) -> date | None:
        """The first day on which time alone leaves a condition with nothing lacking; None where there is none."""
        return min((one.from_on for one in self.conditions if one.from_on is not None), default=None)


@dataclass(frozen=True, slots=True)
class Considered:
    """A person held against a condition by one of their diplomas and one of their certificates.

    What a condition says of a diploma it says of one and the same, so each is tried by itself.
    """

    facts: PersonFacts
    rules: EligibilityRules
    condition: Condition
    on: date
    diploma: Diploma | None
    certificate: SkillCertificate | None


@dataclass(frozen=True, slots=True)
class Begins:
    """From when years and trainings count: a day, None for always; or the question to be answered first."""

    on: date | None = None
    question: OfficerQuestion | None = None


def begins(seen: Considered) -> Begins:
    """Return from when what follows a certificate or a degree counts. Source: R-73."""
    if seen.condition.after == "certificate" and seen.certificate is not None:
        if seen.certificate.issued_on is None:
            return Begins(question=OfficerQuestion.CERTIFICATE_DATE)
        return Begins(seen.certificate.issued_on)
    if seen.condition.after == "degree" and seen.diploma is not None:
        if seen.diploma.graduated_on is None:
            return Begins(question=OfficerQuestion.GRADUATION_DATE)
        return Begins(seen.diploma.graduated_on)
    return Begins()


def by_date(
    atom: str, proof: RequiredProof, met_on: date | None, on: date, params: Mapping[str, object]
) -> AtomAnswer:
    """Return the answer of an atom that is met from a day on, None for never; 以上 includes that day."""
    if met_on is not None and met_on <= on:
        return AtomAnswer(atom, Fulfilment.MET, frozenset({proof}), asked=params)
    return AtomAnswer(atom, Fulfilment.NOT_MET, frozenset({proof}), from_on=met_on, asked=params)


def open_question(
    atom: str, proof: RequiredProof, question: OfficerQuestion, params: Mapping[str, object]
) -> AtomAnswer:
    return AtomAnswer(atom, Fulfilment.UNKNOWN, frozenset({proof}), question=question, asked=params)
