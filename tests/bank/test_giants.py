"""Files that swell, span or repeat to something giant, or break off within a character: refused, or read safely.

None of them is large itself, none is held as a whole by who asks, and a child's limits end what goes on too long.
"""

from __future__ import annotations

import json
import random
import resource
from pathlib import Path

import pytest
from click.testing import CliRunner

from cbt.cli import build
from cbt.console.texts import explain
from cbt.errors import CbtError, InvalidInput
from cbt.http.i18n import catalogues
from cbt.interchange import registry
from cbt.interchange.upload import opened, read_paths
from cbt.items.draft import Reading
from tests.attacks.packages import SHEET, inline, lying, packed, parts, swollen

MEGABYTE = 1024 * 1024
SAME = b"a" * MEGABYTE
MIXED = random.Random(1).randbytes(8 * 1024).hex().encode() + b"a" * (MEGABYTE - 16 * 1024)
"""A megabyte that packs to about a hundredth, as honest files do."""
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
HEADER, ITEM = ("题型", "题干", "选项A", "选项B", "正确答案"), ("单选", "先做什么？", "断电", "验电", "A")


def sheet(more: str = "", beside: str = "") -> bytes:
    """Return a sheet of one question, with more rows, and what stands beside them."""
    rows = "".join(
        f'<row r="{number}">'
        + "".join(inline(f"{'ABCDE'[place]}{number}", cell) for place, cell in enumerate(cells))
        + "</row>"
        for number, cells in enumerate((HEADER, ITEM), 1)
    )
    return f'<worksheet xmlns="{MAIN}"><sheetData>{rows}{more}</sheetData>{beside}</worksheet>'.encode()


def outcome(content: bytes, name: str) -> Reading | str:
    """Return what is read of a file, or why it is refused: in a sentence, with another one that says what to do."""
    try:
        return registry.read(content, name)
    except CbtError as error:
        refused = error
    with catalogues():
        assert not any(said.startswith("error.") for said in explain(refused))
    return refused.code


def with_cell(piece: bytes, times: int) -> bytes:
    """Return a workbook with one cell of so many pieces."""
    head, tail = sheet('<row r="3"><c r="A3" t="inlineStr"><is><t>|</t></is></c></row>').split(b"|")
    others = {name: body for name, body in parts().items() if name != SHEET}
    return swollen(others, SHEET, (head, piece, times, tail))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(with_cell(SAME, 200), "bank.workbook_too_big", id="200 MB of one letter"),
        pytest.param(with_cell(MIXED, 200), "bank.workbook_too_big", id="200 MB that pack as a text does"),
        pytest.param(with_cell(MIXED, 40), "bank.workbook_too_big", id="40 MB, which a part may have"),
        pytest.param(
            lying(with_cell(MIXED, 200), SHEET, 4000), "bank.not_workbook", id="200 MB that say 4 KB"
        ),
    ],
)
def test_a_giant_cell_is_refused_and_never_held_by_who_asks(body: bytes, code: str) -> None:
    assert len(body) < 4 * MEGABYTE
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert outcome(body, "题库.xlsx") == code
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024


def test_a_csv_of_200_megabytes_in_an_archive_is_refused() -> None:
    body = swollen({}, "题库.csv", (b"a,", MIXED, 200, b""))
    with pytest.raises(InvalidInput) as refused:
        opened([("题库.zip", body)])
    assert refused.value.code == "bank.package_too_big"


def test_a_file_larger_than_any_bank_is_not_even_opened(tmp_path: Path) -> None:
    path = tmp_path / "题库.csv"
    with path.open("wb") as file:
        file.write("题干,答案\n".encode())
        file.truncate(200 * MEGABYTE)  # takes no room on the disk
    with pytest.raises(InvalidInput) as refused:
        read_paths([path], {})
    assert (refused.value.code, refused.value.params["size"]) == ("bank.file_too_big", 200)
    sound = tmp_path / "一.xlsx"
    sound.write_bytes(packed(parts() | {SHEET: sheet()}))
    said = CliRunner().invoke(build(), ["bank", "read", str(path), str(sound), "--json"])
    large, small = map(json.loads, said.stdout.splitlines())
    assert "200 MB" in large["refused"]
    assert (small["refused"], len(small["items"])) == (None, 1)


def test_a_csv_cell_beyond_any_text_is_refused() -> None:
    assert outcome("题型,题干\n单选,".encode() + b"a" * (5 * MEGABYTE), "题库.csv") == "bank.not_workbook"


NAMED = "urn:oasis:names:tc:opendocument:xmlns"


def opened_document(row: str) -> bytes:
    """Return an OpenDocument sheet of one question and what stands below it."""
    lines = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>'
            for cell in cells
        )
        + '<table:table-cell table:number-columns-repeated="16379"/></table:table-row>'
        for cells in (HEADER, ITEM)
    )
    spaces = "".join(f' xmlns:{name}="{NAMED}:{name}:1.0"' for name in ("office", "table", "text"))
    text = (
        f"<office:document-content{spaces}><office:body><office:spreadsheet>"
        f'<table:table table:name="一">{lines}{row}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    kind = b"application/vnd.oasis.opendocument.spreadsheet"
    named = f'<manifest:manifest xmlns:manifest="{NAMED}:manifest:1.0"/>'
    files = {"mimetype": kind, "META-INF/manifest.xml": named.encode(), "content.xml": text.encode()}
    return packed(files)


GHOST_ROW = (
    '<table:table-row table:number-rows-repeated="1048574">'
    '<table:table-cell table:number-columns-repeated="16384"{value}/></table:table-row>'
)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(
            packed(
                parts()
                | {SHEET: sheet().replace(b"<sheetData>", b'<dimension ref="A1:XFD1048576"/><sheetData>')}
            ),
            id="a size that is only said",
        ),
        pytest.param(
            packed(
                parts() | {SHEET: sheet(beside='<mergeCells><mergeCell ref="G3:XFD1048576"/></mergeCells>')}
            ),
            id="merged to the last corner",
        ),
        pytest.param(
            packed(
                parts()
                | {
                    SHEET: sheet(
                        beside="<mergeCells>" + '<mergeCell ref="A2:BH1048576"/>' * 20_000 + "</mergeCells>"
                    )
                }
            ),
            id="merged again and again",
        ),
        pytest.param(
            packed(
                parts()
                | {SHEET: sheet('<row r="1048576" s="1" customFormat="1"><c r="XFD1048576" s="1"/></row>')}
            ),
            id="a format in the last corner",
        ),
        pytest.param(opened_document(GHOST_ROW.format(value="")), id="OpenDocument"),
    ],
)
def test_a_ghost_of_1048576_by_16384_costs_nothing(content: bytes) -> None:
    found = registry.read(content, "题库.xlsx")
    assert [item.data["stem"] for item in found.items] == ["先做什么？"]


XML_SHEET = (
    '<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"'
    ' xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet"><Worksheet ss:Name="一"><Table>'
    '<Row ss:Index="{row}"><Cell ss:Index="{column}" ss:MergeDown="1048575" ss:MergeAcross="16383">'
    "<Data>1</Data></Cell></Row></Table></Worksheet></Workbook>"
)
SPANS = "<table><tr><td>题型<td>题干</tr>" + '<tr><td rowspan="600" colspan="600">一</td></tr>' * 600


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(
            opened_document(GHOST_ROW.format(value=' office:value-type="float" office:value="1"')),
            "bank.not_workbook",
            id="OpenDocument, one cell said to stand everywhere",
        ),
        pytest.param(XML_SHEET.format(row=1048576, column=1).encode(), "sheet.too_long", id="XML, far below"),
        pytest.param(XML_SHEET.format(row=1, column=16384).encode(), "sheet.too_wide", id="XML, far right"),
        pytest.param(SPANS.encode(), "bank.no_items", id="a page of cells over all others"),
    ],
)
def test_a_full_range_of_that_size_is_refused(content: bytes, code: str) -> None:
    assert outcome(content, "题库.xls") == code


QUESTIONS = {
    "a.csv": "题型,题干,选项A,选项B,正确答案\n单选,先做什么{0}？,断电,验电,A\n",
    "a.txt": "一、单选题\n1. 先做什么{0}？（ A ）\nA. 断电\nB. 验电\n",
    "a.gift": "::一:: 先做什么{0}？ {{ =断电 ~验电 }}\n",
    "a.xml": '<quiz><question type="truefalse"><questiontext><text>先断电{0}。</text></questiontext>'
    '<answer fraction="100"><text>true</text></answer></question></quiz>',
    "a.json": '[{{"question": "先做什么{0}？", "options": ["断电", "验电"], "answer": "A"}}]',
    "a.html": "<html><body><p>1. 先做什么{0}？（ A ）</p><p>A. 断电</p><p>B. 验电</p></body></html>",
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_utf_16_that_breaks_within_a_character_is_refused_or_told(name: str) -> None:
    whole = QUESTIONS[name].format("").encode("utf-16")
    broken = QUESTIONS[name].format("\ud83d").encode("utf-16", "surrogatepass")
    turned = b"\xfe\xff" + whole[2:]
    for content in (whole[:-1], broken, turned):
        found = outcome(content, name)
        if isinstance(found, str):
            continue
        for item in found.items:
            text = json.dumps(item.data, ensure_ascii=False)
            assert text.encode()
            assert "\ufffd" not in text or any("\ufffd" in str(said.value) for said in found.findings)
