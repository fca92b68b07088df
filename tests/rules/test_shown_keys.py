"""The key of an item as a form shows it: who answers with its letters and numbers has everything right."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

import pytest

from cbt.rules.canonical import canonical_json
from cbt.rules.items.content import PartialCredit
from cbt.rules.items.registry import parse_content

VERDICTS = ("对", "错")
CHOICES = ["甲", "乙", "丙", "丁", "戊"]
PAIRS = [["一", "壹"], ["二", "贰"], ["三", "叁"], ["四", "壹"]]

Answer = Callable[[list[str]], Any]


def letters(lines: list[str]) -> str:
    return "".join(line[0] for line in lines)


def numbers(lines: list[str]) -> list[int]:
    return [int(re.sub(r"^.*→ |\..*$", "", line)) for line in lines]


def first_line(lines: list[str]) -> list[int]:
    return [int(number) for number in lines[0].split(" → ")]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    ("data", "answer"),
    [
        pytest.param({"type": "single_choice", "choices": CHOICES, "answer": "C"}, letters, id="one choice"),
        pytest.param({"type": "multiple_choice", "choices": CHOICES, "answer": "ACE"}, letters, id="several"),
        pytest.param({"type": "matching", "pairs": PAIRS, "extra_options": ["伍"]}, numbers, id="pairs"),
        pytest.param({"type": "ordering", "steps": CHOICES}, first_line, id="steps"),
    ],
)
def test_an_answer_read_off_the_shown_key_is_right(data: dict[str, Any], answer: Answer, seed: int) -> None:
    content = parse_content({**data, "stem": "题干", "point": "A-A-A-001", "difficulty": 3})
    rng = random.Random(seed)
    place = type(content).arrange(content.shape(), rng, shuffle=True)
    given = answer(content.key_at(place, VERDICTS))
    assert content.answer_key is not None
    canonical = content.parse_answer(place, given)
    assert canonical is not None
    assert content.share(place, canonical, (content.answer_key,), PartialCredit.ALL_OR_NOTHING) == 1


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        pytest.param({"type": "true_false", "answer": False}, ["错"], id="a verdict"),
        pytest.param({"type": "numeric", "stem": "共{{1}}件", "answer": 12}, ["12 ± 0"], id="a number"),
    ],
)
def test_what_has_no_order_shows_its_key_as_ever(data: dict[str, Any], lines: list[str]) -> None:
    content = parse_content({"stem": "题干", "point": "A-A-A-001", "difficulty": 3, **data})
    place = type(content).arrange(content.shape(), random.Random(1), shuffle=True)
    assert content.key_at(place, VERDICTS) == content.key_lines(VERDICTS) == lines


def test_the_steps_stand_in_their_order_with_the_numbers_they_are_shown_under() -> None:
    content = parse_content(
        {"type": "ordering", "steps": CHOICES, "stem": "排", "point": "A", "difficulty": 3}
    )
    place = {"order": [4, 3, 2, 1, 0]}
    assert content.key_at(place, VERDICTS) == [
        "5 → 4 → 3 → 2 → 1", "5. 甲", "4. 乙", "3. 丙", "2. 丁", "1. 戊",
    ]  # fmt: skip
    assert canonical_json([5, 4, 3, 2, 1]) == content.parse_answer(place, [5, 4, 3, 2, 1])
