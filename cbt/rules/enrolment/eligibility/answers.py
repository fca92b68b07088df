"""Answers about eligibility, of an atom, a condition or a level: met, not met, or the officer's to decide.

Source: R-73, R-74.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from cbt.rules.enrolment.eligibility.conditions import (
    Condition,
    Diploma,
    EligibilityRules,
    PersonFacts,
    SkillCertificate,
)


class Fulfilment(StrEnum):
    """满足, 待考务判断, 不满足; the best first."""

    MET = "met"
    UNKNOWN = "unknown"
    NOT_MET = "not_met"

    @property
    def rank(self) -> int:
        """Its place, the best first."""
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
        """The atoms that are not met."""
        return tuple(one for one in self.atoms if one.fulfilment is Fulfilment.NOT_MET)

    @property
    def questions(self) -> tuple[OfficerQuestion, ...]:
        """What the officer has to decide for it."""
        return tuple(dict.fromkeys(one.question for one in self.atoms if one.question is not None))

    @property
    def from_on(self) -> date | None:
        """The day from which nothing is lacking any more; None where nothing is, or time does not bring it."""
        days = [one.from_on for one in self.lacking]
        known = [day for day in days if day is not None]
        return max(known, default=None) if len(known) == len(days) else None

    @property
    def proofs(self) -> tuple[RequiredProof, ...]:
        """The evidence it needs, the document of identity included. Source: R-74."""
        asked = {RequiredProof.IDENTITY, *(proof for one in self.atoms for proof in one.proofs)}
        return tuple(proof for proof in RequiredProof if proof in asked)


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
        """The best that a condition says."""
        found = (one.fulfilment for one in self.conditions)
        return min(found, key=lambda one: one.rank, default=Fulfilment.UNKNOWN)

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
    atom: str, proof: RequiredProof, met_on: date | None, on: date, asked: Mapping[str, object]
) -> AtomAnswer:
    """Return the answer of an atom that is met from a day on, None for never; 以上 includes that day."""
    if met_on is not None and met_on <= on:
        return AtomAnswer(atom, Fulfilment.MET, frozenset({proof}), asked=asked)
    return AtomAnswer(atom, Fulfilment.NOT_MET, frozenset({proof}), from_on=met_on, asked=asked)


def open_question(
    atom: str, proof: RequiredProof, question: OfficerQuestion, asked: Mapping[str, object]
) -> AtomAnswer:
    """Return the answer of an atom that an officer has to decide."""
    return AtomAnswer(atom, Fulfilment.UNKNOWN, frozenset({proof}), question=question, asked=asked)
