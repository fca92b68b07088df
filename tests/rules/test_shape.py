"""What may come in for a position."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.errors import InvalidInput
from cbt.rules.items.response import (
    is_answered,
    parse_answer,
    parse_event,
    parse_flag,
    parse_note,
    parse_setting,
    parse_strike,
)

from .builders import position

POSITIONS = {
    "true_false": position("true_false", order=[0, 1]),
    "single_choice": position("single_choice", order=[2, 0, 1, 3]),
    "multiple_choice": position("multiple_choice", order=[3, 1, 0, 2]),
    "fill_blank": position("fill_blank", blanks=2),
    "numeric": position("numeric"),
    "matching": position("matching", order=[3, 1, 0, 2], lefts=[1, 0, 2]),
    "ordering": position("ordering", order=[3, 1, 0, 2]),
    "short_answer": position("short_answer", limits={"characters": 20}),
    "hotspot": position("hotspot", limits={"marks": 2, "width": 100, "height": 80}),
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("kind", "value", "canonical"),
    [
        pytest.param("true_false", "A", '"A"', id="true"),
        pytest.param("single_choice", "D", '"D"', id="the last choice"),
        pytest.param("multiple_choice", "DAC", '"ACD"', id="letters are sorted"),
        pytest.param("fill_blank", ["24", ""], '["24",""]', id="a blank left empty"),
        pytest.param("fill_blank", ["字" * 200, "x"], f'["{"字" * 200}","x"]', id="as long as it may be"),
        pytest.param("numeric", "８６．７％", '"８６．７％"', id="any text is kept"),
        pytest.param("matching", [4, None, 4], "[4,null,4]", id="an option twice, a left open"),
        pytest.param("ordering", [2, 1, 4, 3], "[2,1,4,3]", id="a permutation"),
        pytest.param("short_answer", "及时。\n对等。", '"及时。\\n对等。"', id="several lines"),
        pytest.param("hotspot", [[60, 40], [5, 70]], "[[5,70],[60,40]]", id="points are sorted"),
        pytest.param("hotspot", [[100, 80], [0, 0]], "[[0,0],[100,80]]", id="the corners of a picture"),
        pytest.param("short_answer", "一\r\n二\r三", '"一\\n二\\n三"', id="line breaks of any system"),
        pytest.param("short_answer", "字" * 20, f'"{"字" * 20}"', id="as long as the author allows"),
        pytest.param(
            "short_answer",
            "\r\n" * 19 + "完",
            json.dumps("\n" * 19 + "完", ensure_ascii=False),
            id="a line break is one",
        ),
        pytest.param("short_answer", "𠮷" * 20, f'"{"𠮷" * 20}"', id="a rare sign is one"),
    ],
)
def test_a_displayed_answer_has_one_spelling(kind: str, value: object, canonical: str) -> None:
    assert parse_answer(POSITIONS[kind], value) == canonical


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        pytest.param("single_choice", None, id="null"),
        pytest.param("single_choice", "", id="an empty text"),
        pytest.param("ordering", [], id="an empty list"),
        pytest.param("fill_blank", ["", " 　"], id="blanks with spaces only"),
        pytest.param("matching", [None, None, None], id="no left matched"),
        pytest.param("numeric", "  ", id="spaces for a number"),
        pytest.param("short_answer", " \r\n　", id="nothing to see"),
    ],
)
def test_an_empty_answer_clears(kind: str, value: object) -> None:
    assert parse_answer(POSITIONS[kind], value) is None


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        pytest.param("true_false", "C", id="a third choice"),
        pytest.param("true_false", True, id="a truth value"),
        pytest.param("single_choice", "E", id="beyond the choices"),
        pytest.param("single_choice", "AB", id="two choices"),
        pytest.param("single_choice", "b", id="a small letter"),
        pytest.param("multiple_choice", "AA", id="a letter twice"),
        pytest.param("multiple_choice", ["A", "C"], id="a list of letters"),
        pytest.param("fill_blank", ["24"], id="a blank missing"),
        pytest.param("fill_blank", "24", id="a text for a list"),
        pytest.param("fill_blank", ["24", 24], id="a number for a text"),
        pytest.param("fill_blank", ["字" * 201, ""], id="one character too long"),
        pytest.param("fill_blank", ["\0", "x"], id="a NUL"),
        pytest.param("fill_blank", ["\ud800", "x"], id="half a surrogate pair"),
        pytest.param("fill_blank", ["\udfff", "x"], id="its other half"),
        pytest.param("numeric", "1" * 41, id="a number too long"),
        pytest.param("numeric", 86.7, id="a bare number"),
        pytest.param("matching", [1, 2], id="a left missing"),
        pytest.param("matching", {"1": 2}, id="an object"),
        pytest.param("matching", [0, 1, 2], id="option zero"),
        pytest.param("matching", [5, 1, 2], id="beyond the options"),
        pytest.param("matching", [True, 1, 2], id="true for one"),
        pytest.param("ordering", [1, 2, 3], id="a step missing"),
        pytest.param("ordering", [1, 2, 3, 3], id="a step twice"),
        pytest.param("ordering", [1, 2, 3, "4"], id="a text for a number"),
        pytest.param("ordering", "1234", id="a text for a list"),
        pytest.param("short_answer", "字" * 21, id="one character over the limit"),
        pytest.param("short_answer", "\n" * 20 + "完", id="one over, line breaks counted"),
        pytest.param("short_answer", ["字"], id="a list for a text"),
        pytest.param("hotspot", [[1, 1], [2, 2], [3, 3]], id="one mark too many"),
        pytest.param("hotspot", [[1, 1], [1, 1]], id="a point twice"),
        pytest.param("hotspot", [[101, 1]], id="beyond the right edge"),
        pytest.param("hotspot", [[1, 81]], id="beyond the lower edge"),
        pytest.param("hotspot", [[-1, 0]], id="before the left edge"),
        pytest.param("hotspot", [[1.5, 2]], id="half a pixel"),
        pytest.param("hotspot", [[True, 1]], id="true for one pixel"),
        pytest.param("hotspot", [[1, 2, 3]], id="three numbers"),
        pytest.param("hotspot", [5, 5], id="a bare point"),
        pytest.param("hotspot", {"x": 1}, id="an object for points"),
    ],
)
def test_a_value_that_is_no_answer_is_refused(kind: str, value: object) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_answer(POSITIONS[kind], value)
    assert refused.value.code == "answer.invalid"


def test_a_case_itself_takes_no_answer() -> None:
    with pytest.raises(InvalidInput):
        parse_answer(position("case"), "A")


@given(st.sampled_from(sorted(POSITIONS)), json_values)
def test_whatever_is_sent_is_refused_or_stored_in_a_form_that_reads_back(kind: str, value: Any) -> None:
    try:
        canonical = parse_answer(POSITIONS[kind], value)
    except InvalidInput:
        return
    if canonical is not None:
        assert parse_answer(POSITIONS[kind], json.loads(canonical)) == canonical
        canonical.encode()
        is_answered(POSITIONS[kind], canonical)


@pytest.mark.parametrize(
    ("kind", "canonical", "answered"),
    [
        pytest.param("single_choice", None, False, id="nothing stored"),
        pytest.param("single_choice", '"A"', True, id="a choice"),
        pytest.param("fill_blank", '["24",""]', False, id="a blank is open"),
        pytest.param("fill_blank", '["24","VIP"]', True, id="every blank filled"),
        pytest.param("matching", "[4,null,4]", False, id="a left is open"),
        pytest.param("matching", "[4,1,4]", True, id="every left matched"),
        pytest.param("numeric", '"-1,234.5"', True, id="a number"),
        pytest.param("numeric", '" ８７．５ "', True, id="a number of another width"),
        pytest.param("numeric", '"约87"', False, id="a word beside the number"),
        pytest.param("numeric", '"12,34"', False, id="commas in the wrong place"),
        pytest.param("numeric", '"87%"', False, id="a per cent sign, whatever it means"),
        pytest.param("numeric", '"％"', False, id="a per cent sign alone"),
    ],
)
def test_answered_means_complete(kind: str, canonical: str | None, answered: bool) -> None:
    assert is_answered(POSITIONS[kind], canonical) is answered


def test_a_note_may_be_two_thousand_characters_long() -> None:
    assert parse_note("记" * 2000) == "记" * 2000
    with pytest.raises(InvalidInput):
        parse_note("记" * 2001)


def test_struck_letters_are_sorted_and_may_be_all_or_none() -> None:
    assert parse_strike(POSITIONS["single_choice"], "DBCA") == "ABCD"
    assert parse_strike(POSITIONS["true_false"], "") == ""


@pytest.mark.parametrize(("kind", "value"), [("true_false", "C"), ("single_choice", None), ("numeric", "A")])
def test_only_displayed_choices_can_be_struck(kind: str, value: object) -> None:
    with pytest.raises(InvalidInput):
        parse_strike(POSITIONS[kind], value)


def test_a_flag_is_true_or_false() -> None:
    assert parse_flag(True) is True
    assert parse_flag(False) is False
    for value in (1, "true", None):
        with pytest.raises(InvalidInput):
            parse_flag(value)


def test_known_settings_are_kept() -> None:
    chosen = {"size": "xlarge", "scheme": "sepia", "view": "list", "keys": False, "clock_hidden": True}
    assert parse_setting(chosen) == chosen
    assert parse_setting({}) == {}


@pytest.mark.parametrize(
    "value", [None, ["size"], {"size": "huge"}, {"font": "serif"}, {"keys": 1}, {"scheme": ["light"]}]
)
def test_unknown_settings_are_refused(value: object) -> None:
    with pytest.raises(InvalidInput):
        parse_setting(value)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"type": "blur"}, id="without a time"),
        pytest.param({"type": "usable", "at": "2026-11-24T09:00:00.5+08:00"}, id="with the browser's time"),
    ],
)
def test_an_event_is_kept_as_reported(value: dict[str, str]) -> None:
    assert parse_event(value) == value


def test_an_absent_time_is_left_out() -> None:
    assert parse_event({"type": "focus", "at": None}) == {"type": "focus"}


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("blur", id="a text"),
        pytest.param({}, id="no type"),
        pytest.param({"type": "screenshot"}, id="an unknown type"),
        pytest.param({"type": ["blur"]}, id="a list for a type"),
        pytest.param({"type": "blur", "at": "soon"}, id="no time"),
        pytest.param({"type": "blur", "at": 5}, id="a number for a time"),
        pytest.param({"type": "blur", "seat": 7}, id="something more"),
    ],
)
def test_an_event_the_rules_do_not_know_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput):
        parse_event(value)
