"""The child's side of a workbook with pictures: its sheets, and the pictures that can be drawn anew.

Only `cbt.confined` runs this, in a process of its own.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from cbt.interchange import picture_marks
from cbt.interchange.raw_items import MOST_OF_ONE, Gleaning
from cbt.spreadsheets.cells import SheetData
from cbt.spreadsheets.table_reader import tables


class PicturedBook(msgspec.Struct, frozen=True, array_like=True):
    """The sheets of a workbook; `marks` stand for its pictures, in order, `bodies` are these by their keys."""

    sheets: list[SheetData]
    marks: list[str]
    bodies: dict[str, bytes]


def open_pictured(body: bytes, *, rows: int, columns: int) -> bytes:
    """Return a `PicturedBook` as msgpack; raise as `opening.tables` does.

    A picture that cannot be handed on is one of `SheetData.pictures` again.
    """
    sheets = tables(body, rows, columns)
    gleaning, marks = Gleaning(), list[str]()
    if any(sheet.shown for sheet in sheets):
        gleaning.look = _parts(body)
        sheets = [_taken(sheet, gleaning, marks) for sheet in sheets]
    return msgspec.msgpack.encode(PicturedBook(sheets, marks, gleaning.pictures))


def _taken(sheet: SheetData, gleaning: Gleaning, marks: list[str]) -> SheetData:
    shown, lost = [], list(sheet.pictures)
    for row, column, part, words in sheet.shown:
        mark = picture_marks.mark(len(marks))
        medium = gleaning.medium(part, picture_marks.worded(words)) if mark else None
        if medium is None:
            lost.append((row, column))
        else:
            marks.append(medium)
            shown.append((row, column, mark, ""))
    return replace(sheet, shown=shown, pictures=sorted(set(lost)))


def _parts(body: bytes) -> Callable[[str], bytes | None]:
    """Return what reads one picture of the package, None for what is none or is too large."""
    package = zipfile.ZipFile(io.BytesIO(body))  # it was looked through before
    entries = {entry.filename: entry for entry in package.infolist()}

    def look(name: str) -> bytes | None:
        entry = entries.get(name)
        if entry is None or entry.file_size > MOST_OF_ONE:
            return None
        try:
            with package.open(entry) as part:
                read = part.read(MOST_OF_ONE + 1)
        except MemoryError:
            raise
        except Exception:  # one damaged part leaves the others as they are
            return None
        return read if read.startswith(picture_marks.HEADS) else None

    return look
