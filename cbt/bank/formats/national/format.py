"""The 国标 11 columns in a workbook, as one of the formats, and the empty workbook an author fills in."""

from __future__ import annotations

import io
from collections.abc import Sequence

from flask_babel import gettext as _

from cbt.bank.exports.workbook import WORKBOOKS
from cbt.bank.formats.kind import Confidence, Content, Format
from cbt.bank.formats.national.columns import COLUMNS, TEMPLATE
from cbt.bank.formats.national.reading import NAME, read_national
from cbt.bank.formats.workbook import is_workbook, read_workbook
from cbt.bank.imports.drafts import Adjustments, Reading
from cbt.bank.imports.texts import note
from cbt.errors import InvalidInput
from cbt.sheets.findings import Finding
from cbt.sheets.marking import marked_copy
from cbt.sheets.writing import new_workbook, text_format, write_head, write_notes

_RULES = ("columns", "point", "type", "stem", "choices", "answer", "difficulty", "consistency", "import")


def template_workbook() -> bytes:
    """Return the workbook's bytes.

    The headers are those of the national form and the same in every language, since they are what an import
    looks for.
    """
    buffer = io.BytesIO()
    with new_workbook(buffer) as book:
        columns = [COLUMNS.by_name[name] for name in TEMPLATE]
        heads = [(column.headers[0], column.width, column.required) for column in columns]
        text = text_format(book, {"text_wrap": True, "valign": "top"})
        write_head(book, book.add_worksheet(_("bank.template.items")), heads, text)
        lines = [(_(f"bank.template.{name}.name"), _(f"bank.template.{name}.text")) for name in _RULES]
        write_notes(book, _("bank.template.rules"), lines)
    return buffer.getvalue()


def detect(content: Content, _name: str) -> Confidence:
    """Say that a workbook may be one: its columns show when it is read, and an archive may be another's."""
    return Confidence.MAYBE if isinstance(content, bytes) and is_workbook(content) else Confidence.NO


def read(content: Content, name: str, _adjust: Adjustments) -> Reading:
    """Read a workbook as `read_national` does; a folder is none."""
    if not isinstance(content, bytes):
        raise InvalidInput("bank.not_workbook")
    return read_national(content, name)


def mark(content: bytes, findings: Sequence[Finding]) -> bytes:
    """Return a workbook with its findings beside the cells."""
    notes = [note(found) for found in findings]
    return marked_copy(read_workbook(content), notes, COLUMNS, title=_("bank.marked.column"))


NATIONAL = Format(
    NAME,
    detect,
    read,
    endings=(".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"),
    mark=mark,
    template=template_workbook,
    writes=WORKBOOKS,
)
