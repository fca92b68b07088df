"""Pictures of Word documents come in where they stand: in stem, choice or explanation; what cannot is told."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cbt.bank.commands import understood
from cbt.interchange import registry
from cbt.interchange.upload import read_all
from cbt.items.draft import Reading
from cbt.items.markup import to_html
from cbt.media.picture_copy import drawing
from tests.bank.drawn import WMF, WORD, docx, flood, inline, line, older, png
from tests.bank.field_texts.direct import without_children

HEAD = line("一、单选题")
COLOURS = ("red", "green", "blue", "black", "pink")
PICTURES = {f"p{n}": png(colour) for n, colour in enumerate(COLOURS)}


def read(*lines: str, pictures: Mapping[str, bytes] = PICTURES, **more: Any) -> Reading:
    with without_children():
        return registry.read(docx(*lines, pictures=pictures, **more), "题库.docx")


def shown(text: str) -> str:
    """Return a text with the words of its pictures only."""
    return re.sub(r"!\[([^]]*)\]\(media:[0-9a-f]{32}\)", r"[\1]", text)


def content(found: Reading, place: int = 0) -> tuple[str, list[str], str, str]:
    data = found.items[place].data
    choices = [shown(one) for one in data.get("choices", ())]
    return shown(data["stem"]), choices, str(data["answer"]), shown(data.get("explanation", ""))


def told(found: Reading) -> list[tuple[str, int]]:
    return [(one.code, one.place.line) for one in found.findings]


REST = (line("A. 甲"), line("B. 乙"), line("答案：A"))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(
            (line("1. 图中", inline("p0", "话机"), "是（　　）。"), *REST),
            ("图中[话机]是（　　）。", ["甲", "乙"], "A", ""),
            id="in the line",
        ),
        pytest.param(
            (line(inline("p0", "话机", place="anchor"), "1. 图中是（　　）。"), *REST),
            ("图中是（　　）。[话机]", ["甲", "乙"], "A", ""),
            id="floating, its anchor before the number",
        ),
        pytest.param(
            (line(inline("p0", "话机"), "1. 图中是（　　）。"), *REST),
            ("图中是（　　）。[话机]", ["甲", "乙"], "A", ""),
            id="before the number",
        ),
        pytest.param(
            (line("1. 图中是（　　）。"), line(older("p0")), *REST),
            ("图中是（　　）。\n[旧图]", ["甲", "乙"], "A", ""),
            id="of an older Word, in a line of its own",
        ),
        pytest.param(
            (line("1. 图中是（　　）。", older("p0", "position:absolute;left:0")), *REST),
            ("图中是（　　）。[旧图]", ["甲", "乙"], "A", ""),
            id="of an older Word, floating",
        ),
        pytest.param(
            (line("1. 图中是（　　）。"), *REST[:2], line(inline("p0", "话机")), REST[2]),
            ("图中是（　　）。\n[话机]", ["甲", "乙"], "A", ""),
            id="below the last choice",
        ),
        pytest.param(
            (line("1. ", inline("p0", "话机")), *REST),
            ("[话机]", ["甲", "乙"], "A", ""),
            id="the whole stem",
        ),
        pytest.param(
            (line("1. 哪个是话机（　　）？"), line("A.", inline("p0")), line("B.", inline("p1")), REST[2]),
            ("哪个是话机（　　）？", ["[图]", "[图]"], "A", ""),
            id="choices",
        ),
        pytest.param(
            (
                line("1. 哪个是（　　）？"),
                line("A."),
                line(inline("p0")),
                line("B."),
                line(inline("p1")),
                REST[2],
            ),
            ("哪个是（　　）？", ["[图]", "[图]"], "A", ""),
            id="choices in lines of their own",
        ),
        pytest.param(
            (line("1. 哪个是（　　）？"), line("A.", inline("p0"), " B.", inline("p1")), REST[2]),
            ("哪个是（　　）？", ["[图]", "[图]"], "A", ""),
            id="choices in one line",
        ),
        pytest.param(
            (line("1. 题（　　）。"), line("A. 甲 B. 乙", inline("p0", "话机", place="anchor")), REST[2]),
            ("题（　　）。\n[话机]", ["甲", "乙"], "A", ""),
            id="floating beside several choices",
        ),
        pytest.param(
            (line("1. 题（　　）。"), *REST, line("解析：见", inline("p0", "话机"))),
            ("题（　　）。", ["甲", "乙"], "A", "见[话机]"),
            id="explanation",
        ),
        pytest.param(
            (line("1. 题（　　）。"), *REST[:2], line("答案：A", inline("p0", "话机", place="anchor"))),
            ("题（　　）。", ["甲", "乙"], "A", "[话机]"),
            id="beside the key",
        ),
        pytest.param(
            (line("1. 题（A）。", inline("p0", "话机")), *REST[:2]),
            ("题（　　）。[话机]", ["甲", "乙"], "A", ""),
            id="behind a stem with its key",
        ),
    ],
)
def test_a_picture_comes_in_where_it_stands(
    lines: tuple[str, ...], expected: tuple[str, list[str], str, str]
) -> None:
    found = read(HEAD, *lines)
    assert content(found) == expected
    assert told(found) == []
    assert "<img src=" in "".join(map(to_html, [*_texts(found)]))
    assert set(re.findall(r"media:(\w+)", str(found.items[0].data))) == set(found.media)


def _texts(found: Reading) -> list[str]:
    data = found.items[0].data
    return [data["stem"], *data["choices"], data.get("explanation", "")]


def test_a_judgement_keeps_its_picture_and_loses_its_bracket() -> None:
    found = read(line("一、判断题"), line("1. 图中的话机已接通。（√）", inline("p0", "话机")))
    assert content(found) == ("图中的话机已接通。[话机]", [], "True", "")


def test_a_row_of_a_table_has_its_picture_in_its_column() -> None:
    cells = [
        ["题干", "选项A", "选项B", "答案", "解析"],
        ["题（　　）。", inline("p0"), "乙", "A", inline("p1", "看")],
    ]
    rows = "".join(f"<w:tr>{''.join(f'<w:tc>{line(one)}</w:tc>' for one in row)}</w:tr>" for row in cells)
    found = read(f"<w:tbl>{rows}</w:tbl>")
    assert content(found) == ("题（　　）。", ["[图]", "乙"], "A", "[看]")


def test_a_picture_in_a_file_of_keys_belongs_to_the_explanation_there() -> None:
    questions = docx(line("1. 题", inline("p0", "话机"), "（　　）。"), *REST[:2], pictures=PICTURES)
    keys = docx(line("参考答案"), line("1. A"), line("解析：见", inline("p1", "键盘")), pictures=PICTURES)
    with without_children():
        found = read_all([("题.docx", questions), ("题答案.docx", keys)])
    assert content(found) == ("题[话机]（　　）。", ["甲", "乙"], "A", "见[键盘]")
    assert (len(found.media), told(found)) == (2, [])


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param((line("1. 题（　　）。", older("wmf")), *REST), ("text_picture_not_kept", 2), id="WMF"),
        pytest.param(
            (line("1. 题（　　）。", inline("linked")), *REST),
            ("text_picture_not_kept", 2),
            id="a link elsewhere",
        ),
        pytest.param(
            (line("1. 题（　　）。", inline("up")), *REST),
            ("text_picture_not_kept", 2),
            id="a path that climbs",
        ),
        pytest.param(
            (line("1. 题（　　）。", inline("top")), *REST),
            ("text_picture_not_kept", 2),
            id="and from the top",
        ),
        pytest.param(
            (line("1. 题（　　）。", inline("no")), *REST),
            ("text_picture_not_kept", 2),
            id="no such relation",
        ),
        pytest.param(
            (line("1. 题（　　）。", inline("exe")), *REST), ("text_picture_not_kept", 2), id="another kind"
        ),
        pytest.param(
            (line("1. 题（　　）。", inline("big")), *REST), ("text_picture_not_kept", 2), id="too large"
        ),
        pytest.param(
            (
                line(
                    "1. 题（　　）。",
                    "<w:r><w:drawing><wp:inline><a:graphic><c:chart/></a:graphic></wp:inline></w:drawing></w:r>",
                ),
                *REST,
            ),
            ("text_picture_not_kept", 2),
            id="a chart",
        ),
        pytest.param(
            (
                line(
                    "1. 题（　　）。",
                    older("wmf", holder="object", more='<o:OLEObject ProgID="Equation.3"/>'),
                ),
                *REST,
            ),
            ("text_formula_not_kept", 2),
            id="an embedded formula",
        ),
        pytest.param(
            (line("1. 题（　　）。", inline("flood")), *REST), ("picture_not_kept", 2), id="a pixel flood"
        ),
        pytest.param(
            (line("1. 题（　　）。", inline("half")), *REST), ("picture_not_kept", 2), id="half a picture"
        ),
        pytest.param(
            (line("1. 题（　　）。"), *REST, line("难度：易", inline("p0"))),
            ("text_picture_not_kept", 2),
            id="beside a level",
        ),
    ],
)
def test_what_cannot_be_kept_is_told_with_its_place(
    lines: tuple[str, ...], expected: tuple[str, int]
) -> None:
    pictures = {
        "p0": png(), "wmf": WMF, "exe": b"MZ\x90\0" * 9, "flood": flood(), "half": png()[:60],
        "big": png() + b"\0" * 6_000_000,
    }  # fmt: skip
    targets = {"linked": "http://127.0.0.1/a.png", "up": "../../../../etc/passwd", "top": "/../secret.png"}
    found = read(HEAD, *lines, pictures=pictures, targets=targets)
    assert told(found) == [expected]
    assert (found.items[0].data["answer"], len(found.media)) == ("A", 0)


def test_a_picture_where_no_question_is_is_told() -> None:
    logo = line(inline("p0"))
    found = read(logo, line("一、单选题", inline("p1", place="anchor")), line("1. 题（　　）。"), *REST)
    assert told(found) == [("picture_nowhere", 1), ("picture_nowhere", 2)]
    assert [one.data["stem"] for one in found.items] == ["题（　　）。"]
    assert found.media == {}


def test_thousands_of_pictures_end_within_bounds() -> None:
    many = [inline("p0") for _ in range(5_000)]
    found = read(HEAD, line("1. 题（　　）。", *many), *REST)
    assert told(found) == [("text_picture_not_kept", 2)]
    assert len(found.media) == 1
    assert found.items[0].data["stem"].count("![图]") == 4_000


def test_words_that_a_program_wrote_are_none() -> None:
    for words in ("C:\\Users\\a\\图.png", "图片 3", "IMG_2021.jpg", "手机屏幕&#10;描述已自动生成"):
        assert (
            content(read(HEAD, line("1. 题（　　）。", inline("p0", words)), *REST))[0] == "题（　　）。[图]"
        )


ASKED = st.fixed_dictionaries(
    {
        "stem": st.sampled_from(["", "inline", "anchor", "line"]),
        "choices": st.lists(st.booleans(), min_size=2, max_size=4),
        "bare": st.booleans(),
        "why": st.booleans(),
        "apart": st.booleans(),
    }
)


def written(number: int, asked: dict[str, Any], name: str) -> tuple[list[str], tuple[str, list[str], str]]:
    """Return the lines of a question with pictures, and what is to be read of them."""
    own, shows = inline(name), "[图]"
    stem, rest = {
        "": (line(f"{number}. 题（　　）。"), ""),
        "inline": (line(f"{number}. 题（　　）。", own), shows),
        "anchor": (line(inline(name, place="anchor"), f"{number}. 题（　　）。"), shows),
        "line": (line(f"{number}. 题（　　）。") + line(own), f"\n{shows}"),
    }[asked["stem"]]
    lines, choices = [stem], []
    for place, drawn in enumerate(asked["choices"]):
        text = "" if drawn and asked["bare"] and place != 1 else f"选{place}"
        lines.append(line(f"{'ABCD'[place]}. {text}", *([own] if drawn else [])))
        choices.append(f"{text}{shows if drawn else ''}")
    why = f"因为{shows}" if asked["why"] else "因为"
    lines += [line("答案：A"), line("解析：因为", *([own] if asked["why"] else []))]
    return lines + ([line("")] if asked["apart"] else []), (f"题（　　）。{rest}", choices, why)


@settings(max_examples=20, deadline=None)
@given(st.lists(ASKED, min_size=1, max_size=5))
def test_pictures_anywhere_in_a_document_stay_with_their_questions(several: list[dict[str, Any]]) -> None:
    names = list(PICTURES)
    made = [written(n, asked, names[n - 1]) for n, asked in enumerate(several, 1)]
    found = read(HEAD, *(one for lines, _expected in made for one in lines))
    seen = [content(found, n) for n in range(len(found.items))]
    assert [(stem, choices, why) for stem, choices, _key, why in seen] == [said for _lines, said in made]
    for n, item in enumerate(found.items):
        kept = {taken.body for name, taken in found.media.items() if name in str(item.data)}
        assert kept <= {drawing(PICTURES[names[n]])}, "each question has its own picture"


def test_flat_documents_have_their_pictures_too() -> None:
    first, rest = line("1. 题（　　）。", inline("p0", "话机")), "".join(REST)
    body = f"<w:document {WORD}><w:body>{HEAD}{first}{rest}</w:body></w:document>"
    data = base64.b64encode(png()).decode()
    flat = (
        '<pkg:package xmlns:pkg="http://schemas.microsoft.com/office/2006/xmlPackage">'
        f'<pkg:part pkg:name="/word/document.xml"><pkg:xmlData>{body}</pkg:xmlData></pkg:part>'
        '<pkg:part pkg:name="/word/_rels/document.xml.rels"><pkg:xmlData><Relationships>'
        '<Relationship Id="p0" Target="media/p0.png"/></Relationships></pkg:xmlData></pkg:part>'
        f'<pkg:part pkg:name="/word/media/p0.png"><pkg:binaryData>{data}</pkg:binaryData></pkg:part></pkg:package>'
    )
    picture = f'<w:pict><w:binData w:name="wordml://1.png">{data}</w:binData><v:shape><v:imagedata src="wordml://1.png"/></v:shape></w:pict>'
    text = line("1. 题（　　）。", f"<w:r>{picture}</w:r>")
    namespaces = WORD.replace(
        "openxmlformats.org/wordprocessingml/2006/main", "microsoft.com/office/word/2003/wordml"
    )
    old = f"<w:wordDocument {namespaces}><w:body>{HEAD}{text}{rest}</w:body></w:wordDocument>"
    with without_children():
        for body, words in ((flat, "话机"), (old, "图")):
            assert content(registry.read(body.encode(), "a.doc"))[0] == f"题（　　）。[{words}]"


def test_a_formula_keeps_its_line() -> None:
    half = "<m:f><m:num><m:r><m:t>a+b</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f>"
    square = "<m:sSup><m:e><m:r><m:t>x</m:t></m:r></m:e><m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup>"
    root = "<m:rad><m:deg/><m:e><m:r><m:t>y</m:t></m:r></m:e></m:rad>"
    found = read(HEAD, line("1. 算", f"<m:oMath>{half}{square}{root}</m:oMath>", "（　　）。"), *REST)
    assert content(found)[0] == "算(a+b)/2x²√(y)（　　）。"
    assert told(found) == [("text_formula_not_kept", 2)]


def test_other_programs_see_the_reference_in_the_text() -> None:
    found = read(HEAD, line("1. 题（　　）。", inline("p0", "话机")), *REST)
    (name,) = found.media
    assert understood(found)["items"][0]["stem"] == f"题（　　）。![话机](media:{name})"
