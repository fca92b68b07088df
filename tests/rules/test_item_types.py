"""Every type of item in the registry has all that the product asks of one."""

from __future__ import annotations

import json
import random
from importlib import import_module
from typing import Any

import pytest

from cbt.rules.assembly.form import drawable_of
from cbt.rules.items.content import ItemType, PartialCredit, Rendering
from cbt.rules.items.inputs import COMMON
from cbt.rules.items.registry import TYPES

from .builders import TEXTS, content, theory, with_section

PLAIN = Rendering(block=str, line=str)
VERDICTS = ("对", "错")
RIGHT: dict[str, Any] = {
    "true_false": "A",
    "single_choice": "C",
    "multiple_choice": "ACD",
    "fill_blank": ["24", "VIP 专席"],
    "numeric": "86.7",
    "matching": [1, 2, 3],
    "ordering": [1, 2, 3, 4],
    "hotspot": [[5, 5], [60, 40]],
}
"""The right answer where everything is shown in authored order."""
KEY_LINES = {
    "true_false": ["对"],
    "single_choice": ["C　演练"],
    "multiple_choice": ["A　甲", "C　丙", "D　丁"],
    "fill_blank": ["（1）24 / 二十四", "（2）VIP 专席"],
    "numeric": ["86.7 ± 0.05"],
    "matching": ["一级 → 两小时", "二级 → 一天", "三级 → 三天"],
    "ordering": ["1. 受理", "2. 核实", "3. 处理", "4. 回访"],
    "case": [],
    "short_answer": ["及时、对等、超出预期。"],
    "hotspot": ["纸箱", "积水 / 拖线"],
}
every_type = pytest.mark.parametrize("kind", list(TYPES))
scored_type = pytest.mark.parametrize("kind", [kind for kind in TYPES if kind in RIGHT])


def test_every_name_has_a_type_and_every_type_a_sample_and_a_right_answer() -> None:
    assert list(TYPES) == list(ItemType)
    assert set(TYPES) == set(TEXTS) == set(KEY_LINES)
    answered = {kind for kind, own in TYPES.items() if not own.by_people and kind != ItemType.CASE}
    assert answered == set(RIGHT)


@every_type
def test_a_type_is_a_module_of_its_name(kind: str) -> None:
    own = TYPES[kind]
    assert own.type == kind
    assert own.__module__ == f"cbt.rules.items.{kind}"
    assert import_module(own.__module__).__doc__


@every_type
def test_a_type_knows_the_fields_its_author_writes(kind: str) -> None:
    assert TYPES[kind].fields >= COMMON
    assert set(TEXTS[kind]) <= TYPES[kind].fields


@every_type
def test_a_type_says_its_key_in_words(kind: str) -> None:
    assert content(kind).key_lines(VERDICTS) == KEY_LINES[kind]


def test_a_wrong_statement_is_said_to_be_wrong() -> None:
    assert content("true_false", answer=False).key_lines(VERDICTS) == ["错"]


@every_type
def test_what_a_page_shows_in_an_order_or_as_it_is_is_in_the_public_part(kind: str) -> None:
    own = TYPES[kind]
    shown = content(kind).shown(PLAIN)
    assert {*own.ordered, *own.sent} <= set(shown)
    assert set(own.always_shuffled) <= set(own.ordered)
    assert set(own.ordered.values()) <= {"order", "lefts"}


@scored_type
def test_a_position_holds_every_order_a_type_is_shown_in(kind: str) -> None:
    own, read = TYPES[kind], content(kind)
    position = own.arrange(read.shape(), random.Random(1), shuffle=True)
    for name, order in own.ordered.items():
        assert sorted(position[order]) == list(range(len(read.public(PLAIN)[name])))  # type: ignore[arg-type]
    assert set(position) <= {"order", "lefts", "blanks", "limits"}


@pytest.mark.parametrize(
    ("kind", "credit"), [(kind, credit) for kind in RIGHT for credit in sorted(TYPES[kind].credits)]
)
def test_the_right_answer_is_taken_counts_as_answered_and_earns_all(kind: str, credit: PartialCredit) -> None:
    own, read = TYPES[kind], content(kind)
    shape = read.shape()
    shown = shape.get("choices") or shape.get("options") or shape.get("steps") or 2
    position = {**shape, "type": kind, "order": range(shown), "lefts": range(shape.get("lefts", 0))}
    position["limits"] = own.arrange(shape, random.Random(1), shuffle=False).get("limits")
    canonical = own.parse_answer(position, RIGHT[kind])
    assert canonical is not None
    assert json.loads(canonical) == RIGHT[kind]
    shown_key = own.parse_answer(position, read.displayed_key(position))
    assert shown_key is not None
    assert read.share(position, shown_key, (read.answer_key,), credit) == 1
    assert own.is_answered(canonical)
    assert read.share(position, canonical, (read.answer_key,), credit) == 1  # type: ignore[arg-type]


@every_type
def test_assembly_gets_the_shape_a_type_arranges(kind: str) -> None:
    seen = drawable_of(content(kind), ref="A", version=1, sha="x", range_code="R", importance="X")
    assert seen.shape == content(kind).shape()
    assert "order" in TYPES[kind].arrange(seen.shape, random.Random(1), shuffle=False)


def test_a_paper_with_short_answers_waits_for_people() -> None:
    marked = with_section(0, type=ItemType.SHORT_ANSWER).papers["theory"]
    assert [marked.is_marked_by_people, theory().is_marked_by_people] == [True, False]
