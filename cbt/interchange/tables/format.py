"""Tables as a format of banks: workbooks written, a template, files detected and read, a copy with findings.

A workbook has the long national form, or the common one that is changed by hand and comes in again.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from typing import IO, Any

from flask_babel import gettext as _

from cbt import charset
from cbt.errors import InvalidInput
from cbt.interchange.export import proven
from cbt.interchange.format import Carried, Carries, Confidence, Content, Export, Format, OutForm
from cbt.interchange.tables.headers import TEMPLATE, meant
from cbt.interchange.tables.sheet import is_workbook, open_tables
from cbt.interchange.tables.table_file import NAME, header_rows, read_tables
from cbt.items.draft import Adjustments, ItemDraft, Reading
from cbt.items.finding_texts import note
from cbt.items.types.cells import LETTERS, SheetMapping
from cbt.items.types.folders import Mappings
from cbt.spreadsheets.findings import Finding
from cbt.spreadsheets.writer import (
    XLSX,
    add_sheet,
    marked_copy,
    new_workbook,
    text_format,
    write_head,
    write_notes,
    write_text,
)

ROWS = 20_000
"""Items a sheet: as many as an import takes."""
LONGEST_CELL = 32_767
_COMMON = frozenset({"stem", "explanation", "point", "difficulty", "consistency"})
_SHEETS = Mappings("sheet", SheetMapping)
CARRIES: Carried = Carries(_SHEETS, _COMMON)
_HARD = ("易", "较易", "中等", "较难", "难")
Head = tuple[str, int, bool]
Row = Callable[[Export, int, ItemDraft], Sequence[str]]

LONG_HEAD: Sequence[Head] = (
    ("题库名称", 18, False),
    ("ID", 22, False),
    ("序号", 8, False),
    ("认定点代码", 14, True),
    ("题型代码", 14, True),
    ("题号", 8, False),
    ("试题（题干）", 60, True),
    *((f"试题（选项{letter}）", 24, False) for letter in LETTERS),
    ("【图】及位置", 14, False),
    ("正确答案", 14, True),
    ("难度代码", 12, False),
    ("一致性代码", 12, False),
    ("解析", 40, False),
)
COMMON_HEAD: Sequence[Head] = (
    ("系统编号", 18, False),
    ("题型", 10, True),
    ("鉴定点代码", 14, True),
    ("题干", 60, True),
    *((f"选项{letter}", 24, False) for letter in LETTERS),
    ("正确答案", 14, True),
    ("题目解析", 40, False),
    ("难度", 8, False),
    ("一致性", 8, False),
)


def _long_row(export: Export, place: int, draft: ItemDraft) -> Sequence[str]:
    data, number, mapping = draft.data, str(place), _SHEETS[draft.data["type"]]
    hard = data.get("difficulty", 3)
    return (
        export.name, draft.ref, number, str(data.get("point", "")), f"{mapping.code}（{mapping.name}）", number,
        mapping.stem(data),
        *_choices(data), "", mapping.answer(data), f"{hard}（{_HARD[hard - 1]}）", str(data.get("consistency", 5)),
        str(data.get("explanation", "")),
    )  # fmt: skip


def _common_row(_export: Export, _place: int, draft: ItemDraft) -> Sequence[str]:
    data, mapping = draft.data, _SHEETS[draft.data["type"]]
    return (
        draft.ref, mapping.name, str(data.get("point", "")), mapping.stem(data), *_choices(data),
        mapping.answer(data), str(data.get("explanation", "")), str(data.get("difficulty", 3)),
        str(data.get("consistency", 5)),
    )  # fmt: skip


def _choices(data: Mapping[str, Any]) -> list[str]:
    return [str(text) for text in (*data.get("choices", ()), *[""] * len(LETTERS))][: len(LETTERS)]


def _back(draft: ItemDraft) -> tuple[str, Mapping[str, Any] | None]:
    """Return what the cells of an item say by the rules of its type; "" of text: it has only cells."""
    data, mapping = draft.data, _SHEETS[draft.data["type"]]
    stem, answer = mapping.stem(data), mapping.answer(data)
    cells = [stem, answer, *map(str, data.get("choices", ()))]
    if any(len(text) > LONGEST_CELL or text != text.strip() for text in cells):
        return "", None
    otherwise = mapping.back(data, stem, answer)
    if otherwise is None:
        return "", None
    carried = CARRIES[data["type"]] | {"type"}
    return "", {**{name: value for name, value in data.items() if name in carried}, **otherwise}


def _write(export: Export, target: IO[bytes], head: Sequence[Head], row: Row) -> None:
    with new_workbook(target, long=True) as book:
        shape = text_format(book, {"text_wrap": True, "valign": "top"})
        sheet, place = None, 0
        for draft, _text in proven(export, CARRIES, _back):
            if sheet is None or place == ROWS:
                sheet, place = add_sheet(book, export.name), 0
                write_head(book, sheet, head, shape)
            place += 1
            for column, text in enumerate(row(export, place, draft)):
                write_text(sheet, place, column, text, shape)
        if sheet is None:
            write_head(book, add_sheet(book, export.name), head, shape)


def _write_long(export: Export, target: IO[bytes]) -> None:
    _write(export, target, LONG_HEAD, _long_row)


def _write_common(export: Export, target: IO[bytes]) -> None:
    _write(export, target, COMMON_HEAD, _common_row)


WORKBOOKS = (
    OutForm("common", ".xlsx", XLSX, _write_common, CARRIES),
    OutForm("national", ".xlsx", XLSX, _write_long, CARRIES),
)


_RULES = ("columns", "point", "type", "stem", "choices", "answer", "difficulty", "consistency", "import")
_FIRST = 40_000
_OTHER_ARCHIVES = (b"word/document.xml", b"imsmanifest.xml", b"ppt/presentation.xml")
_SHEET_MEMBERS = (b"xl/workbook", b"content.xml")
_TAG = re.compile(r"<[^<>]*>")
_XML_SPREADSHEET = "urn:schemas-microsoft-com:office:spreadsheet"


def template_workbook() -> bytes:
    """Return the workbook's bytes.

    The headers are those of the national form and the same in every language, since they are what an import
    looks for.
    """
    buffer = io.BytesIO()
    with new_workbook(buffer) as book:
        heads = [(column.headers[0], column.width, column.required) for column in TEMPLATE]
        text = text_format(book, {"text_wrap": True, "valign": "top"})
        write_head(book, book.add_worksheet(_("bank.template.items")), heads, text)
        lines = [(_(f"bank.template.{name}.name"), _(f"bank.template.{name}.text")) for name in _RULES]
        write_notes(book, _("bank.template.rules"), lines)
    return buffer.getvalue()


def detect(content: Content, name: str) -> Confidence:
    """Say that a workbook is one, whatever it is called, and a text whose first lines name columns of items."""
    if not isinstance(content, bytes) or not content.strip(b"\0\r\n\t "):
        return Confidence.NO
    if is_workbook(content):
        if content[:2] != b"PK":
            return Confidence.NO if b"W\0o\0r\0d\0D\0o\0c\0u\0m\0e\0n\0t\0" in content else Confidence.SURE
        if any(part in content for part in _OTHER_ARCHIVES):
            return Confidence.NO
        return Confidence.SURE if any(part in content for part in _SHEET_MEMBERS) else Confidence.MAYBE
    if is_lock(content, name):
        return Confidence.SURE
    return _of_text(_head(content), name)


def is_lock(content: Content, name: str) -> bool:
    """Return whether a file only says who has the real one open."""
    return PurePath(name).name.startswith("~$") and isinstance(content, bytes) and len(content) < 2000


def _head(content: bytes) -> str:
    found = charset.decode(content[:_FIRST])
    return "" if found is None else found.text


def _of_text(text: str, name: str) -> Confidence:
    if _XML_SPREADSHEET in text[:4000]:
        return Confidence.SURE
    if re.search(r"<(?:table|html)[\s>]", text[:4000], re.IGNORECASE):
        cells = re.findall(r"<t[dh][^<>]*>(.*?)</t[dh]>", text, re.DOTALL | re.IGNORECASE)
        fields = {meant(_TAG.sub("", cell).strip()) for cell in cells[:400]} - {""}
        known = "stem" in fields and len(fields) > 2
        return Confidence.SURE if known or "office:excel" in text[:4000] else Confidence.NO
    lines = [line for line in text.splitlines()[:12] if line.strip()]
    for line in lines:
        for delimiter in "\t,;|":
            fields = {meant(cell.strip(' "')) for cell in line.split(delimiter)} - {""}
            if "stem" in fields and len(fields) > 2:
                return Confidence.SURE
    tabs = [line.count("\t") for line in lines]
    if len(tabs) > 2 and min(tabs) > 1 and len(set(tabs)) == 1:
        return Confidence.MAYBE
    if PurePath(name).suffix.lower() in {".csv", ".tsv"} and any(
        "," in one or "\t" in one or ";" in one for one in lines
    ):
        return Confidence.MAYBE
    return Confidence.NO


def read(content: Content, name: str, adjust: Adjustments) -> Reading:
    """Read a file as `read_tables` does; a folder is none.

    Raises InvalidInput("bank.lock_file") for what a program leaves beside a file that is open.
    """
    if isinstance(content, bytes) and is_lock(content, name):
        raise InvalidInput("bank.lock_file", name=name)
    if not isinstance(content, bytes) or detect(content, name) is Confidence.NO:
        raise InvalidInput("bank.not_workbook")
    return read_tables(content, name, adjust)


def mark(content: bytes, findings: Sequence[Finding]) -> bytes:
    """Return a file as a workbook with its findings beside the cells."""
    notes = [note(found) for found in findings]
    sheets = open_tables(content)
    return marked_copy(sheets, notes, header_rows(sheets), title=_("bank.marked.column"))


TABLES = Format(
    NAME,
    detect,
    read,
    endings=(".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".csv", ".tsv"),
    mark=mark,
    template=template_workbook,
    writes=WORKBOOKS,
)
