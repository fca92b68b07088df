"""What there is to say of a file beside its items: rows and columns left out, sheets not understood, its layout."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cbt.bank.formats.tables.cells.columns import meant, plain_header
from cbt.bank.formats.tables.cells.keys import has_blank, keys_in_stem
from cbt.bank.formats.tables.deciding import Decided
from cbt.bank.formats.tables.itemrow import Sense
from cbt.bank.formats.tables.ready import ReadyTable
from cbt.bank.formats.tables.rows.records import Records
from cbt.bank.formats.tables.rows.sheet import Page, Table
from cbt.bank.imports.drafts import ItemDraft
from cbt.rules.items.values import ItemType
from cbt.sheets.columns import ColumnUse, letter
from cbt.sheets.findings import Finding, Place, Severity

_PATTERN_FROM = 20
_MISSING_KEYS = 0.9


@dataclass(slots=True)
class Part:
    """One table, as it was understood."""

    table: Table
    records: Records
    prepared: ReadyTable
    decided: list[Decided]
    sense: Sense
    items: list[ItemDraft] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def rows_left_out(part: Part) -> Iterator[Finding]:
    """Yield one finding for each way in which rows were left out, at the first of them."""
    rows: dict[str, list[int]] = {}
    for row, code in part.records.left_out:
        rows.setdefault(code, []).append(row)
    for code, places in rows.items():
        page = part.table.page
        text = " ".join(cell for cell in page.rows[places[0]] if cell)
        place = Place(page.file, page.name, places[0] + 1)
        yield Finding(Severity.HINT, code, place, text, params={"count": len(places)})


def about_columns(part: Part) -> Iterator[Finding]:
    table = part.table
    for column, name in table.doubled:
        if name == "number":
            continue
        place = Place(
            table.page.file, table.page.name, table.head, letter(column), table.headers.get(column, "")
        )
        yield Finding(
            Severity.HINT, "column_double", place, table.headers.get(column, ""), params={"field": name}
        )
    asked = [
        found for found in part.findings if found.code == "missing" and found.params.get("field") == "answer"
    ]
    if not part.sense.scaled:
        place = part.prepared.items[0].raw.place("difficulty")
        yield Finding(Severity.HINT, "scale_unread", place, part.prepared.items[0].raw.difficulty)
    count = len(part.prepared.items)
    if not table.has("answer", "right", "blank_1") and 0 < _MISSING_KEYS * count <= len(asked):
        part.findings = [found for found in part.findings if found not in asked]
        place = Place(table.page.file, table.page.name, table.head)
        yield Finding(Severity.ERROR, "column_missing", place, params={"fields": ["answer"]})


def not_read(page: Page, file_name: str, *, alone: bool) -> list[Finding]:
    texts = [cell for row in page.rows for cell in row if cell]
    if not texts:
        return []
    asking = sum(has_blank(text) or bool(keys_in_stem(text, ["", ""])) for text in texts if len(text) > 5)
    wide = sum(len(page.filled(row)) > 2 and max(map(len, cells)) > 9 for row, cells in enumerate(page.rows))
    if alone and not asking and wide < 3:
        return []
    if asking > 3 or wide > 2 or alone:
        return [Finding(Severity.ERROR, "sheet_unclear", Place(file_name, page.name))]
    return [Finding(Severity.HINT, "sheet_left_out", Place(file_name, page.name))]


def explains_columns(page: Page) -> bool:
    """Return whether a sheet only says of columns, one in each row, what goes there; our own template has one."""
    named = {meant(page.cell(row, 0)) for row in range(len(page.rows))}
    wide = any(max(page.filled(row), default=0) > 1 for row in range(len(page.rows)))
    return not wide and {"point", "type", "stem", "answer"} <= named


def key_patterns(items: Sequence[ItemDraft], file_name: str) -> Iterator[Finding]:
    """Yield one warning where every single choice has the same letter for its key."""
    keys = Counter(item.data["answer"] for item in items if item.data["type"] == ItemType.SINGLE_CHOICE)
    if keys.total() >= _PATTERN_FROM and len(keys) == 1:
        letter_said = next(iter(keys))
        params = {"letter": letter_said, "count": keys.total()}
        yield Finding(Severity.HINT, "key_pattern", Place(file_name), letter_said, params=params)


def uses_of(table: Table) -> Iterator[ColumnUse]:
    by_column = {column: name for name, column in table.columns.items()}
    for column in range(table.left, table.right + 1):
        header = table.headers.get(column, "")
        if header or column in by_column:
            yield ColumnUse(table.page.name, letter(column), header, by_column.get(column, ""))


def layout_of(parts: Sequence[Part]) -> str:
    """Return what is the same for files laid out alike: sheets, headers, what their columns are read as."""
    if not parts:
        return ""
    said = [
        (
            part.table.page.name,
            part.table.head,
            [plain_header(text) for _column, text in sorted(part.table.headers.items()) if text],
            sorted(part.table.columns.items()),
        )
        for part in parts
    ]
    return hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest()
