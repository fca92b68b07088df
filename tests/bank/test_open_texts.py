"""GIFT and Aiken are read as their documentation says; what has no place here is left out by name."""

from __future__ import annotations

from typing import Any

import pytest

from cbt.errors import InvalidInput
from cbt.interchange import aiken_reader as aiken
from cbt.interchange import gift_reader as gift
from cbt.interchange import raw_items, registry
from cbt.interchange.format import Confidence
from cbt.interchange.gift import GIFT
from cbt.interchange.raw_items import Gleaning


def one(found: Gleaning) -> dict[str, Any]:
    assert found.notes == []
    (item,) = found.items
    return item.data


def codes(found: Gleaning) -> list[tuple[bool, str]]:
    return [(note.blocks, note.code) for note in found.notes]


def choices(answer: str, *texts: str, kind: str = "single_choice") -> dict[str, Any]:
    return {"type": kind, "choices": list(texts), "answer": answer}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        pytest.param("1+1\\=2 {T}", {"type": "true_false", "stem": "1+1=2", "answer": True}, id="true"),
        pytest.param("水是甜的。{FALSE#不对#对}", {"answer": False, "explanation": "不对\n\n对"}, id="false"),
        pytest.param(
            "红和蓝之间？{=黄 #对 ~绿 #不对 ~紫}",
            choices("A", "黄", "绿", "紫") | {"explanation": "A：对\n\nB：不对"},
            id="choice with feedback",
        ),
        pytest.param(
            "有谁？{~%-100%没有人 ~%50%甲 ~%50%乙 ~%-50%丙}",
            choices("BC", "没有人", "甲", "乙", "丙", kind="multiple_choice"),
            id="weights make several right",
        ),
        pytest.param(
            "格兰特{~埋 =葬 ~住}在墓里。",
            {"stem": "格兰特（　　）在墓里。", "answer": "B"},
            id="missing word",
        ),
        pytest.param(
            "二加{=二 =2}等于四。",
            {"type": "fill_blank", "stem": "二加{{1}}等于四。", "answer": [["二", "2"]]},
            id="missing text",
        ),
        pytest.param(
            "首都是____。{=北京}", {"stem": "首都是{{1}}。", "answer": [["北京"]]}, id="shown blank"
        ),
        pytest.param("首都？{=北京}", {"stem": "首都？{{1}}"}, id="blank at the end"),
        pytest.param(
            "配对。{=猫 -> 鱼 =狗 -> 骨头 = -> 草}",
            {"type": "matching", "pairs": [["猫", "鱼"], ["狗", "骨头"]], "extra_options": ["草"]},
            id="matching",
        ),
        pytest.param(
            "π？{#3.14:0.005}", {"answer": "3.14", "tolerance": "0.005", "decimals": 2}, id="number"
        ),
        pytest.param("1 到 5？{#1..5}", {"answer": "3", "tolerance": "2"}, id="range"),
        pytest.param(
            "多少？{#=1822:0#对 =%0%1800:5#不对}", {"type": "numeric", "answer": "1822"}, id="numbers"
        ),
        pytest.param("谈谈看法。{}", {"type": "short_answer", "answer": "", "limit": 500}, id="essay"),
        pytest.param("::题::[markdown]**甲**\\n乙{T}", {"stem": "**甲**\n乙"}, id="markdown"),
        pytest.param("[html]<p>甲<br>乙 &amp; <b>丙</b></p>{T}", {"stem": "甲\n乙 & **丙**"}, id="html"),
        pytest.param("[plain]a*b*c{T}", {"stem": "a\\*b\\*c"}, id="plain shows its stars"),
        pytest.param(
            "\\{\\~\\=\\#\\:\\}\\\\{T####讲解}", {"stem": "{~=#:}\\\\", "explanation": "讲解"}, id="escapes"
        ),
        pytest.param("// 说明 [tag:难度:4]\n一{T}", {"difficulty": 4}, id="comment"),
    ],
)
def test_a_gift_question_is_read_as_documented(text: str, wanted: dict[str, Any]) -> None:
    data = one(gift.gather(text))
    assert {name: data.get(name) for name in wanted} == wanted


def test_a_category_names_the_point_of_what_follows() -> None:
    found = gift.gather("$CATEGORY: $course$/三级/A-B-A-001 守法\n\n一{T}\n\n$CATEGORY: 其他\n\n二{T}")
    assert [item.data.get("point") for item in found.items] == ["A-B-A-001", None]


def test_an_id_is_the_ref_and_lines_are_those_of_the_file() -> None:
    (item,) = gift.gather("\n\n// [id:A-001-T1]\n一{T}").items
    assert (item.ref, item.line) == ("A-001-T1", 4)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        pytest.param("甲{=一 =二 ~三}", (True, "open_any_right"), id="two full answers of a choice"),
        pytest.param("甲{~一 ~二}", (True, "open_no_key"), id="none right"),
        pytest.param("甲{=一 ~二", (True, "open_braces"), id="brace left open"),
        pytest.param("甲{一 =二}", (True, "open_braces"), id="words before the first answer"),
        pytest.param("甲{#=1:0 =2:0}", (True, "open_numbers"), id="two numbers"),
        pytest.param("甲{#很多}", (True, "open_number"), id="no number"),
        pytest.param("只是说明", (False, "open_no_question"), id="description"),
        pytest.param("甲{=一 ~%50%二}", (False, "open_weights"), id="part of the points"),
        pytest.param('[html]<img src="a.png">甲{T}', (False, "picture_not_kept"), id="picture"),
    ],
)
def test_what_gift_says_and_no_item_can_is_said(text: str, wanted: tuple[bool, str]) -> None:
    found = gift.gather(text)
    assert codes(found) == [wanted]
    assert bool(found.items) is (wanted in {(False, "open_weights"), (False, "picture_not_kept")})


def test_aiken_takes_choices_with_stop_or_bracket() -> None:
    found = aiken.gather("甲？\nA. 一\nB) 二\nANSWER: B\n\n乙\n丙\nA. 三\nB. 四\nANSWER: A, B\n")
    assert [item.data["answer"] for item in found.items] == ["B", "AB"]
    assert found.items[1].data["stem"] == "乙\n丙"
    assert found.notes == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("甲\nA. 一\nB. 二\nANSWER: C\n", "open_key_unknown", id="beyond the choices"),
        pytest.param("甲\nA. 一\nB. 二\n乙\n", "open_no_key", id="no answer"),
        pytest.param("甲\nANSWER: A\n", "open_no_choices", id="no choices"),
    ],
)
def test_aiken_says_what_is_missing(text: str, code: str) -> None:
    assert (True, code) in codes(aiken.gather(text))


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "gb18030"])
def test_a_text_is_read_in_the_encodings_of_the_field(codec: str) -> None:
    found = registry.read("甲是乙。{T}".encode(codec), "a.txt")
    assert (found.form, found.items[0].data["stem"]) == ("gift", "甲是乙。")


def test_a_broken_encoding_is_refused_with_what_to_do() -> None:
    with pytest.raises(InvalidInput) as refused:
        registry.read("::甲::乙{T}".encode() + b"\xff\xff\x80", "a.txt")
    assert refused.value.code == "bank.text_encoding"


def test_questions_of_gift_are_told_apart_without_an_empty_line_between_them() -> None:
    found = gift.gather(
        "::Q1::谁负责？{=首位 ~末位}\n::Q2::可以公开。{F}\n首问负责制\n负责到底。\n{T}\n甲{T} 乙{F}"
    )
    assert [item.data["stem"] for item in found.items] == ["谁负责？", "可以公开。", "首问负责制\n负责到底。"]
    assert [item.data["answer"] for item in found.items] == ["A", False, True]
    assert [(note.blocks, note.code) for note in found.notes] == [(True, "open_braces")]


@pytest.mark.parametrize(
    ("text", "sure"),
    [
        pytest.param("[html]<p>甲</p>{T}", True, id="a question that begins with its kind"),
        pytest.param('[{"q": "{=甲 ~乙}"}]', False, id="JSON"),
        pytest.param("<p>{=甲 ~乙}</p>", False, id="a page"),
        pytest.param(
            "A-B-A-001  B  3  5\n{A}题干（　　）\n（A）甲\n（B）乙\n{B}A", False, id="the national text form"
        ),
    ],
)
def test_braces_alone_make_no_gift(text: str, sure: bool) -> None:
    assert (GIFT.detect(text.encode(), "a.txt") is Confidence.SURE) is sure


def test_a_file_of_too_many_questions_is_refused_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw_items, "MOST_ITEMS", 2)
    with pytest.raises(InvalidInput, match="too_many_items"):
        gift.gather("甲{T}\n\n乙{T}\n\n丙{T}")
    monkeypatch.setattr(raw_items, "MOST_NOTES", 1)
    with pytest.raises(InvalidInput, match="too_many_items"):
        gift.gather("甲{T} 乙{T}\n\n丙{T} 丁{T}")
