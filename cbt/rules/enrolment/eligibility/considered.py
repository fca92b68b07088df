"""What an atom looks at: the facts, the rules, the day, and the one diploma and certificate that are tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from cbt.rules.enrolment.eligibility.answers import AtomAnswer, Fulfilment, OfficerQuestion, RequiredProof
from cbt.rules.enrolment.eligibility.conditions import Condition, EligibilityRules
from cbt.rules.enrolment.eligibility.facts import Diploma, PersonFacts, SkillCertificate


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
