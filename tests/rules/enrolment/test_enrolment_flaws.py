"""What a blueprint may not say of enrolment: each slip is found at its key."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cbt.rules.enrolment.conditions import Condition, EducationLevel, EnrolmentPolicy, MajorTable, SchoolKind
from cbt.rules.enrolment.fees import FeePolicy
from cbt.rules.exam import check
from tests.rules.builders import level_three, places

YEARS = Condition(1, "", years=5)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        pytest.param({"enrolment": EnrolmentPolicy(days_ahead=-1)}, ("enrolment", "days_ahead"), id="ahead"),
        pytest.param({"enrolment": EnrolmentPolicy(gap_days=-1)}, ("enrolment", "gap_days"), id="gap"),
        pytest.param({"fees": FeePolicy(first=-1)}, ("fees", "first"), id="a fee below nothing"),
    ],
)
def test_less_than_nothing_is_refused(said: dict[str, Any], found: tuple[str, ...]) -> None:
    assert places(check(level_three(**said))) == {(found, "blueprint.negative")}


def test_a_fee_is_for_papers_there_are() -> None:
    fees = FeePolicy(materials=1, materials_papers=("practice",))
    assert places(check(level_three(fees=fees))) == {
        (("fees", "materials_papers"), "blueprint.value_unknown")
    }
    assert check(level_three(fees=replace(fees, materials=0))) == []


def test_a_major_stands_in_one_list() -> None:
    table = MajorTable(("会计",), ("市场营销", "会计专业"))
    assert places(check(level_three(majors=table))) == {(("majors", "related"), "blueprint.major_twice")}


@pytest.mark.parametrize(
    ("changed", "key", "code"),
    [
        pytest.param({"number": 2}, "number", "condition_number", id="number"),
        pytest.param({"years": 0}, "years", "not_positive", id="no years"),
        pytest.param(
            {"training": "3", "training_hours": 0}, "training_hours", "not_positive", id="no hours"
        ),
        pytest.param({"training_hours": 9}, "training_hours", "condition_needs", id="hours of nothing"),
        pytest.param({"major": "related"}, "major", "condition_needs", id="a major without a diploma"),
        pytest.param({"senior_skills": True}, "senior_skills", "condition_needs", id="an aim without a school"),
        pytest.param({"after": "certificate"}, "after", "condition_needs", id="after no certificate"),
        pytest.param({"after": "degree"}, "after", "condition_needs", id="after no degree"),
        pytest.param(
            {"years": None, "certificate": "3", "after": "certificate"}, "after", "condition_needs",
            id="nothing after it",
        ),
    ],
)  # fmt: skip
def test_a_condition_that_cannot_be_decided_is_refused(changed: dict[str, Any], key: str, code: str) -> None:
    found = places(check(level_three(conditions=(replace(YEARS, **changed),))))
    assert found == {(("eligibility", 0, key), f"blueprint.{code}")}


def test_a_condition_that_asks_nothing_is_refused() -> None:
    found = places(check(level_three(conditions=(YEARS, Condition(2, "")))))
    assert found == {(("eligibility", 1), "blueprint.condition_empty")}


def test_conditions_that_ask_something_hold() -> None:
    held = (
        YEARS,
        Condition(2, "", schools=(SchoolKind.TECHNICAL_SCHOOL,), senior_skills=True, major="other"),
        Condition(3, "", education=EducationLevel.MASTER, training="3", training_hours=9, after="degree"),
        Condition(4, "", certificate="3", years=1, after="certificate"),
    )
    assert check(level_three(conditions=held)) == []
