"""What goes out is read, shown and scored by Moodle's rules as it is here, and comes in again, or is named."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cbt.interchange import gift_reader, moodle_reader
from cbt.interchange.export import differing
from cbt.interchange.format import Confidence
from cbt.interchange.gift import GIFT
from cbt.items import markup
from tests.bank.exporting import contents, is_sound, sent
from tests.bank.moodle_rules import (
    MoodleQuestion,
    Shown,
    option_seen,
    read_gift,
    read_xml,
    seen,
    tidied,
    worth,
    write_gift,
    write_xml,
)

TYPES = (
    "true_false",
    "single_choice",
    "multiple_choice",
    "fill_blank",
    "numeric",
    "matching",
    "ordering",
    "short_answer",
)
WORDS = ("甲", "客户", "a", "3.5", "，", "。", " ", "（）", "https://example.org/a_b_c")
MARKS = (
    *("<b>", "a<b", "</p>", "&amp;", "&#39;", "it's", '"', "&", "&lt;"),
    *("#", "# 题", "1. ", "- ", "| a |", "`x`", ">", "[a](b)", "~~~", "{1:SHORTANSWER:=x}", "{#1}"),
    *(
        "**不**",
        "*",
        "_",
        "____",
        "_____",
        "\\",
        "\\\\(x\\\\)",
        "\\$",
        "$x^2$",
        "$\\frac{a}{b}<1$",
        "$$y=2$$",
    ),
    *("{", "}", "~", "=", "/", ":", "::", "//", "->", "%50%", "%", "[html]", "[", "]", "####"),
)
LINES = st.lists(st.sampled_from((*WORDS, *MARKS)), min_size=1, max_size=6).map(
    lambda one: " ".join("".join(one).split())
)
BLOCKS = st.lists(st.sampled_from((*WORDS, *MARKS, "\n", "\n\n")), min_size=1, max_size=7).map(
    lambda one: "".join(one).strip()
)
READS = {"moodle": moodle_reader.gather, "gift": lambda body: gift_reader.gather(body.decode())}
each_form = pytest.mark.parametrize("form", ["moodle", "gift"])


def here(text: str, *, line: bool) -> list[tuple[str, str]]:
    """Return what is seen of a text on our own pages, in which nothing but MathML is a formula."""
    shown, sources = markup.written(text, line=line)
    shown = re.sub(r'<span data-blank="\d+"></span>', "_____", shown)
    parts: list[tuple[str, str]] = []
    for place, piece in enumerate(re.split(r"<math[^>]*>.*?</math>", shown, flags=re.DOTALL)):
        parts += [("formula", sources[place - 1])] if place else []
        parts += Shown(piece, formulas=False).parts
    return tidied(parts)


def there(item: dict[str, Any], question: MoodleQuestion) -> None:
    """Hold what Moodle shows and how it scores against an item; fail where they differ."""
    stem = question.text.words
    for number in range(1, len(question.pieces) + 1):
        stem = stem.replace(f"{{#{number}}}", "_____")
    assert seen(stem) == here(item["stem"], line=False)
    assert seen(question.general.words) == here(item.get("explanation", ""), line=False)
    answers = question.answers
    match item["type"]:
        case "true_false":
            assert answers[0].fraction == float(item["answer"])
        case "single_choice" | "multiple_choice":
            assert [seen(one.text.words) for one in answers] == [
                here(one, line=True) for one in item["choices"]
            ]
            right = "".join(letter for letter, one in zip("ABCDE", answers, strict=False) if one.fraction > 0)
            assert right == item["answer"]
            assert question.single is (item["type"] == "single_choice")
        case "fill_blank":
            pieces = [one[2] for one in question.pieces] or [answers]
            for keys, piece in zip(item["answer"], pieces, strict=True):
                assert [one.text.words for one in piece if worth(piece, "另一个") == 1] == []
                assert [worth(piece, key) for key in keys] == [1] * len(keys)
        case "numeric":
            assert Decimal(answers[0].text.words) == Decimal(item["answer"])
            assert Decimal(answers[0].tolerance) == Decimal(item["tolerance"])
        case "matching":
            extras = [("", right) for right in item.get("extra_options", ())]
            pairs = [(here(left, line=True), right) for left, right in item["pairs"]]
            assert [seen(one.text.words) for one in answers] == [
                left or [] for left, _right in [*pairs, *extras]
            ]
            if plain(item):
                assert [option_seen(one.right) for one in answers] == [
                    right for _left, right in [*pairs, *extras]
                ]
        case "ordering":
            assert [seen(one.text.words) for one in answers] == [
                here(one, line=True) for one in item["steps"]
            ]


def plain(item: dict[str, Any]) -> bool:
    """Say whether the options of a 匹配 are nothing but words."""
    options = [right for _left, right in item["pairs"]]
    return not re.search(r"[*_$\\]", "".join([*options, *item.get("extra_options", ())]))


def travelled(form: str, items: list[dict[str, Any]]) -> None:
    body, export = sent(form, items)
    left = {one.ref: one.fields for one in export.left}
    questions = read_xml(body) if form == "moodle" else read_gift(body.decode())
    whole = [ref for number in range(1, len(items) + 1) if left.get(ref := f"A-001-{number}") != ()]
    assert [one.name for one in questions] == whole
    assert [one.idnumber for one in questions] == whole
    for question in questions:
        there(items[int(question.name.rpartition("-")[2]) - 1], question)
    given = write_xml(questions) if form == "moodle" else write_gift(questions).encode()
    gathered = READS[form](given)
    assert [(one.blocks, one.code) for one in gathered.notes] == []
    back = {one.ref: one.data for one in gathered.items}
    assert list(back) == whole
    for ref in whole:
        item, its = items[int(ref.rpartition("-")[2]) - 1], back[ref]
        if "formatting" in left.get(ref, ()):
            item, its = ({**one, "pairs": [], "extra_options": []} for one in (item, its))
        lost = differing({**item, "point": ""}, {**its, "point": ""})
        assert lost is not None, (item, its)
        assert set(lost) <= set(left.get(ref, ()))


@each_form
@pytest.mark.parametrize("kind", TYPES)
@settings(max_examples=40, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(data=st.data())
def test_any_item_is_the_same_in_moodle_and_back_or_is_named(
    form: str, kind: str, data: st.DataObject
) -> None:
    items = [data.draw(contents(kind, BLOCKS, LINES).filter(is_sound)) for _ in range(3)]
    travelled(form, items)


def question(kind: str, inner: str, stem: str = "甲", files: str = "") -> str:
    text = f'<questiontext format="html"><text><![CDATA[{stem}]]></text>{files}</questiontext>'
    return f'<question type="{kind}"><name><text>题</text></name>{text}{inner}</question>'


def read_question(kind: str, inner: str, stem: str = "甲") -> dict[str, Any]:
    gathered = moodle_reader.gather(f"<quiz>{question(kind, inner, stem)}</quiz>".encode())
    assert gathered.notes == []
    return gathered.items[0].data


def test_an_id_of_what_gift_cannot_hold_is_not_the_next_ones() -> None:
    lost = "// question: 7  name: 完形\n// [id:A-001-7] [tag:difficulty:5]\n\n"
    found = gift_reader.gather(f"{lost}// question: 8  name: 乙\n::乙::[html]乙{{TRUE}}\n")
    assert [(one.ref, one.data.get("difficulty")) for one in found.items] == [("", None)]


def test_a_cloze_has_its_own_picture_and_not_the_last_ones() -> None:
    png = '<file name="a.png" path="/" encoding="base64">{}</file>'
    text = '看<img src="@@PLUGINFILE@@/a.png" alt="图">'
    first = question(
        "truefalse", '<answer fraction="100"><text>true</text></answer>', text, png.format("AAAA")
    )
    second = question("cloze", "", f"{text}{{1:SHORTANSWER:=甲}}", png.format("BBBB"))
    third = question("cloze", "", f"{text}{{1:SHORTANSWER:=乙}}")
    found = moodle_reader.gather(f"<quiz>{first}{second}{third}</quiz>".encode())
    assert [list(one.pictures.values()) for one in found.items] == [[b"\0\0\0"], [b"\x04\x10A"], []]
    assert [(one.code, one.value) for one in found.notes] == [("picture_not_kept", "a.png")]


@pytest.mark.parametrize(
    ("piece", "keys"),
    [
        pytest.param("=it&#39;s#好", ["it's"], id="the sign of an entity ends no key"),
        pytest.param("=a&#126;b~=c", ["a~b", "c"], id="a wave as an entity"),
        pytest.param("=\\}~=\\#", ["}", "#"], id="the two that Moodle reads behind a stroke"),
        pytest.param("=C:\\temp/a~=1/2", ["C:\\temp/a", "1/2"], id="strokes of both kinds are words"),
        pytest.param("=Q&amp;A~%100%&lt;b&gt;~x", ["Q&A", "<b>"], id="what an editor made entities of"),
    ],
)
def test_a_key_of_a_cloze_is_the_one_that_is_scored(piece: str, keys: list[str]) -> None:
    assert read_question("cloze", "", f"甲{{1:SA:{piece}}}")["answer"] == [keys]


@pytest.mark.parametrize(
    ("shown", "stem"),
    [
        pytest.param("若\\(x^2&lt;1\\)则$$y_1=2$$", "若$x^2<1$则$$y_1=2$$", id="as Moodle sets them"),
        pytest.param("\\[a*b*c\\]", "$$a*b*c$$", id="in brackets"),
        pytest.param("每件 $5 或 $6", "每件 \\$5 或 \\$6", id="a price is none"),
        pytest.param("\\(x\\)2", "$x$ 2", id="a digit behind one"),
        pytest.param("\\(a\\text{$5}\\)", "\\\\(a\\text{$5}\\\\)", id="one that cannot be ours"),
    ],
)
def test_formulas_of_moodle_come_in(shown: str, stem: str) -> None:
    item = read_question("truefalse", '<answer fraction="100"><text>true</text></answer>', shown)
    assert item["stem"] == stem


def test_a_caption_of_a_table_comes_in_before_it() -> None:
    table = "<table><caption>表1 各班人数</caption><tr><th>班</th></tr><tr><td>甲</td></tr></table>"
    item = read_question("truefalse", '<answer fraction="100"><text>true</text></answer>', table)
    assert item["stem"] == "表1 各班人数\n\n| 班 |\n| --- |\n| 甲 |"


def test_an_ordering_of_gift_comes_in_and_says_when_some_steps_were_shown() -> None:
    head = "// [id:A-001-7]\n::排::[html]<p>排好</p>{>2 RANDOM VERTICAL ABSOLUTE_POSITION SHOW abc"
    text = f"{head}\n先 = 一\n<b>再</b>\n后\n}}"
    assert GIFT.detect(text.encode(), "a.txt") is Confidence.SURE
    found = gift_reader.gather(text)
    assert (found.items[0].ref, found.items[0].data["steps"]) == ("A-001-7", ["先 = 一", "**再**", "后"])
    assert [(one.blocks, one.code) for one in found.notes] == [(False, "open_subset")]
    assert gift_reader.gather(text.replace("2 RANDOM", "6 ALL")).notes == []


def test_a_stem_that_begins_with_its_blank_has_words_before_its_braces() -> None:
    item = {"type": "fill_blank", "stem": "{{1}}是首都，__线以下不填。", "answer": [["北京", "5*6"]]}
    body, _export = sent("gift", [item])
    (one,) = read_gift(body.decode())
    assert one.text.words == "_____是首都，&#95;&#95;线以下不填。"
    assert [worth(one.answers, said) for said in ("北京", "5*6", "5x6")] == [1, 1, 0]
    assert gift_reader.gather(body.decode()).items[0].data["stem"] == item["stem"]


LAW = "《中华人民共和国消费者权益保护法》第二十四条、 《网络购买商品七日无理由退货暂行办法》第六条第一款、第七条"


@each_form
def test_a_long_law_stands_in_tags_that_moodle_keeps_and_an_odd_one_is_named(form: str) -> None:
    items = [{"type": "true_false", "stem": "甲", "answer": True, "law": law} for law in (LAW, "<规程>")]
    body, export = sent(form, items)
    questions = read_xml(body) if form == "moodle" else read_gift(body.decode())
    given = write_xml(questions) if form == "moodle" else write_gift(questions).encode()
    assert [one.data.get("law") for one in READS[form](given).items] == [LAW, None]
    assert [(one.ref, one.fields) for one in export.left] == [("A-001-2", ("law",))]


def test_what_only_we_find_again_is_named_too() -> None:
    fixed = {
        "type": "single_choice",
        "stem": "甲（　　）",
        "choices": ["一", "二"],
        "answer": "A",
        "fixed_order": True,
    }
    pairs = {"type": "matching", "stem": "配", "pairs": [["甲", "$x^2$"], ["乙", "**重**"], ["丙", "a<b"]]}
    left = {one.ref: one.fields for one in sent("gift", [fixed, pairs])[1].left}
    assert left == {"A-001-1": ("fixed_order",), "A-001-2": ("formatting",)}
    assert {one.ref: one.fields for one in sent("moodle", [fixed, pairs])[1].left} == {
        "A-001-2": ("formatting",)
    }
