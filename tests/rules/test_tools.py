"""What helps to read and to choose: names of the tools, who is offered which, marks of a highlighter."""

from __future__ import annotations

import pytest

from cbt.errors import InvalidInput
from cbt.rules.exam import TOOLS, offered, tools_in, tools_text
from cbt.rules.items.response import MOST_MARKS, parse_marks, parse_setting


@pytest.mark.parametrize(
    ("free", "own", "page"),
    [
        pytest.param([], [], [], id="nothing"),
        pytest.param(["speech"], [], ["speech"], id="free for all"),
        pytest.param([], ["ruler"], ["ruler"], id="an accommodation"),
        pytest.param(
            ["masking", "ruler"], ["ruler", "highlighter"], ["highlighter", "ruler", "masking"], id="both"
        ),
        pytest.param(["telescope"], ["crib"], [], id="nothing that is no tool"),
    ],
)
def test_a_page_gets_what_is_free_and_what_is_its_candidates_own(
    free: list[str], own: list[str], page: list[str]
) -> None:
    assert offered(free, own) == page


def test_tools_are_stored_by_name_in_order_and_nothing_else_is() -> None:
    assert tools_text([]) == ""
    assert tools_text(["masking", "highlighter", "masking"]) == "highlighter,masking"
    assert tools_in("highlighter,masking") == ["highlighter", "masking"]
    assert tools_in("") == tools_in("telescope") == []
    with pytest.raises(InvalidInput):
        tools_text(["ruler", "telescope"])


def test_each_tool_is_switched_on_and_off() -> None:
    assert parse_setting(dict.fromkeys(TOOLS, True)) == dict.fromkeys(TOOLS, True)
    with pytest.raises(InvalidInput):
        parse_setting({"ruler": 1})


def test_marks_are_kept_in_order_each_once() -> None:
    assert parse_marks([[1, 5, 9], [0, 2, 4], [1, 5, 9]]) == [[0, 2, 4], [1, 5, 9]]
    assert len(parse_marks([[0, n, n + 1] for n in range(MOST_MARKS)])) == MOST_MARKS


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({}, id="no list"),
        pytest.param([[0, n, n + 1] for n in range(MOST_MARKS + 1)], id="too many"),
        pytest.param([[0, 1]], id="two numbers"),
        pytest.param(["0,1,2"], id="a text"),
        pytest.param([[0, True, 2]], id="a truth"),
        pytest.param([[0, 1.0, 2]], id="a fraction"),
        pytest.param([[2, 1, 2]], id="what is not marked"),
        pytest.param([[0, -1, 2]], id="before the beginning"),
        pytest.param([[0, 2, 2]], id="nothing in it"),
        pytest.param([[0, 1, 100_001]], id="behind the end"),
    ],
)
def test_other_marks_are_refused(value: object) -> None:
    with pytest.raises(InvalidInput):
        parse_marks(value)
