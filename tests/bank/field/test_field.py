"""A sample of the made files: read right, or asked about; never wrong in silence."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from cbt.spreadsheets import intake
from tests.bank.field.judging import here, judge
from tests.bank.field.making import make

SEEDS = random.Random(12).sample(range(2_000), 60)
"""The command `python -m tests.bank.field --all` reads all 2,000."""
LEAST_RIGHT = 0.95


@pytest.fixture(autouse=True)
def _no_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "run", here)


def test_files_of_the_field_are_read_right_and_nothing_is_wrong_in_silence() -> None:
    outcomes: Counter[str] = Counter()
    for seed in SEEDS:
        made = make(seed)
        verdict = judge(made)
        outcomes[verdict.outcome] += 1
        if verdict.outcome == "wrong":
            pytest.fail(f"{seed}: {made.recipe}\n" + "\n".join(verdict.reasons))
    assert outcomes["right"] >= LEAST_RIGHT * len(SEEDS), dict(outcomes)


def test_the_judge_sees_a_wrong_key_and_an_item_that_is_gone() -> None:
    made = make(SEEDS[0])
    assert judge(made).outcome == "right"
    first = made.items[0]
    made.items.insert(1, first)
    assert judge(made).outcome == "wrong"
