"""Authored text becomes a few safe elements, and a candidate's fragments hold no key."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.items import markup
from cbt.items.markup import in_words, sanitised
from cbt.rules.items.registry import parse_content
from tests.bank import drafts

NAME = "3f" * 16


@pytest.mark.parametrize(
    ("text", "html"),
    [
        pytest.param("客户至上", "<p>客户至上</p>", id="plain"),
        pytest.param("**不**属于", "<p><strong>不</strong>属于</p>", id="bold"),
        pytest.param("甲\n乙", "<p>甲<br>\n乙</p>", id="a line break is kept"),
        pytest.param("共{{1}}件", '<p>共<span data-blank="1"></span>件</p>', id="a blank"),
        pytest.param("<b>a</b>", "<p>&lt;b&gt;a&lt;/b&gt;</p>", id="HTML is characters"),
        pytest.param("[x](https://example.org)", "<p>[x](https://example.org)</p>", id="no links"),
        pytest.param("![x](y.png)", "<p>![x](y.png)</p>", id="no pictures"),
        pytest.param("    缩进", "<p>缩进</p>", id="no code blocks"),
        pytest.param("# 标题", "<p># 标题</p>", id="no headings"),
    ],
)
def test_a_text_becomes_html(text: str, html: str) -> None:
    assert markup.to_html(text) == html


def test_a_pipe_table_becomes_a_table() -> None:
    html = markup.to_html("|项目|分|\n|---|---:|\n|开场|15|")
    assert "<th>项目</th>" in html
    assert "<td>15</td>" in html
    assert "style" not in html


def test_a_picture_a_sound_and_a_formula_are_drawn() -> None:
    assert (
        markup.inline(f'看![平面"图](media:{NAME})') == f'看<img src="/item-media/{NAME}" alt="平面&quot;图">'
    )
    assert f'<audio controls="" preload="none" src="/item-media/{NAME}.mp3"' in markup.to_html(
        f"![录音](media:{NAME}.mp3)"
    )
    assert markup.inline("$x_1^2$") == (
        '<math display="inline"><msubsup><mi>x</mi><mn>1</mn><mn>2</mn></msubsup></math>'
    )
    assert '<math display="block">' in markup.to_html("平均数\n$$\\bar{x}=\\frac{1}{n}$$")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("![x](media:../../etc)", id="no name"),
        pytest.param(f"![x](media:{'3f' * 16}.exe)", id="no kind of ours"),
        pytest.param(f"![x](https://example.org/{'3f' * 16})", id="elsewhere"),
        pytest.param("涨价$5，降价$3元", id="prices"),
        pytest.param("$ x$ 与 \\$x\\$", id="no formula"),
        pytest.param(r"$\\href{javascript:alert(1)}{x}$", id="a command that is none"),
        pytest.param("$\\text{<img src=x onerror=y>", id="half a formula"),
    ],
)
def test_what_is_none_of_them_stays_as_it_was_written(text: str) -> None:
    html = markup.to_html(text)
    assert not any(tag in html for tag in ("<img", "<audio", "<math"))
    assert "x" in html or "5" in html


def test_an_address_that_is_not_ours_is_taken_away() -> None:
    """Should the renderer ever let one in: the cleaning knows our own addresses only."""
    for source in (
        "https://example.org/x.png",
        "//example.org/x",
        "/staff",
        f"/item-media/{NAME}/../x",
        "data:image/png,x",
    ):
        assert "src" not in markup._clean(f'<p><img src="{source}" alt="x" onerror="y"></p>', {"p"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            "**不**属于倾听的有（　　）。", "不属于倾听的有（　　）。", id="bold, and a blank to choose for"
        ),
        pytest.param("称为{{1}}制，{{12}}小时", "称为____制，____小时", id="blanks"),
        pytest.param("占 $\\frac{1}{2}$，$x=3$，花了 $5", "占 …，x=3，花了 $5", id="formulas"),
        pytest.param("见表：\n\n|时段|量|\n|---|---|\n|上午|3|\n\n求和", "见表： … 求和", id="a table"),
        pytest.param("看图![大厅](media:" + "0" * 32 + ")作答", "看图[大厅]作答", id="a picture"),
    ],
)
def test_a_text_is_said_in_one_line_of_a_list(text: str, said: str) -> None:
    assert in_words(text) == said


def test_a_line_has_no_block_around_it() -> None:
    assert markup.inline("  **先**问候，3 < 5  ") == "<strong>先</strong>问候，3 &lt; 5"


@given(st.text(alphabet=st.sampled_from("<>&\"'=/ []()!*`\n|{}1-onclickhxidscript甲$\\\\^_"), max_size=80))
def test_no_text_brings_in_an_element_or_attribute_of_its_own(text: str) -> None:
    for html in (markup.to_html(text), markup.inline(text)):
        tags = [piece.split(">")[0] for piece in html.split("<")[1:]]
        for tag in tags:
            name = tag.strip("/").split(" ")[0]
            assert (
                name
                in {"p", "br", "strong", "em", "ol", "ul", "li", "span"}
                | {
                    "table",
                    "thead",
                    "tbody",
                    "tr",
                    "th",
                    "td",
                }
                | markup._MATH.keys()
            )
            assert "=" not in tag or tag.startswith('span data-blank="') or name in markup._MATH


@pytest.mark.parametrize(
    "data",
    [
        drafts.truth(),
        drafts.single(),
        drafts.multiple(),
        drafts.fill_blank(word_bank=["甲"]),
        drafts.numeric(),
        drafts.matching(),
        drafts.ordering(),
        drafts.case(),
    ],
    ids=lambda data: data["type"],
)
def test_fragments_hold_what_is_asked_and_never_the_key(data: dict[str, object]) -> None:
    secret = {"explanation": "此处是解析", "answer": data.get("answer"), "law": "此处是法条", "difficulty": 4}
    content = parse_content(data | {key: value for key, value in secret.items() if value is not None})
    shown = sanitised(content)
    text = json.dumps(shown, ensure_ascii=False)
    assert shown["type"] == data["type"]
    for word in (
        "answer",
        "explanation",
        "difficulty",
        "point",
        "此处是解析",
        "此处是法条",
        "A-A-A",
        "tolerance",
    ):
        assert word not in text


def test_fragments_keep_the_authored_order() -> None:
    shown = sanitised(parse_content(drafts.matching()))
    assert shown["lefts"] == ["咨询", "投诉"]
    assert shown["options"] == ["前台", "主管", "经理"]
    assert sanitised(parse_content(drafts.ordering()))["steps"] == ["登记", "核实", "办理", "回访"]


def test_a_case_has_its_parts() -> None:
    shown = sanitised(parse_content(drafts.case()))
    assert shown["title"] == "交接班记录"
    assert shown["stimulus"] == "<p>早班交中班：受理24件，按时办结20件。</p>"
    parts = shown["parts"]
    assert isinstance(parts, list)
    assert [part["type"] for part in parts][:2] == ["single_choice", "multiple_choice"]
