"""The assessment of a person's eligibility by every condition of a level, atom by atom.

Source: R-73.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from cbt.rules.enrolment.eligibility.answers import AtomAnswer, ConditionAnswer, Considered, EligibilityAnswer
from cbt.rules.enrolment.eligibility.atoms import certificate, education, major, school, training, years
from cbt.rules.enrolment.eligibility.conditions import Condition, EligibilityRules, PersonFacts


@dataclass(frozen=True, slots=True)
class Atom:
    """What a condition is made of: a name, the keys of a condition that belong to it, two functions."""

    name: str
    keys: tuple[str, ...]
    asks: Callable[[Considered], bool]
    """Whether a condition asks for it."""
    answer: Callable[[Considered], AtomAnswer]
    """Whether it is met, and why."""


ATOMS: tuple[Atom, ...] = (
    Atom(education.NAME, education.KEYS, education.asks, education.answer),
    Atom(school.NAME, school.KEYS, school.asks, school.answer),
    Atom(major.NAME, major.KEYS, major.asks, major.answer),
    Atom(certificate.NAME, certificate.KEYS, certificate.asks, certificate.answer),
    Atom(years.NAME, years.KEYS, years.asks, years.answer),
    Atom(training.NAME, training.KEYS, training.asks, training.answer),
)
"""In the order of the answers."""


def assess(rules: EligibilityRules, facts: PersonFacts, *, on: date) -> EligibilityAnswer:
    """Return what every condition of a level says of a person on a day (`EnrolmentPolicy.counting_day`).

    Each diploma and each certificate is tried by itself, and the best answer is given: one that is met, else one
    that is to be decided, else the one that is met soonest.

    Source: R-73.
    """
    return EligibilityAnswer(on, tuple(_best(rules, facts, one, on) for one in rules.conditions))


def _best(rules: EligibilityRules, facts: PersonFacts, condition: Condition, on: date) -> ConditionAnswer:
    tried = [
        _answer(Considered(facts, rules, condition, on, diploma, certificate))
        for diploma in facts.diplomas or (None,)
        for certificate in facts.certificates or (None,)
    ]
    return min(tried, key=_order)


def _order(answer: ConditionAnswer) -> tuple[int, date, int]:
    return answer.fulfilment.rank, answer.from_on or date.max, len(answer.lacking) + len(answer.questions)


def _answer(seen: Considered) -> ConditionAnswer:
    atoms = tuple(atom.answer(seen) for atom in ATOMS if atom.asks(seen))
    return ConditionAnswer(seen.condition.number, atoms)
