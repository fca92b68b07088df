"""The empty workbook an author fills in: the 国标 11 columns and instructions."""

from __future__ import annotations

import io

from flask_babel import gettext as _

from cbt.sheets.writing import new_workbook, text_format, write_text

COLUMNS = (
    "鉴定点代码",
    "题目类型代码",
    "试题(题干)",
    "选项A",
    "选项B",
    "选项C",
    "选项D",
    "选项E",
    "答案",
    "难度代码",
    "一致性代码",
)
_WIDTHS = (16, 14, 60, 24, 24, 24, 24, 24, 10, 10, 12)
_RULES = ("columns", "point", "type", "stem", "choices", "answer", "difficulty", "consistency", "import")


def template_workbook() -> bytes:
    """Return the workbook's bytes; every cell is text, so that codes such as 001 stay as they are.

    The headers are those of the national form and the same in every language, since they are what an import
    looks for.
    """
    buffer = io.BytesIO()
    book = new_workbook(buffer)
    shape = {"text_wrap": True, "valign": "top"}
    head = text_format(book, {**shape, "bold": True, "bg_color": "#E6EEFC", "border": 1})
    text = text_format(book, shape)
    items = book.add_worksheet(_("bank.template.items"))
    for index, (header, wide) in enumerate(zip(COLUMNS, _WIDTHS, strict=True)):
        items.set_column(index, index, wide, text)
        write_text(items, 0, index, header, head)
    items.freeze_panes(1, 0)
    rules = book.add_worksheet(_("bank.template.rules"))
    rules.set_column(0, 0, 18, head)
    rules.set_column(1, 1, 90, text)
    for row, name in enumerate(_RULES):
        write_text(rules, row, 0, _(f"bank.template.{name}.name"), head)
        write_text(rules, row, 1, _(f"bank.template.{name}.text"), text)
    book.close()
    return buffer.getvalue()
