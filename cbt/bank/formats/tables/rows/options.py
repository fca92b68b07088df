"""Tables with a row for each choice, and a column that says which are right."""

from __future__ import annotations

from cbt.bank.formats.tables.rows.records import Records, SheetItem
from cbt.bank.formats.tables.rows.shapes import INSTRUCTED, INSTRUCTION
from cbt.bank.formats.tables.rows.sheet import Table


def gather_options(table: Table) -> Records:
    """Return the items of a table with a row for each choice: rows of one item share its number, or follow it."""
    found, now = Records(table, several_rows=True), None
    for row in range(table.start, table.end):
        if not table.page.filled(row, table.left, table.right):
            continue
        number, stem = table.text(row, "number"), table.text(row, "stem")
        right, option = table.text(row, "right"), table.text(row, "choices")
        if row - table.start < INSTRUCTED and not found.items and _instructs(table, row, right):
            found.left_out.append((row, "row_instruction"))
            continue
        fresh = (
            now is None
            or (number and number != now.number)
            or (bool(stem) and not number and stem != now.stem)
        )
        if not stem and not option and not number:
            found.left_out.append((row, "row_left_out"))
            continue
        if fresh:
            now = SheetItem(
                table,
                [row],
                number=number,
                type=table.text(row, "type"),
                stem=stem,
                answer=table.text(row, "answer"),
                explanation=table.text(row, "explanation"),
                difficulty=table.text(row, "difficulty"),
                point=table.text(row, "point"),
            )
            found.items.append(now)
        else:
            assert now is not None
            now.rows.append(row)
            now.stem = now.stem or stem
            now.type = now.type or table.text(row, "type")
            if stem and stem != now.stem:
                now.lines.append(stem)
        assert now is not None
        if option or right:
            now.at[row] = len(now.choices)
            now.choices.append(option)
            now.rights.append(right)
    return found


def _instructs(table: Table, row: int, right: str) -> bool:
    cells = [table.page.cell(row, column) for column in table.page.filled(row)]
    said = sum(bool(INSTRUCTION.search(cell)) for cell in cells)
    return said >= 1 and right not in {"0", "1"} and (said >= 2 or len(right) > 2)
