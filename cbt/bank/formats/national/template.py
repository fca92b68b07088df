"""The empty workbook an author fills in: the 国标 11 columns and instructions."""

from __future__ import annotations

import io

from flask_babel import gettext as _

from cbt.bank.formats.national.columns import COLUMNS, TEMPLATE
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
