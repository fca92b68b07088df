"""Hostile files of the open formats: refused, or read without what is dangerous in them."""

from __future__ import annotations

import html
import io
import re
import stat
import zipfile
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.errors import InvalidInput
from cbt.interchange import registry
from cbt.interchange.archive import beside
from cbt.interchange.markdown import from_html, literal
from cbt.items.markup import inline, to_html
from cbt.spreadsheets.findings import Severity
from tests.bank.open_samples import QTI_ITEM, package, qti_package

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


def bomb(size: int) -> bytes:
    return package({"imsmanifest.xml": "<manifest/>", "a.xml": b" " * size})


def crowd(count: int) -> bytes:
    return package(
        {"imsmanifest.xml": "<manifest/>", **{f"{n}": "" for n in range(count)}}, zipfile.ZIP_STORED
    )


def linked() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("imsmanifest.xml", "<manifest/>")
        entry = zipfile.ZipInfo("a.xml")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(
            qti_package(**{"../../evil.xml": QTI_ITEM}), "bank.package_names", id="out of the folder"
        ),
        pytest.param(qti_package(**{"/etc/evil.xml": QTI_ITEM}), "bank.package_names", id="from the root"),
        pytest.param(qti_package(**{"C:\\evil.xml": QTI_ITEM}), "bank.package_names", id="on a drive"),
        pytest.param(qti_package(**{"ITEMS/I1.xml": QTI_ITEM}), "bank.package_names", id="two of one name"),
        pytest.param(linked(), "bank.package_names", id="a link"),
        pytest.param(
            qti_package(**{"more.zip": qti_package()}), "bank.package_nested", id="an archive in it"
        ),
        pytest.param(
            qti_package(**{"more.xml": qti_package()}), "bank.package_nested", id="an archive called XML"
        ),
        pytest.param(partial(bomb, 30 * 1024 * 1024), "bank.package_too_big", id="a bomb by ratio"),
        pytest.param(partial(crowd, 20_001), "bank.package_too_big", id="a bomb by number"),
        pytest.param(qti_package()[:-30], "bank.package_broken", id="cut off"),
    ],
)
def test_an_archive_that_no_system_writes_is_refused(content: bytes | Callable[[], bytes], code: str) -> None:
    assert refusal(content() if callable(content) else content, "a.zip") == code


def test_xml_in_a_package_is_no_less_strict_and_refuses_it_whole() -> None:
    hostile = '<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]><assessmentItem>&x;</assessmentItem>'
    with pytest.raises(InvalidInput) as refused:
        registry.read(qti_package(**{"evil.xml": hostile}), "a.zip")
    assert (refused.value.code, refused.value.params["name"]) == ("bank.package_file", "evil.xml")


def test_a_picture_that_is_none_keeps_its_item_out() -> None:
    body = (
        '<assessmentItem title="题"><responseDeclaration identifier="R" cardinality="single" baseType="identifier">'
        "<correctResponse><value>A</value></correctResponse></responseDeclaration><itemBody>"
        '<hotspotInteraction responseIdentifier="R" maxChoices="1"><prompt>哪</prompt>'
        '<object type="image/png" data="a.png" width="9" height="9">图</object>'
        '<hotspotChoice identifier="A" shape="rect" coords="0,0,3,3"/></hotspotInteraction></itemBody>'
        "</assessmentItem>"
    )
    found = registry.read(qti_package(**{"h.xml": body, "a.png": b"MZ\x90\0"}), "a.zip")
    assert [(said.severity, said.code) for said in found.findings] == [(Severity.ERROR, "picture_unreadable")]
    assert len(found.items) == 1


def test_addresses_in_a_package_lead_nowhere_else() -> None:
    assert beside("items/a.xml", "../images/b.png") == "images/b.png"
    for href in ("../../etc/passwd", "/etc/passwd", "file:///etc/passwd", "//host/x", "http://host/x", ""):
        assert beside("items/a.xml", href) == ""


def test_programs_and_macros_in_a_package_are_never_looked_at() -> None:
    more = {
        "vbaProject.bin": b"\xd0\xcf\x11\xe0macro",
        "run.exe": b"MZ",
        "page.html": b"<script>x()</script>",
    }
    found = registry.read(qti_package(**more), "a.zip")
    assert len(found.items) == 1
    assert found.findings == []


@pytest.mark.parametrize("text", ["::甲::乙{T}\0", "\ud800"])
def test_what_is_no_text_is_refused(text: str) -> None:
    assert refusal(text.encode("utf-8", "surrogatepass"), "a.gift") in {
        "bank.not_text",
        "bank.text_encoding",
        "bank.not_workbook",
    }


def test_a_text_of_endless_braces_takes_no_time() -> None:
    assert len(registry.read(b"x{=a}" + b"{1:SA:" * 50_000, "a.gift").findings) == 1
    body = "<quiz>" + QUESTION.replace("truefalse", "cloze").format(stem="{1:SA:" * 20_000) + "</quiz>"
    assert [said.code for said in registry.read(body.encode(), "a.xml").findings] == ["open_no_key"]
