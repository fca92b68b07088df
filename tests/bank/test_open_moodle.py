"""Moodle XML is read as its documentation says; what has no place here is left out by name."""

from __future__ import annotations

from typing import Any

import pytest

from cbt.interchange.moodle_reader import gather
from cbt.interchange.raw_items import Gleaning


def quiz(*questions: str) -> bytes:
    return f"<quiz>{''.join(questions)}</quiz>".encode()


def question(kind: str, inner: str, stem: str = "甲", name: str = "题") -> str:
    text = f'<questiontext format="html"><text><![CDATA[{stem}]]></text></questiontext>'
    return f'<question type="{kind}"><name><text>{name}</text></name>{text}{inner}</question>'


def answer(text: str, fraction: str = "0", more: str = "", kind: str = "html") -> str:
    return f'<answer fraction="{fraction}" format="{kind}"><text>{text}</text>{more}</answer>'


def one(found: Gleaning) -> dict[str, Any]:
    assert found.notes == []
    (item,) = found.items
    return item.data


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        pytest.param(
            question("multichoice", "<single>true</single>" + answer("一", "100") + answer("二")),
            {"type": "single_choice", "choices": ["一", "二"], "answer": "A"},
            id="one choice",
        ),
        pytest.param(
            question(
                "multichoice",
                "<single>false</single><shuffleanswers>0</shuffleanswers>"
                + answer("一", "33.33333")
                + answer("二", "66.66667")
                + answer("三", "-100"),
            ),
            {"type": "multiple_choice", "answer": "AB", "fixed_order": True},
            id="several choices by their fractions",
        ),
        pytest.param(
            question("truefalse", answer("true") + answer("false", "100")),
            {"type": "true_false", "answer": False},
            id="false",
        ),
        pytest.param(
            question("shortanswer", answer("北京", "100") + answer("北平", "100"), "首都是_____。"),
            {"type": "fill_blank", "stem": "首都是{{1}}。", "answer": [["北京", "北平"]]},
            id="words",
        ),
        pytest.param(
            question("numerical", answer("3.14", "100", "<tolerance>0.01</tolerance>")),
            {"type": "numeric", "stem": "甲{{1}}", "answer": "3.14", "tolerance": "0.01"},
            id="number",
        ),
        pytest.param(
            question(
                "matching",
                "<subquestion><text>猫</text><answer><text>鱼</text></answer></subquestion>"
                "<subquestion><text>狗</text><answer><text>骨</text></answer></subquestion>"
                "<subquestion><text></text><answer><text>草</text></answer></subquestion>",
            ),
            {"pairs": [["猫", "鱼"], ["狗", "骨"]], "extra_options": ["草"]},
            id="matching",
        ),
        pytest.param(
            question("essay", '<graderinfo format="html"><text>要点</text></graderinfo>'),
            {"type": "short_answer", "answer": "要点"},
            id="essay",
        ),
        pytest.param(
            question("ordering", answer("二", "2") + answer("一", "1")),
            {"type": "ordering", "steps": ["一", "二"]},
            id="ordering",
        ),
        pytest.param(
            question("cloze", "", "首都{1:SHORTANSWER:=北京#对~%100%北平~上海}，河{1:SA:=黄\\}河}"),
            {"type": "fill_blank", "stem": "首都{{1}}，河{{2}}", "answer": [["北京", "北平"], ["黄}河"]]},
            id="cloze of words",
        ),
        pytest.param(
            question("cloze", "", "二加二{1:NUMERICAL:=4:0.5}"),
            {"type": "numeric", "stem": "二加二{{1}}", "answer": "4", "tolerance": "0.5"},
            id="cloze of a number",
        ),
        pytest.param(
            question("cloze", "", "首都{1:MULTICHOICE_S:上海~=北京}"),
            {"type": "single_choice", "stem": "首都（　　）", "choices": ["上海", "北京"], "answer": "B"},
            id="cloze of a choice",
        ),
        pytest.param(
            question(
                "gapselect",
                "<selectoption><text>北京</text></selectoption><selectoption><text>上海</text></selectoption>",
                "首都[[1]]，港口[[2]]",
            ),
            {"stem": "首都{{1}}，港口{{2}}", "answer": [["北京"], ["上海"]], "word_bank": ["北京", "上海"]},
            id="gaps",
        ),
        pytest.param(
            question(
                "truefalse",
                "<generalfeedback><text>讲解</text></generalfeedback><idnumber>A-1</idnumber>"
                "<tags><tag><text>difficulty:4</text></tag></tags>" + answer("true", "100"),
                "<p>甲&nbsp;<b>乙</b></p><ul><li>丙</li></ul>",
            ),
            {"stem": "甲 **乙**\n\n- 丙", "explanation": "讲解", "difficulty": 4},
            id="what every question has",
        ),
    ],
)
def test_a_question_is_read_as_documented(text: str, wanted: dict[str, Any]) -> None:
    data = one(gather(quiz(text)))
    assert {name: data.get(name) for name in wanted} == wanted


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param(question("calculated", ""), "open_type", id="calculated"),
        pytest.param(question("ddmarker", ""), "open_type", id="markers on a picture"),
        pytest.param(
            question("cloze", "", "{1:SA:=甲}{1:MC:=乙~丙}"), "open_two", id="cloze of a word and a choice"
        ),
        pytest.param(question("shortanswer", answer("北*", "100")), "open_wildcard", id="only a pattern"),
        pytest.param(question("multichoice", answer("甲") + answer("乙")), "open_no_key", id="no key"),
    ],
)
def test_what_no_item_can_be_is_left_out_by_name(text: str, code: str) -> None:
    found = gather(quiz(text, question("truefalse", answer("true", "100"))))
    assert [(note.blocks, note.code) for note in found.notes] == [(True, code)]
    assert len(found.items) == 1


def test_a_category_and_an_id_come_with_the_item_and_a_description_is_told() -> None:
    category = (
        '<question type="category"><category><text>$course$/A-B-A-001 守法</text></category></question>'
    )
    item = question("truefalse", answer("true", "100") + "<idnumber>A-B-A-001-T1</idnumber>")
    found = gather(quiz(category, question("description", ""), item))
    assert [(one.ref, one.data["point"]) for one in found.items] == [("A-B-A-001-T1", "A-B-A-001")]
    assert [(note.blocks, note.code) for note in found.notes] == [(False, "open_no_question")]


def test_a_picture_is_told_with_its_item_and_stands_in_the_stem() -> None:
    stem = '看图<img src="@@PLUGINFILE@@/a.png" alt="线路">'
    body = question("truefalse", answer("true", "100"), stem)
    body = body.replace("</questiontext>", '<file name="a.png" encoding="base64">AA</file></questiontext>')
    found = gather(quiz(body))
    assert found.items[0].data["stem"] == "看图［图：线路］"
    assert [(note.code, note.value) for note in found.notes] == [("picture_not_kept", "a.png")]
