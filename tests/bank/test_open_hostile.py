"""Hostile files of the open formats: refused, or read without what is dangerous in them."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.bank.foreign.markdown import from_html, literal
from cbt.bank.formats import registry
from cbt.bank.items.rich import inline, to_html
from cbt.errors import InvalidInput

QUESTION = (
    '<question type="truefalse"><questiontext><text>{stem}</text></questiontext>'
    '<answer fraction="100"><text>true</text></answer></question>'
)
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


def refusal(content: bytes, name: str = "a.xml") -> str:
    with pytest.raises(InvalidInput) as refused:
        registry.read(content, name)
    return refused.value.code


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(f'<!DOCTYPE quiz [<!ENTITY l0 "ha">{LAUGHS}]>', id="billion laughs"),
        pytest.param('<!DOCTYPE quiz [<!ENTITY x SYSTEM "file:///etc/passwd">]>', id="a file of the machine"),
        pytest.param('<!DOCTYPE quiz [<!ENTITY % x SYSTEM "http://127.0.0.1/x"> %x;]>', id="an address"),
        pytest.param("<!DOCTYPE quiz [<!ELEMENT quiz ANY>]>", id="a document type of its own"),
    ],
)
@pytest.mark.parametrize("codec", ["utf-8", "utf-16"])
def test_xml_that_defines_anything_is_refused(head: str, codec: str) -> None:
    body = head + "<quiz>" + QUESTION.format(stem="&x;&l9;") + "</quiz>"
    assert refusal(body.encode(codec)) == "bank.xml_entities"


def test_a_tree_of_endless_depth_is_refused_and_broken_xml_names_its_line() -> None:
    assert refusal(b"<quiz>" + b"<question>" * 100_000) == "bank.xml_broken"
    with pytest.raises(InvalidInput) as refused:
        registry.read(b"<quiz>\n<question>\n</quiz>", "a.xml")
    assert (refused.value.code, refused.value.params) == ("bank.xml_broken", {"line": 3})


@pytest.mark.parametrize(
    "stem",
    [
        "<script>alert(1)</script>甲",
        "<style>p{}</style>甲",
        '<p hx-get="/x" hx-trigger="load">甲</p>',
        '<p onclick="x()">甲</p>',
        '<a href="javascript:x()">甲</a>',
        '<svg onload="x()"></svg>甲',
        '<iframe src="//x"></iframe>甲',
        '<form action="/x"><input name="a"></form>甲',
        '<img src=x onerror="x()">甲',
        '<p style="display:none">乙</p>甲',
        "\u202e甲\u200b",
    ],
)
def test_nothing_of_a_page_comes_in_but_its_words(stem: str) -> None:
    body = "<quiz>" + QUESTION.format(stem=html.escape(stem)) + "</quiz>"
    (item,) = registry.read(body.encode(), "a.xml").items
    shown = to_html(item.data["stem"])
    assert re.sub(r"［图］|</?p>", "", shown) == "甲"


@given(st.text(alphabet=st.sampled_from("a1甲 *_\\-+.)(|:\n`#=~{}<>&$!"), max_size=40))
def test_plain_text_shows_as_it_was_typed(text: str) -> None:
    text = re.sub(r"\{\{\d+\}\}", "", text)
    lines = [line.strip() for line in text.strip().split("\n")]
    plain = "\n".join(lines)
    wanted = [html.escape(line, quote=False) for line in lines if line]
    shown = to_html(literal(plain))
    assert [line for line in re.split(r"<br>|</?p>|\n", shown) if line.strip()] == wanted
    assert inline(literal(lines[0])) == html.escape(lines[0], quote=False)


@given(st.text(alphabet=st.sampled_from("<>/=\"'abipx !-&;hx甲"), max_size=60))
def test_any_html_becomes_text_without_tags(text: str) -> None:
    assert "<script" not in to_html(from_html(text).markdown)
