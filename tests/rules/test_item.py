"""Reading items as authors write them."""

import random
from decimal import Decimal
from typing import Any

import pytest

from cbt.errors import InvalidInput
from cbt.rules.items.content import ItemType, PartialCredit
from cbt.rules.items.inputs import number
from cbt.rules.items.registry import credit_suits, parse_content
from cbt.rules.items.short_answer import RubricLine, ShortAnswer

from .builders import TEXTS, content


@pytest.mark.parametrize(
    ("kind", "answer_key"),
    [
        pytest.param("true_false", (0,), id="true is the first authored place"),
        pytest.param("single_choice", (2,), id="a letter is a place"),
        pytest.param("multiple_choice", (0, 2, 3), id="letters are places in order"),
        pytest.param("fill_blank", (("24", "二十四"), ("VIP 专席",)), id="accepted spellings of each blank"),
        pytest.param("numeric", Decimal("86.7"), id="a number"),
        pytest.param("matching", (0, 1, 2), id="the option of each left"),
        pytest.param("ordering", (0, 1, 2, 3), id="steps as written"),
        pytest.param("short_answer", "及时、对等、超出预期。", id="a reference text"),
        pytest.param("case", None, id="a case has none of its own"),
    ],
)
def test_every_type_is_read_with_its_key_as_authored_places(kind: str, answer_key: object) -> None:
    assert content(kind).answer_key == answer_key
    assert content(kind).type is ItemType(kind)


def test_what_an_author_adds_is_kept() -> None:
    read = content(
        "single_choice",
        point="A-A-A-001",
        difficulty=5,
        consistency=4,
        explanation="通报异常以后才演练。",
        enemies=["A-A-A-002-S1"],
        law="《中华人民共和国消费者权益保护法》",
        fixed_order=True,
    )
    assert (read.point, read.difficulty, read.consistency) == ("A-A-A-001", 5, 4)
    assert (read.enemies, read.fixed_order) == (("A-A-A-002-S1",), True)
    assert read.explanation.startswith("通报")
    assert read.law.endswith("保护法》")


def test_what_an_author_leaves_out_is_the_usual() -> None:
    read = content("single_choice")
    assert (read.point, read.difficulty, read.consistency, read.fixed_order) == ("", 3, 5, False)
    assert (content("numeric", decimals=0).decimals, content("fill_blank").word_bank) == (0, ())
    bare = parse_content({"type": "numeric", "stem": "共{{1}}件。", "answer": "3"})
    assert (bare.decimals, bare.tolerance) == (0, 0)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        pytest.param("single_choice", {"choices": ["甲", "乙"], "answer": "B"}, id="two choices"),
        pytest.param(
            "single_choice", {"choices": [str(n) for n in range(26)], "answer": "Z"}, id="26 choices"
        ),
        pytest.param("multiple_choice", {"answer": "B"}, id="one right choice of several"),
        pytest.param("matching", {"pairs": [["甲", "一"], ["乙", "二"]]}, id="two pairs"),
        pytest.param("matching", {"extra_options": []}, id="no distractor"),
        pytest.param("ordering", {"steps": ["受理", "回访"]}, id="two steps"),
        pytest.param("fill_blank", {"stem": "{{1}}由{{2}}"}, id="a stem that begins with a blank"),
        pytest.param("true_false", {"difficulty": 1, "consistency": 1}, id="the lowest scales"),
        pytest.param("true_false", {"difficulty": 5, "consistency": 5}, id="the highest scales"),
        pytest.param("numeric", {"tolerance": 0}, id="no tolerance"),
    ],
)
def test_the_smallest_and_largest_items_are_read(kind: str, changes: dict[str, Any]) -> None:
    assert content(kind, **changes).type is ItemType(kind)


def test_a_false_statement_is_keyed_to_the_second_place() -> None:
    assert content("true_false", answer=False).answer_key == (1,)


def test_two_lefts_may_share_a_right() -> None:
    read = content("matching", pairs=[["来电", "服务台"], ["来访", "服务台"], ["来函", "办公室"]])
    assert read.options == ("服务台", "办公室", "七天")
    assert read.answer_key == (0, 0, 1)


def test_a_case_gives_its_parts_with_their_points() -> None:
    case = content("case")
    assert [part.points for part in case.parts] == [Decimal(4), Decimal(6)]
    assert case.part(1).answer_key == Decimal(3)
    assert case.part(None) is case


def test_only_fill_blank_counts_blanks() -> None:
    assert [content("fill_blank").shape(), content("numeric").shape()] == [{"blanks": 2}, {}]


@pytest.mark.parametrize(
    ("kind", "changes", "code", "field"),
    [
        pytest.param("true_false", {"type": "riddle"}, "item.type_unknown", "type", id="unknown type"),
        pytest.param("true_false", {"type": None}, "item.missing", "type", id="no type"),
        pytest.param("true_false", {"stem": None}, "item.missing", "stem", id="no stem"),
        pytest.param("true_false", {"stem": " 　"}, "item.missing", "stem", id="a stem of spaces"),
        pytest.param("true_false", {"stem": 7}, "item.unreadable", "stem", id="a stem that is no text"),
        pytest.param("true_false", {"answer": "对"}, "item.answer", "answer", id="a text for true or false"),
        pytest.param("true_false", {"answer": None}, "item.answer", "answer", id="no key"),
        pytest.param("true_false", {"difficulty": 0}, "item.scale", "difficulty", id="easier than 1"),
        pytest.param("true_false", {"difficulty": 6}, "item.scale", "difficulty", id="harder than 5"),
        pytest.param("true_false", {"consistency": True}, "item.scale", "consistency", id="no number"),
        pytest.param("true_false", {"enemies": "A"}, "item.unreadable", "enemies", id="one enemy as a text"),
        pytest.param("true_false", {"enemies": [" "]}, "item.unreadable", "enemies", id="a blank enemy"),
        pytest.param("single_choice", {"choices": None}, "item.missing", "choices", id="no choices"),
        pytest.param("single_choice", {"choices": ["甲"]}, "item.choices", "choices", id="one choice"),
        pytest.param(
            "single_choice", {"choices": ["甲", "乙", "甲 "]}, "item.choices", "choices", id="equal"
        ),
        pytest.param(
            "single_choice", {"choices": ["甲", ""]}, "item.unreadable", "choices", id="an empty one"
        ),
        pytest.param(
            "single_choice",
            {"choices": [str(n) for n in range(27)]},
            "item.choices",
            "choices",
            id="27 choices",
        ),
        pytest.param("single_choice", {"answer": "E"}, "item.answer", "answer", id="a key without a choice"),
        pytest.param("single_choice", {"answer": "AB"}, "item.answer", "answer", id="two keys for 单选"),
        pytest.param("single_choice", {"answer": ""}, "item.answer", "answer", id="an empty key"),
        pytest.param("single_choice", {"answer": 2}, "item.answer", "answer", id="a place for a letter"),
        pytest.param("multiple_choice", {"answer": "AAC"}, "item.answer", "answer", id="a letter twice"),
        pytest.param("fill_blank", {"stem": "没有空。"}, "item.blanks", "stem", id="no blank"),
        pytest.param("fill_blank", {"stem": "{{1}}和{{3}}"}, "item.blanks", "stem", id="a blank skipped"),
        pytest.param(
            "fill_blank", {"answer": [["24"]]}, "item.answer", "answer", id="one key for two blanks"
        ),
        pytest.param(
            "fill_blank", {"answer": [["24"], []]}, "item.answer", "answer", id="a blank without key"
        ),
        pytest.param("fill_blank", {"answer": ["24", "VIP"]}, "item.answer", "answer", id="texts for lists"),
        pytest.param("fill_blank", {"answer": "24"}, "item.answer", "answer", id="one text for all blanks"),
        pytest.param("numeric", {"stem": "{{1}}与{{2}}"}, "item.blanks", "stem", id="two numbers"),
        pytest.param("numeric", {"answer": "约87"}, "item.answer", "answer", id="no number"),
        pytest.param("numeric", {"answer": "NaN"}, "item.answer", "answer", id="not a number"),
        pytest.param("numeric", {"answer": True}, "item.answer", "answer", id="a truth value"),
        pytest.param("numeric", {"decimals": -1}, "item.unreadable", "decimals", id="minus one place"),
        pytest.param("numeric", {"decimals": True}, "item.unreadable", "decimals", id="true places"),
        pytest.param(
            "numeric", {"tolerance": "-0.1"}, "item.unreadable", "tolerance", id="negative tolerance"
        ),
        pytest.param(
            "numeric", {"tolerance": "x"}, "item.unreadable", "tolerance", id="unreadable tolerance"
        ),
        pytest.param("matching", {"pairs": [["甲", "一"]]}, "item.options", "pairs", id="one pair"),
        pytest.param("matching", {"pairs": "甲一乙二"}, "item.options", "pairs", id="pairs as a text"),
        pytest.param(
            "matching", {"pairs": [["甲", "一"], ["甲", "二"]]}, "item.options", "pairs", id="a left twice"
        ),
        pytest.param(
            "matching", {"pairs": [["甲", "一"], ["乙"]]}, "item.options", "pairs", id="a left without right"
        ),
        pytest.param(
            "matching",
            {"extra_options": ["一天"]},
            "item.options",
            "extra_options",
            id="a distractor that is right",
        ),
        pytest.param("ordering", {"steps": ["受理"]}, "item.steps", "steps", id="one step"),
        pytest.param("ordering", {"steps": ["受理", "受理"]}, "item.steps", "steps", id="a step twice"),
        pytest.param("case", {"unit": 0}, "item.unreadable", "unit", id="unit zero"),
        pytest.param("case", {"unit": True}, "item.unreadable", "unit", id="unit true"),
        pytest.param("case", {"unit": "1"}, "item.unreadable", "unit", id="a unit as a text"),
        pytest.param("case", {"title": None}, "item.missing", "title", id="no title"),
        pytest.param("case", {"parts": []}, "item.parts", "parts", id="no parts"),
        pytest.param("case", {"parts": "甲"}, "item.parts", "parts", id="parts as a text"),
        pytest.param("case", {"parts": ["甲"]}, "item.parts", "parts.1", id="a part that is a text"),
        pytest.param(
            "case", {"parts": [dict(TEXTS["case"], type="case")]}, "item.parts", "parts.1", id="a case in it"
        ),
        pytest.param(
            "case",
            {"parts": [dict(TEXTS["true_false"], type="true_false", points=0)]},
            "item.unreadable",
            "parts.1.points",
            id="a part worth nothing",
        ),
        pytest.param(
            "case",
            {"parts": [dict(TEXTS["true_false"], type="true_false", points=1, answer="A")]},
            "item.answer",
            "parts.1.answer",
            id="a part with a wrong key is named",
        ),
    ],
)
def test_what_cannot_be_read_names_the_field(
    kind: str, changes: dict[str, Any], code: str, field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        content(kind, **changes)
    assert (refused.value.code, refused.value.params["field"]) == (code, field)


def test_a_refusal_never_repeats_the_key() -> None:
    with pytest.raises(InvalidInput) as refused:
        content("single_choice", answer="Z")
    assert "Z" not in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "answer", "key"),
    [
        pytest.param("true_false", False, (1,), id="true_false"),
        pytest.param("single_choice", "B", (1,), id="single_choice"),
        pytest.param("multiple_choice", "DA", (0, 3), id="multiple_choice in any order"),
        pytest.param(
            "fill_blank", [["1天"], ["专席", "专员"]], (("1天",), ("专席", "专员")), id="fill_blank"
        ),
        pytest.param("numeric", 87, Decimal(87), id="numeric"),
        pytest.param("matching", ["七天", "一天", "一天"], (3, 1, 1), id="matching by the texts"),
        pytest.param("ordering", ["核实", "受理", "处理", "回访"], (1, 0, 2, 3), id="ordering by the texts"),
        pytest.param("short_answer", "及时。", "及时。", id="short_answer"),
    ],
)
def test_a_corrected_key_is_written_like_the_first(kind: str, answer: object, key: object) -> None:
    assert content(kind).read_key(answer) == key


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        pytest.param("single_choice", "E", id="no such choice"),
        pytest.param("fill_blank", [["24"]], id="a blank is missing"),
        pytest.param("matching", ["七天", "一天"], id="a left is missing"),
        pytest.param("matching", ["七天", "一天", "八天"], id="no such right"),
        pytest.param("ordering", ["受理", "受理", "处理", "回访"], id="a step twice"),
        pytest.param("ordering", "受理", id="one text"),
        pytest.param("case", "A", id="a case has only parts"),
    ],
)
def test_a_corrected_key_must_be_an_answer_of_the_item(kind: str, answer: object) -> None:
    with pytest.raises(InvalidInput) as refused:
        content(kind).read_key(answer)
    assert refused.value.code == "item.answer"


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (4, Decimal(4)),
        (" 2.5 ", Decimal("2.5")),
        (2.5, Decimal("2.5")),
        (None, None),
        ("", None),
        ("inf", None),
    ],
)
def test_numbers_are_read_from_text_and_numbers(value: object, read: Decimal | None) -> None:
    assert number(value) == read


@pytest.mark.parametrize(
    ("kind", "credit", "suits"),
    [
        (ItemType.MULTIPLE_CHOICE, PartialCredit.SUBSET, True),
        (ItemType.MULTIPLE_CHOICE, PartialCredit.PER_PART, False),
        (ItemType.TRUE_FALSE, PartialCredit.ALL_OR_NOTHING, True),
        (ItemType.TRUE_FALSE, PartialCredit.SUBSET, False),
        (ItemType.ORDERING, PartialCredit.ADJACENT_PAIRS, True),
    ],
)
def test_a_partial_credit_rule_belongs_to_some_types(
    kind: ItemType, credit: PartialCredit, suits: bool
) -> None:
    assert credit_suits(kind, credit) is suits


def test_a_short_answer_needs_no_reference_and_no_limit() -> None:
    read = parse_content({"type": "short_answer", "stem": "简述。"})
    assert read.answer_key == ""
    assert read.shape() == {"limit": 500}


@pytest.mark.parametrize("limit", [10, 5000])
def test_an_author_sets_the_limit_of_a_short_answer(limit: int) -> None:
    read = content("short_answer", limit=limit, answer="")
    assert read.arrange(read.shape(), random.Random(1), shuffle=True)["limits"] == {"characters": limit}


def test_a_reference_no_candidate_could_write_is_refused() -> None:
    assert content("short_answer", limit=10, answer="字" * 8 + "\r\n。").answer_key == "字" * 8 + "\n。"
    with pytest.raises(InvalidInput) as refused:
        content("short_answer", limit=10, answer="字" * 11)
    assert (refused.value.code, refused.value.params["field"]) == ("item.reference_long", "answer")
    with pytest.raises(InvalidInput):
        content("short_answer", limit=20).read_key("字" * 21)


def test_a_rubric_says_what_earns_how_many_points() -> None:
    lines = [{"points": "2", "text": " 说明及时 "}, {"points": 0.5, "text": "字" * 500}]
    read = content("short_answer", rubric=lines)
    assert isinstance(read, ShortAnswer)
    assert read.rubric == (RubricLine(Decimal(2), "说明及时"), RubricLine(Decimal("0.5"), "字" * 500))
    assert read.key_lines(("对", "错"))[1] == "+2　说明及时"


@pytest.mark.parametrize(
    "rubric",
    [
        pytest.param("两分", id="a text"),
        pytest.param(2, id="a number"),
        pytest.param([{"points": 1, "text": "甲"}] * 31, id="too many lines"),
        pytest.param(["甲"], id="a line that is a text"),
        pytest.param([{"points": 1, "text": "甲", "key": "乙"}], id="a field nobody knows"),
        pytest.param([{"text": "甲"}], id="no points"),
        pytest.param([{"points": 0, "text": "甲"}], id="no points to earn"),
        pytest.param([{"points": "许多", "text": "甲"}], id="points that are none"),
        pytest.param([{"points": 1, "text": " "}], id="nothing to say"),
        pytest.param([{"points": 1, "text": 3}], id="a text that is none"),
        pytest.param([{"points": 1, "text": "字" * 501}], id="a line too long"),
    ],
)
def test_a_rubric_that_is_none_is_refused(rubric: object) -> None:
    with pytest.raises(InvalidInput) as refused:
        content("short_answer", rubric=rubric)
    assert (refused.value.code, refused.value.params["field"]) == ("item.rubric", "rubric")


@pytest.mark.parametrize("limit", [9, 5001, 200.0, "200", True, None])
def test_a_limit_that_is_none_is_refused(limit: object) -> None:
    with pytest.raises(InvalidInput) as refused:
        content("short_answer", limit=limit)
    assert (refused.value.code, refused.value.params["field"]) == ("item.limit", "limit")


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        pytest.param("1e60", True, id="as many places as there may be"),
        pytest.param("1e61", False, id="a place too many"),
        pytest.param("1e-61", False, id="a place too small"),
        pytest.param("1" * 60, True, id="60 digits"),
        pytest.param("1" * 61, False, id="61 digits"),
        pytest.param("1e999999999", False, id="eight characters that are a gigabyte of digits"),
        pytest.param(10**5000, False, id="a number Python does not write"),
        pytest.param("NaN", False, id="not a number"),
    ],
)
def test_a_number_has_a_measure(value: object, kept: bool) -> None:
    assert (number(value) is not None) is kept


@pytest.mark.parametrize("digits", ["1000", "9" * 5000])
def test_a_blank_has_a_number_that_can_be_counted_to(digits: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_content({"type": "fill_blank", "point": "A", "stem": f"{{{{{digits}}}}}", "answer": [["a"]]})
    assert refused.value.code == "item.blanks"
