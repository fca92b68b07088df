"""What a blueprint's keys of enrolment do: each seen in the answer of the rule that reads it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from cbt.rules.calendar import Holidays, earliest_exam_day
from cbt.rules.enrolment.assessment import assess
from cbt.rules.enrolment.conditions import ConditionAnswer, PersonFacts
from cbt.rules.enrolment.fees import PaperTaking, RefundCause, TakingKind, fee_lines, is_given_back
from tests.exams.effects import blueprint
from tests.rules.enrolment.people import certified, degree, technical, trained, works

APPLIED = date(2026, 11, 27)
GRADUATE = PersonFacts(diplomas=(degree("junior_college", "市场营销"),))
"""Somebody with a related degree of three years."""
SKILLED = PersonFacts(diplomas=(technical("市场营销", school="technical_school"),))
WORKER = PersonFacts(
    (works("2024-06-01"),),
    (degree("bachelor", "市场营销"),),
    (certified("3", "2025-05-01"),),
    (trained("2", "2026-03-01"),),
)
GAP = PersonFacts((works("2021-01-01", "2023-05-31"), works("2023-06-20")))


def earliest(text: str) -> int:
    """Return how many days after an application its earliest exam lies, where every week is a plain one."""
    ahead = blueprint(text).enrolment.days_ahead
    return (earliest_exam_day(APPLIED, Holidays(frozenset({2026})), ahead=ahead).day - APPLIED).days


def counting_day(text: str) -> date:
    """Return the day to which years are counted."""
    return blueprint(text).enrolment.counting_day(applied_on=APPLIED, exam_on=date(2026, 12, 30))


def met(text: str, facts: PersonFacts) -> list[int]:
    """Return the numbers of the conditions somebody meets."""
    return [one.number for one in assess(blueprint(text).eligibility, facts, on=APPLIED).met]


def condition(text: str, number: int, facts: PersonFacts) -> ConditionAnswer:
    """Return what one condition says of somebody."""
    return assess(blueprint(text).eligibility, facts, on=APPLIED).conditions[number - 1]


def studied(text: str, major: str) -> list[int]:
    """Return the conditions that somebody meets with a degree in this major and a year of work."""
    facts = replace(GRADUATE, diplomas=(degree("junior_college", major),), employments=(works("2025-01-01"),))
    return met(text, facts)


def charged(text: str, **takings: str) -> list[int]:
    """Return the lines that a registration makes, in 分."""
    taken = [PaperTaking(paper, TakingKind(kind)) for paper, kind in takings.items()]
    return [line.fen for line in fee_lines(blueprint(text).fees, taken)]


def given_back(text: str) -> bool:
    """Return whether who withdraws gets the fee back."""
    return is_given_back(blueprint(text).fees, RefundCause.WITHDRAWN)


def sits_unpaid(text: str) -> bool:
    """Return whether people go to a batch before their fee is paid (the door: tests/enrolment/test_retaking.py)."""
    return blueprint(text).fees.unpaid_may_sit
