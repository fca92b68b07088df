"""A sample of the made rosters: everybody read right, or refused at the line; never wrong in silence."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from cbt.spreadsheets import intake
from tests.candidates.field.judging import here, judge, without
from tests.candidates.field.making import make

SEEDS = random.Random(13).sample(range(2_000), 40)
"""The command `python -m tests.candidates.field --all` reads all 2,000."""
LEAST_RIGHT = 0.97


@pytest.fixture(autouse=True)
def _no_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "run", here)


def test_rosters_of_the_field_are_read_right_and_nobody_is_wrong_in_silence() -> None:
    outcomes: Counter[str] = Counter()
    for seed in SEEDS:
        made = without(make(seed))
        verdict = judge(made)
        outcomes[verdict.outcome] += 1
        if verdict.outcome == "wrong":
            pytest.fail(f"{seed}: {made.recipe}\n" + "\n".join(verdict.reasons))
    assert outcomes["right"] >= LEAST_RIGHT * len(SEEDS), dict(outcomes)


def test_the_judge_sees_who_is_gone_and_who_is_another() -> None:
    made = without(make(SEEDS[0]))
    assert judge(made).outcome == "right"
    sound = next(one for one in made.people if not one.wrong)
    sound.level = {"3": "2", "2": "3"}[sound.level]
    assert judge(made).outcome == "wrong"
    made = without(make(SEEDS[0]))
    made.people.pop()
    assert judge(made).outcome == "wrong"
