"""Headings of a whole table."""

from __future__ import annotations

from cbt.bank.formats.tables.cells.kinds import heading_type
from cbt.bank.formats.tables.rows.shapes import HEADING, KIND_ALONE
from cbt.bank.formats.tables.rows.sheet import Table


def heading_above(table: Table) -> str:
    """Return the heading right above the headers, "" for none that names a type."""
    for row in range(table.head - 2, max(table.head - 5, -1), -1):
        texts = {table.page.cell(row, c) for c in table.page.filled(row, table.left, table.right)}
        if len(texts) != 1:
            return ""
        text = texts.pop()
        if heading_type(text) and (HEADING.match(text) or KIND_ALONE.match(text)):
            return text
    return ""
