"""Right answers as somebody types them for a correction, by type of item."""

from __future__ import annotations

from typing import Any

import pytest

from cbt.errors import InvalidInput
from cbt.results.key_corrections.typed_answers import answers_in
from cbt.rules.items.registry import parse_content

COMMON = {"stem": "题干{{1}}。", "point": "A-A-A-001", "difficulty": 3, "consistency": 5}
TRUE_FALSE = {**COMMON, "type": "true_false", "answer": True}
SINGLE = {**COMMON, "type": "single_choice", "choices": ["甲", "乙", "丙"], "answer": "A"}
MULTIPLE = {**SINGLE, "type": "multiple_choice", "answer": "AB"}
BLANKS = {**COMMON, "type": "fill_blank", "stem": "{{1}}和{{2}}", "answer": [["24"], ["首问"]]}
NUMERIC = {**COMMON, "type": "numeric", "answer": "3", "decimals": 0, "tolerance": "0"}
ORDERING = {**COMMON, "type": "ordering", "steps": ["一", "二", "三"]}
MATCHING = {**COMMON, "type": "matching", "pairs": [["甲", "1"], ["乙", "2"]], "extra_options": ["3"]}


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
