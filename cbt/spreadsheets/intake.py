"""Intake of a spreadsheet that somebody sent: any file gives its rows or a refusal, and never more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
from msgspec.structs import replace

from cbt.confined.runner import Exhausted, Limits, run
from cbt.errors import InvalidInput
from cbt.spreadsheets.cells import SheetData
from cbt.spreadsheets.writer import unguarded

LIMITS = Limits()
LIST_CODES = {
    "sheet.too_big": "roster.too_big",
    "sheet.too_long": "roster.too_big",
    "sheet.too_wide": "roster.too_big",
    "sheet.unreadable": "roster.unreadable",
}
"""What lists of people call the refusals of a file."""
_DOCUMENTS = (".doc", ".docx", ".pdf", ".jpg", ".jpeg", ".png", ".zip", ".rar", ".ppt", ".pptx", ".exe")
_CELLS = "cbt.spreadsheets.cells"
_OPENING = "cbt.spreadsheets.table_reader"


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many rows and columns may hold something; `codes` are a room's own for some of the refusals."""

    rows: int
    columns: int
    codes: Mapping[str, str] = field(default_factory=dict)


def read_workbook(body: bytes, bounds: Bounds) -> list[SheetData]:
    """Return the sheets of an .xlsx, .xlsm, .xlsb, .ods or .xls file, whatever its name says.

    Rows are from the first one on, cells are stripped texts from the first column on. Raise
    InvalidInput("sheet.unreadable"), ("sheet.locked"), ("sheet.too_big"), ("sheet.too_long"), ("sheet.too_wide"),
    and as `confined.run` does; or what `bounds` calls these.
    """
    return _read("read_workbook", body, bounds)


def read_csv(body: bytes, bounds: Bounds) -> SheetData:
    """Return a CSV or TSV file (UTF-8 or GB 18030) as one sheet; raise as `read_workbook` does.

    The apostrophes with which we mark texts are taken off.
    """
    sheet = _read("read_csv", body, bounds)[0]
    return replace(sheet, rows=[[unguarded(cell) for cell in row] for row in sheet.rows])


def open_tables(body: bytes, bounds: Bounds) -> list[SheetData]:
    """Return the sheets of whatever holds a table, its cells as a spreadsheet shows them.

    That is what `read_workbook` reads, and CSV in any Chinese encoding, a page or an XML file that a spreadsheet
    program saved. Raise as `read_workbook` does, and InvalidInput("sheet.frames").
    """
    return as_typed(body, _read("open_tables", body, bounds, module=_OPENING))


def open_values(body: bytes, bounds: Bounds) -> list[SheetData]:
    """Return what `open_tables` does, its cells as values rather than as they are shown.

    A whole number comes with all its digits and those zeros its format shows before them, a day as 2026-10-12, a
    time as 09:00. Raise as `open_tables` does.
    """
    return as_typed(body, _read("open_values", body, bounds, module=_OPENING))


def open_list(name: str, body: bytes, bounds: Bounds) -> list[SheetData]:
    """Return the sheets of a list of people, their cells as values.

    Raise InvalidInput("roster.kind") for another kind of file, and what `open_values` does, with the file's name.
    """
    workbook = body[:2] == b"PK" or body[:4] == b"\xd0\xcf\x11\xe0"
    if name.lower().endswith(_DOCUMENTS) or not body.strip() or (not workbook and _is_binary(body)):
        raise InvalidInput("roster.kind", field="file", name=name)
    try:
        return open_values(body, bounds)
    except InvalidInput as error:
        raise InvalidInput(error.code, **{**error.params, "field": "file", "name": name}) from error


def _is_binary(body: bytes) -> bool:
    head = body[:4096]
    return b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff"))


def as_typed(body: bytes, sheets: list[SheetData]) -> list[SheetData]:
    """Return the sheets of a file without the apostrophes with which we mark texts; in workbooks there are none."""
    if body[:2] == b"PK":
        return sheets
    return [replace(one, rows=[[unguarded(cell) for cell in row] for row in one.rows]) for one in sheets]


def asked(task: str, body: bytes, bounds: Bounds) -> bytes:
    """Return what a child's task (module:function, taking `rows` and `columns`) says of a file.

    Raise what it refuses with, as `bounds` calls that, and as `confined.run` does.
    """
    try:
        return run(task, body, limits=LIMITS, rows=bounds.rows, columns=bounds.columns)
    except Exhausted as error:
        raise _named(InvalidInput("sheet.too_big"), bounds) from error
    except InvalidInput as error:
        raise _named(error, bounds) from error


def _read(task: str, body: bytes, bounds: Bounds, module: str = _CELLS) -> list[SheetData]:
    return msgspec.msgpack.decode(asked(f"{module}:{task}", body, bounds), type=list[SheetData])


def _named(error: InvalidInput, bounds: Bounds) -> InvalidInput:
    if error.code not in bounds.codes:
        return error
    return InvalidInput(bounds.codes[error.code], **{"rows": bounds.rows, **error.params})


MOST_FILLED = 200_000
WIDEST = 60


class Merged:
    """The cells (row and column from 0) that a merged cell covers, with its text.

    `over` are those below its first, `across` those of its first row. Past `MOST_FILLED` no more are taken.
    """

    def __init__(self, rows: Sequence[Sequence[str]], merged: Iterable[tuple[int, int, int, int]]) -> None:
        self.over: dict[tuple[int, int], str] = {}
        self.across: dict[tuple[int, int], str] = {}
        for top, left, bottom, right in merged:
            line = rows[top] if top < len(rows) else []
            text = line[left] if left < len(line) else ""
            if not text or len(self.over) + len(self.across) > MOST_FILLED or right - left > WIDEST:
                continue
            for column in range(left, right + 1):
                self.across[top, column] = text
            for row in range(top + 1, min(bottom + 1, len(rows))):
                self.over[row, left] = text


def filled(sheet: SheetData) -> SheetData:
    """Return a sheet in which each cell says what a merged one over it says: a copy has none."""
    rows = [list(row) for row in sheet.rows]
    for (row, column), text in Merged(sheet.rows, sheet.merged).over.items():
        rows[row] += [""] * (column + 1 - len(rows[row]))
        rows[row][column] = rows[row][column] or text
    return replace(sheet, rows=rows, merged=[])
