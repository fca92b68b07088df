"""Right answers as somebody types them for a correction, by type of item."""

from __future__ import annotations

from typing import Any

import pytest

from cbt.errors import InvalidInput
from cbt.results.key_corrections.typed_answers import UNTYPED, answers_in, numbered_in
from cbt.rules.items.content import ItemType
from cbt.rules.items.registry import TYPES, parse_content
from cbt.rules.key_corrections import CorrectionKind

COMMON = {"stem": "题干{{1}}。", "point": "A-A-A-001", "difficulty": 3, "consistency": 5}
TRUE_FALSE = {**COMMON, "type": "true_false", "answer": True}
SINGLE = {**COMMON, "type": "single_choice", "choices": ["甲", "乙", "丙"], "answer": "A"}
MULTIPLE = {**SINGLE, "type": "multiple_choice", "answer": "AB"}
BLANKS = {**COMMON, "type": "fill_blank", "stem": "{{1}}和{{2}}", "answer": [["24"], ["首问"]]}
NUMERIC = {**COMMON, "type": "numeric", "answer": "3", "decimals": 0, "tolerance": "0"}
ORDERING = {**COMMON, "type": "ordering", "steps": ["一", "二", "三"]}
MATCHING = {**COMMON, "type": "matching", "pairs": [["甲", "1"], ["乙", "2"]], "extra_options": ["3"]}

HOTSPOT = {
    **COMMON,
    "type": "hotspot",
    "picture": "data:image/jpeg;base64,/9j/",
    "size": [100, 80],
    "alt": "大厅平面图。",
    "regions": [{"rect": [0, 0, 20, 10]}, {"circle": [60, 40, 10]}, {"rect": [80, 60, 20, 20]}],
    "answer": [1],
    "spots": [
        {"at": [10, 5], "name": "纸箱"},
        {"at": [55, 40], "name": "积水"},
        {"at": [60, 40], "name": "水桶"},
        {"at": [90, 65], "name": "绿植"},
    ],
    "marks": 2,
}


@pytest.mark.parametrize(
    ("content", "text", "answers"),
    [
        pytest.param(TRUE_FALSE, "错", [False], id="a verdict"),
        pytest.param(SINGLE, "b\n\nC", ["B", "C"], id="two letters, one a line"),
        pytest.param(SINGLE, "B\nB", ["B"], id="the same twice"),
        pytest.param(MULTIPLE, "AC", ["AC"], id="several letters of one answer"),
        pytest.param(BLANKS, "24|二十四；首问负责", [[["24", "二十四"], ["首问负责"]]], id="two blanks"),
        pytest.param(NUMERIC, "3.5", ["3.5"], id="a number"),
        pytest.param(ORDERING, "2 1 3", [["二", "一", "三"]], id="an order"),
        pytest.param(MATCHING, "3，1", [["3", "1"]], id="an option for each"),
        pytest.param(NUMERIC, "３.5 ± 0.25", ["3.5±0.25"], id="a number with its tolerance"),
        pytest.param(HOTSPOT, "2\n3，1", [[2], [3, 1]], id="regions"),
        pytest.param(HOTSPOT, "4", None, id="a region there is none of"),
        pytest.param(HOTSPOT, "1 2 3", None, id="more regions than may be marked"),
        pytest.param(NUMERIC, "3.5±", None, id="no tolerance after its sign"),
        pytest.param(SINGLE, "AB", None, id="two letters where one is right"),
        pytest.param(SINGLE, "D", None, id="a letter there is none of"),
        pytest.param(ORDERING, "1 1 2", None, id="a step twice"),
        pytest.param(ORDERING, "0 1 2", None, id="a number below the first"),
        pytest.param(BLANKS, "24", None, id="a blank too few"),
        pytest.param(NUMERIC, "三", None, id="no number"),
        pytest.param(TRUE_FALSE, " \n", None, id="nothing"),
        pytest.param(SINGLE, "A\n" * 21, None, id="too many lines"),
    ],
)
def test_an_answer_is_read_as_its_author_would_write_it(
    content: dict[str, Any], text: str, answers: list[Any] | None
) -> None:
    item = parse_content(content)
    if answers is None:
        with pytest.raises(InvalidInput, check=lambda error: error.code == "key.answers"):
            answers_in(item, text)
    else:
        assert answers_in(item, text) == answers


def test_what_is_answered_by_number_is_listed_with_its_numbers() -> None:
    assert numbered_in(parse_content(HOTSPOT)) == ["纸箱", "积水 / 水桶", "绿植"]
    assert numbered_in(parse_content(ORDERING)) == ["一", "二", "三"]
    assert numbered_in(parse_content(MATCHING)) == ["1", "2", "3"]
    assert numbered_in(parse_content(SINGLE)) == []


@pytest.mark.parametrize("kind", sorted(set(TYPES) - {ItemType.CASE}))
def test_each_type_can_be_corrected_otherwise_than_by_full_marks_or_void(kind: ItemType) -> None:
    """A case is corrected part by part."""
    suits = [
        one
        for one in CorrectionKind
        if one.suits(by_people=TYPES[kind].by_people, is_typed=kind not in UNTYPED)
    ]
    wanted = {CorrectionKind.RUBRIC} if TYPES[kind].by_people else {CorrectionKind.KEY, CorrectionKind.ACCEPT}
    assert wanted <= set(suits)
