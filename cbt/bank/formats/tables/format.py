"""Tables of any layout as one of the formats, and the empty workbook of the 国标 11 columns to fill in."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import PurePath

from flask_babel import gettext as _

from cbt import charset
from cbt.bank.exports.workbook import WORKBOOKS
from cbt.bank.formats.kind import Confidence, Content, Format
from cbt.bank.formats.tables.cells.columns import TEMPLATE, meant
from cbt.bank.formats.tables.reading import NAME, header_rows, read_tables
from cbt.bank.formats.workbook import is_workbook, open_tables
from cbt.bank.imports.drafts import Adjustments, Reading
from cbt.bank.imports.texts import note
from cbt.errors import InvalidInput
from cbt.sheets.findings import Finding
from cbt.sheets.marking import marked_copy
from cbt.sheets.writing import new_workbook, text_format, write_head, write_notes

_RULES = ("columns", "point", "type", "stem", "choices", "answer", "difficulty", "consistency", "import")
_FIRST = 40_000
_OTHER_ARCHIVES = (b"word/document.xml", b"imsmanifest.xml", b"ppt/presentation.xml")
_SHEETS = (b"xl/workbook", b"content.xml")
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
        return Confidence.SURE if any(part in content for part in _SHEETS) else Confidence.MAYBE
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
