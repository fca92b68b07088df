"""The assessment of a person's eligibility by every condition of a level, and the atoms these are made of."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from cbt.rules.calendar import last_day
from cbt.rules.enrolment.conditions import (
    AtomAnswer,
    CompletedTraining,
    Condition,
    ConditionAnswer,
    Considered,
    EducationLevel,
    EligibilityAnswer,
    EligibilityRules,
    Employment,
    Fulfilment,
    MajorKind,
    OfficerQuestion,
    PersonFacts,
    RequiredProof,
    begins,
    by_date,
    open_question,
)

CERTIFICATE = "certificate"
CERTIFICATE_KEYS = ("certificate", "after")


def asks_certificate(seen: Considered) -> bool:
    """Say whether a condition asks for it."""
    return seen.condition.certificate is not None


def answer_certificate(seen: Considered) -> AtomAnswer:
    """Return whether the certificate is of the occupation and of the level or a higher one. Source: R-73."""
    needed, certificate = seen.condition.certificate or "", seen.certificate
    params = {"certificate": needed, "have": None if certificate is None else certificate.level}
    met_on = None
    if (
        certificate is not None
        and _is_of(certificate.occupation, seen.rules.occupations)
        and at_least(certificate.level, needed)
    ):
        met_on = certificate.issued_on or date.min
    return by_date(CERTIFICATE, RequiredProof.SKILL_CERTIFICATE, met_on, seen.on, params)


def at_least(level: str, needed: str) -> bool:
    """Say whether a level is the needed one or higher; of the codes 5 to 1, the lower number is the higher."""
    if level.isdecimal() and needed.isdecimal():
        return int(level) <= int(needed)
    return level == needed


def _is_of(occupation: str, names: Iterable[str]) -> bool:
    return _plain(occupation) in map(_plain, names)


def _plain(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).split())


EDUCATION = "education"
EDUCATION_KEYS = ("education",)


def asks_education(seen: Considered) -> bool:
    """Say whether a condition asks for it."""
    return seen.condition.education is not None


def answer_education(seen: Considered) -> AtomAnswer:
    """Return whether the diploma is of the level or a higher one, and there on the day. Source: R-73."""
    needed, diploma = seen.condition.education or EducationLevel.JUNIOR_SECONDARY, seen.diploma
    have = None if diploma is None else diploma.level
    params = {"education": needed, "have": have}
    if diploma is not None and have is None:
        return open_question(EDUCATION, RequiredProof.DIPLOMA, OfficerQuestion.EDUCATION_LEVEL, params)
    if diploma is None or have is None or have.rank < needed.rank:
        return by_date(EDUCATION, RequiredProof.DIPLOMA, None, seen.on, params)
    return by_date(EDUCATION, RequiredProof.DIPLOMA, diploma.graduated_on or date.min, seen.on, params)


MAJOR = "major"
MAJOR_KEYS = ("major",)
_MEANT = {"related": (MajorKind.OWN, MajorKind.RELATED), "other": (MajorKind.OTHER,)}


def asks_major(seen: Considered) -> bool:
    """Say whether a condition asks for it."""
    return seen.condition.major is not None


def answer_major(seen: Considered) -> AtomAnswer:
    """Return whether the major is of the kind; one the table does not have is for the officer. Source: R-73."""
    needed = seen.condition.major or "related"
    name = "" if seen.diploma is None else seen.diploma.major
    kind = seen.rules.majors.kind_of(name)
    params = {"major": needed, "have": name}
    if seen.diploma is not None and kind is MajorKind.UNKNOWN:
        return open_question(MAJOR, RequiredProof.DIPLOMA, OfficerQuestion.MAJOR, params)
    return by_date(
        MAJOR, RequiredProof.DIPLOMA, date.min if kind in _MEANT[needed] else None, seen.on, params
    )


SCHOOL = "school"
SCHOOL_KEYS = ("schools", "senior_skills")


def asks_school(seen: Considered) -> bool:
    """Say whether a condition asks for it."""
    return bool(seen.condition.schools)


def answer_school(seen: Considered) -> AtomAnswer:
    """Return whether the diploma is of such a school, and there on the day. Source: R-73."""
    diploma, condition = seen.diploma, seen.condition
    have = None if diploma is None else diploma.school
    params = {"schools": condition.schools, "have": have}
    if diploma is None or (have is not None and have not in condition.schools):
        return by_date(SCHOOL, RequiredProof.DIPLOMA, None, seen.on, params)
    if condition.senior_skills and diploma.senior_skills is False:
        return by_date(SCHOOL, RequiredProof.DIPLOMA, None, seen.on, params)
    if have is None:
        return open_question(SCHOOL, RequiredProof.DIPLOMA, OfficerQuestion.SCHOOL_KIND, params)
    if condition.senior_skills and diploma.senior_skills is None:
        return open_question(SCHOOL, RequiredProof.DIPLOMA, OfficerQuestion.SENIOR_SKILLS, params)
    return by_date(SCHOOL, RequiredProof.DIPLOMA, diploma.graduated_on or date.min, seen.on, params)


TRAINING = "training"
TRAINING_KEYS = ("training", "training_hours")
PROOF = RequiredProof.TRAINING_CERTIFICATE


def asks_training(seen: Considered) -> bool:
    """Say whether a condition asks for it."""
    return seen.condition.training is not None


def answer_training(seen: Considered) -> AtomAnswer:
    """Return the best that one of the trainings says. Source: R-73."""
    answers = [_one(seen, training) for training in seen.facts.trainings]
    none = by_date(TRAINING, PROOF, None, seen.on, {"training": seen.condition.training, "have": None})
    return min([*answers, none], key=_training_order)


def _training_order(answer: AtomAnswer) -> tuple[int, date]:
    return answer.fulfilment.rank, answer.from_on or date.max


def _one(seen: Considered, training: CompletedTraining) -> AtomAnswer:
    condition, start = seen.condition, begins(seen)
    params = {"training": condition.training, "hours": condition.training_hours, "have": training.hours}
    too_short = training.hours is not None and training.hours < (condition.training_hours or 0)
    ended_on = training.completed_on
    too_early = ended_on is not None and start.on is not None and ended_on < start.on
    if training.level != condition.training or too_short or too_early:
        return by_date(TRAINING, PROOF, None, seen.on, params)
    if ended_on is None and condition.after is not None:
        return open_question(TRAINING, PROOF, OfficerQuestion.TRAINING_DATE, params)
    done = by_date(TRAINING, PROOF, ended_on or date.min, seen.on, params)
    if done.fulfilment is Fulfilment.MET and condition.training_hours is not None and training.hours is None:
        return open_question(TRAINING, PROOF, OfficerQuestion.TRAINING_HOURS, params)
    if done.fulfilment is Fulfilment.MET and start.question is not None:
        return open_question(TRAINING, PROOF, start.question, params)
    return done


YEARS = "years"
YEARS_KEYS = ("years",)
DAY = timedelta(days=1)
Run = tuple[date, date | None]
"""Work without a break, from its first day to the day after its last; None while it goes on."""


def asks_years(seen: Considered) -> bool:
    """Say whether a condition asks for it."""
    return seen.condition.years is not None


def answer_years(seen: Considered) -> AtomAnswer:
    """Return whether the years are worked. 以上 includes the number: the anniversary itself is enough.

    A gap of more days than the rules allow begins the count anew. Work of which nobody knows whether it belongs to
    the occupation is for the officer, but only where what is certain does not suffice.

    Source: R-73.
    """
    years, work = seen.condition.years or 0, seen.facts.known_employments()
    start, gap = begins(seen), seen.rules.policy.gap_days
    certain = runs((one for one in work if one.in_occupation), gap)
    possible = runs((one for one in work if one.in_occupation is not False), gap)
    params = {"years": years, "have": whole_years(certain, start.on, seen.on)}
    surely = by_date(YEARS, RequiredProof.EMPLOYMENT, worked_on(certain, years, start.on), seen.on, params)
    perhaps = by_date(YEARS, RequiredProof.EMPLOYMENT, worked_on(possible, years, start.on), seen.on, params)
    if perhaps.fulfilment is Fulfilment.NOT_MET:
        return perhaps
    question = start.question if surely.fulfilment is Fulfilment.MET else OfficerQuestion.POST
    return surely if question is None else open_question(YEARS, RequiredProof.EMPLOYMENT, question, params)


def runs(employments: Iterable[Employment], gap_days: int) -> list[Run]:
    """Return employments joined where they overlap, touch, or leave no more than `gap_days` days between them."""
    periods: list[Run] = []
    for employment in sorted(employments, key=lambda work: work.from_on):
        end = None if employment.to_on is None else employment.to_on + DAY
        if periods and (periods[-1][1] is None or (employment.from_on - periods[-1][1]).days <= gap_days):
            first, last = periods[-1]
            periods[-1] = (first, None if last is None or end is None else max(last, end))
        else:
            periods.append((employment.from_on, end))
    return periods


def worked_on(periods: Iterable[Run], years: int, after: date | None) -> date | None:
    """Return the first day on which so many years lie behind somebody, None where no run is or becomes so long."""
    days = []
    for start, end in periods:
        first = start if after is None else max(start, after)
        done = last_day(first, years)
        if end is None or done <= end:
            days.append(done)
    return min(days, default=None)


def whole_years(periods: Iterable[Run], after: date | None, on: date) -> int:
    """Return the whole years of the longest run up to a day."""
    longest = 0
    for start, end in periods:
        first = start if after is None else max(start, after)
        stop = on if end is None else min(end, on)
        while last_day(first, longest + 1) <= stop:
            longest += 1
    return longest


# The assessment of a person's eligibility by every condition of a level, atom by atom.
#
# Source: R-73.


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
    Atom(EDUCATION, EDUCATION_KEYS, asks_education, answer_education),
    Atom(SCHOOL, SCHOOL_KEYS, asks_school, answer_school),
    Atom(MAJOR, MAJOR_KEYS, asks_major, answer_major),
    Atom(CERTIFICATE, CERTIFICATE_KEYS, asks_certificate, answer_certificate),
    Atom(YEARS, YEARS_KEYS, asks_years, answer_years),
    Atom(TRAINING, TRAINING_KEYS, asks_training, answer_training),
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
    return min(tried, key=_answer_order)


def _answer_order(answer: ConditionAnswer) -> tuple[int, date, int]:
    return answer.fulfilment.rank, answer.from_on or date.max, len(answer.lacking) + len(answer.questions)


def _answer(seen: Considered) -> ConditionAnswer:
    atoms = tuple(atom.answer(seen) for atom in ATOMS if atom.asks(seen))
    return ConditionAnswer(seen.condition.number, atoms)
