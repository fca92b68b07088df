"""Pictures over and in cells come in with the item of their row, in the field of their column; others are told."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
import xlsxwriter

from cbt.interchange import registry
from cbt.items.draft import Reading
from cbt.media import intake
from cbt.spreadsheets import intake as sheets
from tests.bank.drawn import anchor, flood, packed, png, relations, xlsx
from tests.bank.field.judging import here
from tests.bank.field_texts.direct import run_here

ODF = {
    "office": "urn:oasis:names:tc:opendocument:xmlns:office:1.0",
    "table": "urn:oasis:names:tc:opendocument:xmlns:table:1.0",
    "text": "urn:oasis:names:tc:opendocument:xmlns:text:1.0",
    "draw": "urn:oasis:names:tc:opendocument:xmlns:drawing:1.0",
    "xlink": "http://www.w3.org/1999/xlink",
    "svg": "urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0",
}
HEAD = ["题型", "题干", "选项A", "选项B", "答案", "解析", "题目图片", "选项B图片"]
ROWS = [
    HEAD,
    ["单选题", "图中是（　　）。", "甲", "乙", "A", "见图", "", ""],
    ["单选题", "那里是（　　）。", "丙", "丁", "B", "", "", ""],
]
PICTURES = {f"p{n}": png(colour) for n, colour in enumerate(("red", "green", "blue", "black"))}


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "run", here)
    monkeypatch.setattr(intake, "run", run_here)


def read(*anchors: str, rows: list[list[str]] = ROWS, **more: Any) -> Reading:
    return registry.read(xlsx(rows, *anchors, **{"pictures": PICTURES, **more}), "题库.xlsx")


def shown(found: Reading, place: int = 0) -> tuple[str, list[str], str]:
    data = found.items[place].data

    def plain(text: str) -> str:
        return re.sub(r"!\[([^]]*)\]\(media:[0-9a-f]{32}\)", r"[\1]", text)

    return plain(data["stem"]), [plain(one) for one in data["choices"]], plain(data.get("explanation", ""))


def told(found: Reading) -> list[tuple[str, str]]:
    return [(one.code, f"{one.place.column}{one.place.line}") for one in found.findings]


STEM, CHOICES, WHY = "图中是（　　）。", ["甲", "乙"], "见图"


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param("B2", (f"{STEM}[话机]", CHOICES, WHY), id="the stem"),
        pytest.param("A2", (f"{STEM}[话机]", CHOICES, WHY), id="another column"),
        pytest.param("D2", (STEM, ["甲", "乙[话机]"], WHY), id="a choice"),
        pytest.param("F2", (STEM, CHOICES, "见图[话机]"), id="the explanation"),
        pytest.param("E2", (STEM, CHOICES, "见图[话机]"), id="the key: never shown with the question"),
        pytest.param("G2", (f"{STEM}[话机]", CHOICES, WHY), id="a column of pictures"),
        pytest.param("H2", (STEM, ["甲", "乙[话机]"], WHY), id="a column of pictures of a choice"),
        pytest.param("K2", (f"{STEM}[话机]", CHOICES, WHY), id="beside the table"),
    ],
)
def test_a_picture_belongs_to_the_field_of_its_column(at: str, expected: tuple[str, list[str], str]) -> None:
    found = read(anchor(at, "p0", "话机"))
    assert shown(found) == expected
    assert told(found) == []
    assert shown(found, 1)[0] == "那里是（　　）。"
    assert set(re.findall(r"media:(\w+)", str(found.items[0].data))) == set(found.media)


def test_a_picture_that_begins_at_the_end_of_a_row_belongs_to_the_next() -> None:
    found = read(
        anchor("B2", "p0", "话机", low=170_000, last="B3"), anchor("B2", "p1", "键盘", low=60_000, last="B3")
    )
    assert (shown(found)[0], shown(found, 1)[0]) == (f"{STEM}[键盘]", "那里是（　　）。[话机]")


def test_choices_and_stems_of_nothing_but_pictures_are_items() -> None:
    rows = [
        HEAD[:6],
        ["单选题", "", "", "", "A", "", ""],
        ["单选题", "那里是（　　）。", "丙", "丁", "B", ""],
    ]
    found = read(anchor("B2", "p0", "话机"), anchor("C2", "p1", "一"), anchor("D2", "p2", "二"), rows=rows)
    assert shown(found) == ("[话机]", ["[一]", "[二]"], "")
    assert found.items[0].data["answer"] == "A"


def test_a_row_for_each_choice_has_its_pictures_in_these_rows() -> None:
    rows = [
        ["题目序号", "题目类型", "题目内容", "题目图片", "是否正确项", "选项内容", "选项图片"],
        ["1", "1", "哪个是话机？", "", "1", "", ""],
        ["1", "1", "", "", "0", "键盘", ""],
        ["2", "1", "哪个是键盘？", "", "0", "话机", ""],
        ["2", "1", "", "", "1", "键盘", ""],
    ]
    found = read(anchor("D2", "p0", "台面"), anchor("G2", "p1", "话机"), anchor("G3", "p2", "键"), rows=rows)
    assert shown(found) == ("哪个是话机？[台面]", ["[话机]", "键盘[键]"], "")
    assert shown(found, 1) == ("哪个是键盘？", ["话机", "键盘"], "")


def test_what_stands_in_no_item_or_cannot_be_kept_is_told_with_its_cell() -> None:
    chart = anchor("F3", "x").replace("xdr:pic", "xdr:graphicFrame")
    found = read(
        anchor("A1", "p0"), anchor("B9", "p0"), chart, anchor("B2", "wmf"), anchor("C2", "up"), anchor("D2", "far"),
        pictures={**PICTURES, "wmf": b"\xd7\xcd\xc6\x9a" + b"\0" * 50},
        targets={"up": "../../../../etc/passwd", "far": "http://127.0.0.1/a.png"},
    )  # fmt: skip
    nowhere, beside = ("A1", "B9"), ("B2", "C2", "D2", "F3")
    expected = [*(("picture_nowhere", at) for at in nowhere), *(("picture_beside", at) for at in beside)]
    assert sorted(told(found)) == sorted(expected)
    assert shown(found) == (STEM, CHOICES, WHY)
    assert found.media == {}


def test_a_sheet_that_is_no_table_names_its_pictures() -> None:
    found = registry.read(xlsx([["说明"]], anchor("A1", "p0"), pictures=PICTURES), "a.xlsx")
    assert ("picture_nowhere", "A1") in told(found)


@pytest.mark.parametrize(
    "body", [flood(), png()[:50], png() + b"\0" * 6_000_000], ids=["a flood", "half", "large"]
)
def test_a_picture_that_cannot_be_drawn_leaves_its_item(body: bytes) -> None:
    found = read(anchor("B2", "bad"), anchor("B3", "p0", "话机"), pictures={**PICTURES, "bad": body})
    assert [code for code, _at in told(found)] in (["picture_not_kept"], ["picture_beside"])
    assert shown(found)[0].removesuffix("［图］") == STEM
    assert shown(found, 1)[0] == "那里是（　　）。[话机]"


def test_thousands_of_anchors_end_within_bounds() -> None:
    found = read(*[anchor("B2", "p0")] * 5_000)
    assert len(found.media) == 1
    assert shown(found)[0].count("[图]") == 4_000
    assert ("picture_beside", "B2") in told(found)


def test_pictures_that_excel_puts_into_cells_are_theirs() -> None:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        sheet = book.add_worksheet("题")
        for number, row in enumerate(ROWS):
            sheet.write_row(number, 0, row)
        sheet.embed_image("C2", "甲.png", {"image_data": io.BytesIO(PICTURES["p0"]), "description": "话机"})
        sheet.embed_image("B3", "乙.png", {"image_data": io.BytesIO(PICTURES["p1"])})
    found = registry.read(buffer.getvalue(), "题库.xlsx")
    assert shown(found) == (STEM, ["[话机]", "乙"], WHY)
    assert shown(found, 1)[0] == "[图]"
    assert told(found) == []


def test_pictures_that_wps_puts_into_cells_are_theirs() -> None:
    images = (
        '<etc:cellImages xmlns:etc="e" xmlns:xdr="x" xmlns:a="a" xmlns:r="r"><etc:cellImage><xdr:pic><xdr:nvPicPr>'
        '<xdr:cNvPr id="2" name="ID_7F" descr="话机"/></xdr:nvPicPr><xdr:blipFill><a:blip r:embed="rId1"/>'
        "</xdr:blipFill></xdr:pic></etc:cellImage></etc:cellImages>"
    )
    parts: dict[str, str | bytes] = {
        "xl/cellimages.xml": images,
        "xl/_rels/cellimages.xml.rels": relations({"rId1": "media/p0.png"}),
    }

    def cell(at: str, name: str) -> str:
        said = f"DISPIMG(&quot;{name}&quot;,1)"
        return f'<c r="{at}" t="str"><f>_xlfn.{said}</f><v>={said}</v></c>'

    found = read(cells={"C2": cell("C2", "ID_7F"), "C3": cell("C3", "ID_none")}, parts=parts)
    assert shown(found) == (STEM, ["[话机]", "乙"], WHY)
    assert ("picture_beside", "C3") in told(found) or len(found.items) == 1


def test_pictures_of_an_open_document_are_in_their_cells() -> None:
    def cell(text: str, href: str = "", more: str = "") -> str:
        frame = f'<draw:frame><draw:image xlink:href="{href}"/>{more}<svg:desc>话机</svg:desc></draw:frame>'
        said = f"<text:p>{text}</text:p>{frame if href else ''}"
        return f'<table:table-cell office:value-type="string">{said}</table:table-cell>'

    chart = cell("乙", "Pictures/p0.png", "<draw:object/>")
    lines = ["".join(map(cell, HEAD[:6])), "".join(map(cell, ROWS[2][:6]))]
    lines.insert(1, "".join(map(cell, ROWS[1][:3])).replace(cell("甲"), cell("甲", "Pictures/p0.png")))
    lines[1] += chart + cell("A") + cell("见图", "../Pictures/p1.png")
    rows = "".join(f"<table:table-row>{line}</table:table-row>" for line in lines)
    names = "".join(f' xmlns:{one}="{address}"' for one, address in ODF.items())
    loose = "<table:shapes><draw:frame></draw:frame></table:shapes>"
    content = (
        f"<office:document-content{names}><office:body><office:spreadsheet>"
        f'<table:table table:name="题">{loose}{rows}</table:table></office:spreadsheet></office:body>'
        "</office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    parts = {"mimetype": kind, "content.xml": content, "Pictures/p0.png": PICTURES["p0"]}
    parts["META-INF/manifest.xml"] = (
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
    )
    body = packed(parts)
    found = registry.read(body, "题库.ods")
    assert shown(found) == (STEM, ["甲[话机]", "乙"], WHY)
    assert sorted(told(found)) == [
        ("picture_beside", "D2"),
        ("picture_beside", "F2"),
        ("picture_nowhere", "A1"),
    ]


def test_a_workbook_without_pictures_is_read_as_before() -> None:
    found = registry.read(xlsx(ROWS, pictures={}), "a.xlsx")
    assert (len(found.items), found.media, told(found)) == (2, {}, [])
