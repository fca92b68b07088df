"""The words of Chinese banks, one at a time."""

from __future__ import annotations

import pytest

from cbt.interchange.documents.terms import (
    clean,
    keys_in_stem,
    label_of,
    letters,
    named_type,
    unlabelled,
    verdict,
    without_last_blank,
)


@pytest.mark.parametrize(
    ("dirty", "wanted"),
    [
        ("║ ┆A、\u00a0甲\u200b", "A、 甲"),
        ("⼯作\t时间", "工作 时间"),
        ("（\uf0fc）", "（√）"),
        ("（　　）", "（　　）"),
    ],
)
def test_dirt_goes_and_words_stay(dirty: str, wanted: str) -> None:
    assert clean(dirty) == wanted


@pytest.mark.parametrize("word", ["√", "✓", "对", "（正确）", "对。", "T", "true", "是", " √ "])
def test_right_in_many_words(word: str) -> None:
    assert verdict(word) is True


@pytest.mark.parametrize("word", ["×", "✗", "错", "【错误】", "Ｘ", "x", "F", "不正确", "否。"])
def test_wrong_in_many_words(word: str) -> None:
    assert verdict(word) is False


@pytest.mark.parametrize("word", ["A", "B", "1", "0", "", "对错", "正确与否"])
def test_what_says_nothing_of_a_statement(word: str) -> None:
    assert verdict(word) is None


@pytest.mark.parametrize(
    ("cell", "wanted"),
    [("Ｄ", "D"), ("c", "C"), ("BAC\n", "ABC"), ("A、B", "AB"), ("(ABC)。", "ABC"), ("A;c", "AC")],
)
def test_letters_however_they_are_written(cell: str, wanted: str) -> None:
    assert letters(cell) == wanted


@pytest.mark.parametrize("cell", ["", "AA", "甲", "A1", "Z", "A. 甲"])
def test_what_is_no_letters(cell: str) -> None:
    assert letters(cell) is None


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("A、甲", ("A", "甲")),
        ("（b）乙", ("B", "乙")),
        ("Ｃ．丙", ("C", "丙")),
        ("D 丁", ("D", "丁")),
        ("A甲", ("A", "甲")),
        ("ABC制度", ("", "ABC制度")),
        ("a thing", ("", "a thing")),
    ],
)
def test_the_label_of_a_choice(text: str, wanted: tuple[str, str]) -> None:
    assert label_of(text) == wanted


def test_labels_are_taken_off_only_where_each_choice_has_its_own() -> None:
    assert unlabelled(["A、防风险", "B、保安全"]) == ["防风险", "保安全"]
    assert unlabelled(["A 股", "H 股"]) == ["A 股", "H 股"]


@pytest.mark.parametrize(
    ("heading", "kind"),
    [
        ("一、单选题（每题1分）", "single_choice"),
        ("多项选择", "multiple_choice"),
        ("不定项选择题", "multiple_choice"),
        ("三、是非题", "true_false"),
        ("二、选择题", "choice"),
        ("名词解释", "short_answer"),
        ("前言", None),
    ],
)
def test_a_heading_names_a_type(heading: str, kind: str | None) -> None:
    assert named_type(heading) == kind


@pytest.mark.parametrize(
    ("stem", "tokens", "first"),
    [
        ("职业道德是（ D ）。", ["D"], "职业道德是（　　）。"),
        ("包括(A、B,C)。", ["A、B,C"], "包括（　　）。"),
        ("应当如实介绍。（✗）", ["✗"], "应当如实介绍。（　　）"),
        ("单位是安培（A），符号是（　）", ["A"], "单位是安培（　　），符号是（　）"),
        ("成立于（2003）年", [], ""),
        ("是_B_的", ["B"], "是（　　）的"),
    ],
)
def test_what_may_be_a_key_inside_a_stem(stem: str, tokens: list[str], first: str) -> None:
    found = keys_in_stem(stem)
    assert [one.token for one in found] == tokens
    assert not found or found[0].stem == first


@pytest.mark.parametrize(
    ("stem", "wanted"),
    [
        ("应当如实介绍。（　　）", "应当如实介绍。"),
        ("（  ）应当如实介绍。", "应当如实介绍。"),
        ("应当如实介绍（ ）。", "应当如实介绍。"),
        ("应当（　）介绍。", "应当（　）介绍。"),
    ],
)
def test_the_bracket_for_a_verdict_is_no_part_of_a_statement(stem: str, wanted: str) -> None:
    assert without_last_blank(stem) == wanted
