"""The child's side of reading a spreadsheet: bytes to rows of text, refused where it is none or has no end.

Only `cbt.confined` runs this, in a process of its own.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, time

import msgspec
import python_calamine

from cbt import charset
from cbt.errors import InvalidInput

MOST_ENTRIES = 2000
MOST_UNPACKED = 200 * 1024 * 1024
MOST_OF_ONE = 100 * 1024 * 1024
MOST_RATIO = 200
LONGEST_CELL = 1_000_000
"""Characters of one cell: thirty times what a spreadsheet program takes."""
_SMALL = 4096
_LOST_FROM = 10**15
_SHORTENED = re.compile(r"\d(\.\d+)?E\+1[5-9]", re.IGNORECASE)
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_ENCRYPTED_BIT = 0x1
WORKSHEET = python_calamine.SheetTypeEnum.WorkSheet


class SheetData(msgspec.Struct, frozen=True, array_like=True):
    """One sheet; `lost` are (row, column) from 0 of long numbers whose last digits a program dropped.

    What `opening` reads has more: `merged` cells (first row and column, last row and column), cells with
    `pictures` that lie nowhere in the file, or nowhere that is read, `unshown`, typed cells of which it is not
    known what a spreadsheet shows, `shown`, the pictures by cell, with their parts and the words for them, and
    `looks`, the cells that are coloured or bold, each with how it looks.
    """

    name: str
    rows: list[list[str]]
    lost: list[tuple[int, int]]
    merged: list[tuple[int, int, int, int]] = []
    pictures: list[tuple[int, int]] = []
    unshown: list[tuple[int, int]] = []
    shown: list[tuple[int, int, str, str]] = []
    looks: list[tuple[int, int, str]] = []


def read_workbook(body: bytes, *, rows: int, columns: int) -> bytes:
    """Return the sheets of a workbook as msgpack.

    Raise InvalidInput("sheet.unreadable"), ("sheet.locked") behind a password, ("sheet.too_big") when it unpacks
    beyond measure, ("sheet.too_long") and ("sheet.too_wide") with the sheet.
    """
    if body[:2] == b"PK":
        check_package(body)
    elif ENCRYPTED in body:
        raise InvalidInput("sheet.locked")
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(body))
        sheets = [
            _sheet(book, known.name, rows, columns)
            for known in book.sheets_metadata
            if known.typ == WORKSHEET
        ]
    except (InvalidInput, MemoryError):
        raise
    except python_calamine.PasswordError as error:
        raise InvalidInput("sheet.locked") from error
    except BaseException as error:  # the reader has its own kinds of error, and panics over some damage
        raise InvalidInput("sheet.unreadable") from error
    return msgspec.msgpack.encode(sheets)


def read_csv(body: bytes, *, rows: int, columns: int) -> bytes:
    """Return the one sheet of a CSV or TSV file as msgpack; raise as `read_workbook` and `charset_text` do."""
    text = charset_text(body)
    first = text.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text), delimiter="\t" if "\t" in first else ",")
    try:
        return msgspec.msgpack.encode([gather("", reader, rows, columns)])
    except csv.Error as error:
        raise InvalidInput("sheet.unreadable") from error


def charset_text(body: bytes, label: str = "") -> str:
    """Return the text of a table; `label` is the charset it names.

    Raise InvalidInput("sheet.charset") where that is not sure: whoever brought it says it by saving it anew.
    """
    decoded = charset.decode(body, label)
    if decoded is None or not decoded.sure:
        raise InvalidInput("sheet.charset")
    return decoded.text


def _as_text(_row: int, _column: int, cell: object) -> str:
    return text_of(cell)


def check_package(body: bytes) -> None:
    """Refuse an archive that no spreadsheet program writes before anything of it is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as package:
            entries = package.infolist()
    except Exception as error:  # zipfile raises several kinds over a broken directory
        raise InvalidInput("sheet.unreadable") from error
    if any(entry.flag_bits & _ENCRYPTED_BIT for entry in entries):
        raise InvalidInput("sheet.locked")
    if len({entry.filename.casefold() for entry in entries}) != len(entries):
        raise InvalidInput("sheet.unreadable")  # two parts of one name: each reader would see another file
    unpacked = sum(entry.file_size for entry in entries)
    if len(entries) > MOST_ENTRIES or unpacked > MOST_UNPACKED:
        raise InvalidInput("sheet.too_big")
    if any(entry.file_size > MOST_OF_ONE for entry in entries):
        raise InvalidInput("sheet.too_big")
    if any(entry.file_size > MOST_RATIO * max(entry.compress_size, _SMALL) for entry in entries):
        raise InvalidInput("sheet.too_big")


def _sheet(book: python_calamine.CalamineWorkbook, name: str, rows: int, columns: int) -> SheetData:
    sheet = book.get_sheet_by_name(name)
    top, left = sheet.start or (0, 0)
    if left >= columns:
        raise InvalidInput("sheet.too_wide", sheet=name, limit=columns)
    if top >= rows:
        raise InvalidInput("sheet.too_long", sheet=name, limit=rows)
    return gather(name, from_first(sheet.iter_rows(), top, left), rows, columns)


def from_first(rows: Iterable[Sequence[object]], top: int, left: int) -> Iterator[Sequence[object]]:
    """Yield the rows of a sheet from A1 on: the reader begins at the first cell that holds something."""
    for _ in range(top):
        yield []
    before = [""] * left
    for row in rows:
        yield [*before, *row]


def gather(
    name: str,
    sheet_rows: Iterable[Sequence[object]],
    most: int,
    columns: int,
    cell_text: Callable[[int, int, object], str] = _as_text,
) -> SheetData:
    """Return the rows as text without what is empty at their ends: a sheet is as large as what stands in it.

    Raise InvalidInput("sheet.too_big") for a cell of more than any text, ("sheet.too_long"), ("sheet.too_wide").
    `cell_text` says what the cell of a row and a column reads.
    """
    rows: list[list[str]] = []
    lost: list[tuple[int, int]] = []
    blank = 0
    for number, row in enumerate(sheet_rows):
        if row.count("") == len(row):  # a million of them come before one cell far below
            blank += 1
            continue
        if any(isinstance(cell, str) and len(cell) > LONGEST_CELL for cell in row):
            raise InvalidInput("sheet.too_big")
        cells = [cell_text(number, place, cell) for place, cell in enumerate(row)]
        while cells and not cells[-1]:
            cells.pop()
        if not cells:
            blank += 1
            continue
        if number >= most:
            raise InvalidInput("sheet.too_long", sheet=name, limit=most)
        if len(cells) > columns:
            raise InvalidInput("sheet.too_wide", sheet=name, limit=columns)
        rows.extend([] for _ in range(blank))
        blank = 0
        lost += [(number, place) for place, cell in enumerate(row[: len(cells)]) if _is_lost(cell)]
        rows.append(cells)
    return SheetData(name, rows, lost)


def text_of(cell: object) -> str:
    """Return a cell as text."""
    match cell:
        case bool():
            return "TRUE" if cell else "FALSE"
        case float() if cell.is_integer():
            return str(int(cell))
        case float():
            return repr(cell)
        case datetime() if cell.time() == time.min:
            return cell.date().isoformat()
        case datetime():
            return cell.isoformat(" ")
        case date() | time():
            return cell.isoformat()
        case _:
            return str(cell).strip()


def _is_lost(cell: object) -> bool:
    """Return whether a spreadsheet kept a long number as a number and dropped digits."""
    if isinstance(cell, float):
        return cell.is_integer() and abs(cell) >= _LOST_FROM
    return isinstance(cell, str) and _SHORTENED.fullmatch(cell.strip()) is not None
