"""Workbooks that tests fill in, as an author's spreadsheet program would write them."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import xlsxwriter

HEADERS = (
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
Row = Sequence[object]


def single(
    stem: str = "客户来电时，首先应（　　）。", *, point: str = "A-A-A-001", answer: object = "B"
) -> list[object]:
    """Return a sound 单选 row."""
    return [point, "B", stem, "问候客户", "说明来意", "核对身份", "登记诉求", "", answer, 3, 5]


def truth(
    stem: str = "客服员应当如实介绍商品。", *, point: str = "A-A-A-001", answer: object = "√"
) -> list[object]:
    """Return a sound 判断 row."""
    return [point, "C", stem, "", "", "", "", "", answer, 3, 5]


def workbook(rows: Sequence[Row], *, headers: Row = HEADERS, name: str = "试题") -> bytes:
    """Return a workbook of one sheet."""
    return sheets({name: [headers, *rows]})


def sheets(content: Mapping[str, Sequence[Row]]) -> bytes:
    """Return a workbook; numbers stay numbers, texts stay texts."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True, "strings_to_formulas": False})
    for name, rows in content.items():
        page = book.add_worksheet(name)
        for line, row in enumerate(rows):
            for column, cell in enumerate(row):
                if isinstance(cell, bool):
                    page.write_boolean(line, column, cell)
                elif isinstance(cell, int | float):
                    page.write_number(line, column, cell)
                else:
                    page.write_string(line, column, str(cell))
    book.close()
    return buffer.getvalue()
