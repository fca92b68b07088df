"""Files that hold a grid: workbooks, CSV in the encodings of the field, saved pages, XML and ODS spreadsheets."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import xlsxwriter


@dataclass(frozen=True, slots=True)
class Typed:
    """A cell with a number under a format, and what it shows."""

    value: float
    code: str
    shows: str


Cell = str | int | float | bool | Typed
Grid = list[list[Cell]]


@dataclass(slots=True)
class Sheets:
    """The sheets of a file; merged cells are (first row, first column, last row, last column) of one."""

    grids: dict[str, Grid]
    merged: dict[str, list[tuple[int, int, int, int]]]


def xlsx(sheets: Sheets) -> bytes:
    """Return a workbook."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(
        buffer, {"in_memory": True, "strings_to_formulas": False, "strings_to_numbers": False}
    )
    for name, grid in sheets.grids.items():
        page = book.add_worksheet(name)
        for top, left, bottom, right in sheets.merged.get(name, []):
            page.merge_range(top, left, bottom, right, "")
        for row, line in enumerate(grid):
            for column, cell in enumerate(line):
                if isinstance(cell, bool):
                    page.write_boolean(row, column, cell)
                elif isinstance(cell, int | float):
                    page.write_number(row, column, cell)
                elif isinstance(cell, Typed):
                    page.write_number(row, column, cell.value, book.add_format({"num_format": cell.code}))
                elif cell:
                    page.write_string(row, column, cell)
    book.close()
    return buffer.getvalue()


def shown(cell: Cell) -> str:
    """Return what a cell shows."""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    return cell.shows if isinstance(cell, Typed) else str(cell)


def _csv(encoding: str, delimiter: str) -> Callable[[Sheets], bytes]:
    def write(sheets: Sheets) -> bytes:
        (grid,) = sheets.grids.values()
        buffer = io.StringIO()
        csv.writer(buffer, delimiter=delimiter).writerows([shown(cell) for cell in line] for line in grid)
        return buffer.getvalue().encode(encoding, "replace")

    return write


def page(sheets: Sheets) -> bytes:
    """Return a saved page named .xls."""
    tables = []
    for name, grid in sheets.grids.items():
        spans, hidden = _spans(sheets.merged.get(name, []))
        rows = []
        for row, line in enumerate(grid):
            cells = [
                f"<td{spans.get((row, column), '')}>{escape(shown(cell)).replace(chr(10), '<br>')}</td>"
                for column, cell in enumerate(line)
                if (row, column) not in hidden
            ]
            rows.append(f"<tr>{''.join(cells)}</tr>")
        tables.append(f"<table border=1>{''.join(rows)}</table>")
    head = '<html xmlns:x="urn:schemas-microsoft-com:office:excel"><head><meta charset="gb2312"></head><body>'
    return (head + "".join(tables) + "</body></html>").encode("gb18030")


def _spans(
    merged: Sequence[tuple[int, int, int, int]],
) -> tuple[dict[tuple[int, int], str], set[tuple[int, int]]]:
    spans, hidden = {}, set()
    for top, left, bottom, right in merged:
        spans[top, left] = f' rowspan="{bottom - top + 1}" colspan="{right - left + 1}"'
        hidden |= {(r, c) for r in range(top, bottom + 1) for c in range(left, right + 1)} - {(top, left)}
    return spans, hidden


def xml(sheets: Sheets) -> bytes:
    """Return the XML of Excel 2003."""
    parts = []
    for name, grid in sheets.grids.items():
        rows = []
        for line in grid:
            cells = []
            for column, cell in enumerate(line, 1):
                if cell == "":
                    continue
                kind = (
                    "Boolean"
                    if isinstance(cell, bool)
                    else "Number"
                    if isinstance(cell, int | float)
                    else "String"
                )
                said = (
                    str(int(cell)) if isinstance(cell, bool) else escape(shown(cell)).replace("\n", "&#10;")
                )
                cells.append(f'<Cell ss:Index="{column}"><Data ss:Type="{kind}">{said}</Data></Cell>')
            rows.append(f"<Row>{''.join(cells)}</Row>")
        parts.append(f'<Worksheet ss:Name="{escape(name)}"><Table>{"".join(rows)}</Table></Worksheet>')
    space = "urn:schemas-microsoft-com:office:spreadsheet"
    return (
        f'<?xml version="1.0"?>\n<Workbook xmlns="{space}" xmlns:ss="{space}">{"".join(parts)}</Workbook>'
    ).encode()


def ods(sheets: Sheets) -> bytes:
    """Return an OpenDocument spreadsheet."""
    tables = []
    for name, grid in sheets.grids.items():
        rows = []
        for line in grid:
            cells = "".join(_ods_cell(cell) for cell in line)
            rows.append(f"<table:table-row>{cells}</table:table-row>")
        tables.append(f'<table:table table:name="{escape(name)}">{"".join(rows)}</table:table>')
    spaces = " ".join(
        f'xmlns:{one}="urn:oasis:names:tc:opendocument:xmlns:{one}:1.0"'
        for one in ("office", "table", "text")
    )
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {spaces}><office:body><office:spreadsheet>'
        f"{''.join(tables)}</office:spreadsheet></office:body></office:document-content>"
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet", zipfile.ZIP_STORED)
        packed.writestr("content.xml", content)
        packed.writestr(
            "META-INF/manifest.xml",
            '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>',
        )
    return buffer.getvalue()


def _ods_cell(cell: Cell) -> str:
    if cell == "":
        return "<table:table-cell/>"
    text = "".join(f"<text:p>{escape(line)}</text:p>" for line in shown(cell).split("\n"))
    if isinstance(cell, bool):
        said = f'office:value-type="boolean" office:boolean-value="{str(cell).lower()}"'
        return f"<table:table-cell {said}>{text}</table:table-cell>"
    if isinstance(cell, int | float | Typed):
        value = cell.value if isinstance(cell, Typed) else cell
        return f'<table:table-cell office:value-type="float" office:value="{value}">{text}</table:table-cell>'
    return f'<table:table-cell office:value-type="string">{text}</table:table-cell>'


CONTAINERS: Mapping[str, tuple[str, Callable[[Sheets], bytes]]] = {
    "xlsx": (".xlsx", xlsx),
    "xlsx named xls": (".xls", xlsx),
    "csv utf-8": (".csv", _csv("utf-8", ",")),
    "csv with a mark": (".csv", _csv("utf-8-sig", ",")),
    "csv gb18030": (".csv", _csv("gb18030", ",")),
    "csv semicolons": (".csv", _csv("gb18030", ";")),
    "csv tabs utf-16": (".csv", _csv("utf-16", "\t")),
    "page": (".xls", page),
    "xml": (".xls", xml),
    "ods": (".ods", ods),
}
"""By name: how such a file is called, and what writes it."""
ONE_SHEET = frozenset(name for name in CONTAINERS if name.startswith("csv"))
