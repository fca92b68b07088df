"""The records of a part under a mapping: each item's cells or lines, what is a heading, what is nobody's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from cbt.interchange import json_bank
from cbt.interchange.mapping.definition import (
    FileMapping,
    ItemLayout,
    number_of,
    pattern_of,
    plain,
    samples_of,
)
from cbt.interchange.mapping.source import LISTED, RECORDS, RawPart
from cbt.interchange.tables.cells import clean
from cbt.interchange.tables.rows import Records, SheetItem, item_in
from cbt.interchange.tables.sheet import Page, Table
from cbt.spreadsheets.cells import SheetData

RUBBISH, HEADING = "row_rubbish", "row_heading"
HEAD = "head"
_AFTER_BLANK = "-"
"""The sample of a first line that only stands behind an empty one."""


@dataclass(slots=True)
class Taken:
    """What a part was taken for: its items, and by row (from 0) what that row is (a part of an item, or none)."""

    records: Records
    roles: dict[int, str] = field(default_factory=dict)


def table_of(part: RawPart, mapping: FileMapping) -> Table:
    """Return a part as a table whose columns are what the mapping says."""
    rows = part.rows
    if mapping.cut and mapping.layout is ItemLayout.ROWS:
        rows = [cut(line, mapping.cut) for line in rows]
    page = Page(replace(part.data, rows=rows), part.file)
    if part.form == RECORDS:
        page.rows = [[_said(cell) for cell in line] for line in rows]
    labels = labels_of(part, mapping)
    columns = {
        name: labels.index(label) for label, name in mapping.columns.items() if name and label in labels
    }
    head = mapping.head if part.form != RECORDS and mapping.layout is ItemLayout.ROWS else 0
    table = Table(page, head, head, len(page.rows), 0, max(len(labels) - 1, 0), columns)
    if part.form == RECORDS:
        table.headers = dict(enumerate(labels))
    elif head:
        table.headers = {column: page.cell(head - 1, column) for column in range(len(labels))}
    return table


def cut(line: Sequence[str], sign: str) -> list[str]:
    """Return the cells of a line; blanks alone separate however many they are."""
    text = "\t".join(line).rstrip("\t") if len(line) > 1 else (line[0] if line else "")
    return re.split(r"[ \u3000]+", text.strip()) if not sign.strip(" \u3000") else text.split(sign)


def labels_of(part: RawPart, mapping: FileMapping) -> list[str]:
    """Return what the columns of a part are called once its lines are cut."""
    if not mapping.cut or mapping.layout is not ItemLayout.ROWS:
        return part.labels
    width = max((len(cut(line, mapping.cut)) for line in part.rows), default=1)
    return [str(number) for number in range(1, min(width, 60) + 1)]


def _said(cell: str) -> str:
    return LISTED.join(json_bank.plain_text(piece)[0] for piece in cell.split(LISTED))


def gather(part: RawPart, mapping: FileMapping) -> Taken:
    """Return the items of a part, without their keys where these stand elsewhere."""
    if mapping.layout is ItemLayout.LINES:
        return _Lines(part, mapping).run()
    return _rows(part, mapping)


def is_rubbish(text: str, number: int, mapping: FileMapping) -> bool:
    """Return whether a row (from 1) is one that the author says is nobody's."""
    shown = plain(text)
    return number in mapping.skip or any(plain(word) in shown for word in mapping.rubbish)


def _rows(part: RawPart, mapping: FileMapping) -> Taken:
    table = table_of(part, mapping)
    page, records = table.page, Records(table, several_rows=mapping.several)
    taken, heading = Taken(records), ""
    headings = [pattern_of(sample) for sample in samples_of(mapping.labels.get("heading", ""))]
    if table.head:
        taken.roles = dict.fromkeys(range(table.head), RUBBISH) | {table.head - 1: HEAD}
    for row in range(table.start, table.end):
        filled = page.filled(row, 0, table.right)
        text = " ".join(page.cell(row, column) for column in filled)
        if not filled:
            continue
        if is_rubbish(text, row + 1, mapping):
            taken.roles[row] = RUBBISH
            records.left_out.append((row, RUBBISH))
        elif row + 1 in mapping.headings or (
            len({page.cell(row, column) for column in filled}) == 1
            and any(pattern.match(plain(text)) for pattern in headings)
        ):
            taken.roles[row], heading = HEADING, page.cell(row, filled[0])
        elif mapping.several and records.items and _goes_on(table, row, records.items[-1]):
            taken.roles[row] = "goes_on"
            _attach(table, row, records.items[-1])
        else:
            taken.roles[row] = "item"
            records.items.append(_item(table, row, heading))
    return taken


def _goes_on(table: Table, row: int, item: SheetItem) -> bool:
    stem, number = table.text(row, _stem(table)), table.text(row, "number")
    return (not stem and not number) or (bool(number) and number == item.number) or stem == item.stem


def _stem(table: Table) -> str:
    return "stem" if table.has("stem") else "stem_choices"


def _item(table: Table, row: int, heading: str) -> SheetItem:
    item = item_in(table, row, kind=table.spread(row, "type"), heading=heading)
    item.stem = table.text(row, _stem(table))
    item.rights = [table.text(row, "right")] if table.has("right") else []
    return item


def _attach(table: Table, row: int, item: SheetItem) -> None:
    """Add a row to the item above: its choices, and what that has not."""
    item.rows.append(row)
    if text := table.text(row, "choices"):
        item.at[row] = len(item.cells)
        item.cells.append(text)
        item.rights += [table.text(row, "right")] if table.has("right") else []
    item.choices += [text for name in table.of("choice_") if (text := table.text(row, name))]
    for name in ("answer", "type", "point", "difficulty"):
        setattr(item, name, getattr(item, name) or table.text(row, name))
    if text := table.text(row, "explanation"):
        item.explanation = f"{item.explanation}\n{text}".strip() if text != item.explanation else text


Segment = tuple[str, str]
"""A field and what a line says of it."""


class _Lines:
    """Goes down the lines of a part whose items take several each."""

    def __init__(self, part: RawPart, mapping: FileMapping) -> None:
        self._mapping = mapping
        lines = [" ".join(cell for cell in map(clean, row) if cell) for row in part.rows]
        page = Page(SheetData(part.name, [[line] for line in lines], []), part.file)
        self._table = Table(page, 0, 0, len(lines), 0, 0, {"stem": 0})
        self._taken = Taken(Records(self._table, several_rows=True))
        labels = {name: samples_of(sample) for name, sample in mapping.labels.items()}
        self._after_blank = labels.get("number") == [_AFTER_BLANK]
        self._starts = [pattern_of(sample) for sample in labels.get("number", []) if not self._after_blank]
        self._choice = [pattern_of(sample, lettered=True) for sample in labels.get("choices", [])]
        self._headings = [pattern_of(sample) for sample in labels.get("heading", [])]
        fields = ("answer", "explanation", "type", "point", "difficulty")
        self._fields = [(name, pattern_of(sample)) for name in fields for sample in labels.get(name, [])]
        self._heading = ""
        self._now = ""
        """The field that a line without a label goes on with."""
        self._blank = True

    def run(self) -> Taken:
        for row, (text,) in enumerate(self._table.page.rows):
            if not text:
                self._blank = True
                continue
            self._take(row, text)
            self._blank = False
        return self._taken

    def _take(self, row: int, text: str) -> None:
        taken, records = self._taken, self._taken.records
        if is_rubbish(text, row + 1, self._mapping):
            taken.roles[row] = RUBBISH
            records.left_out.append((row, RUBBISH))
            return
        starts, shown = self._begins(text), plain(text)
        headed = any(pattern.match(shown) for pattern in self._headings) and starts is None
        if row + 1 in self._mapping.headings or headed:
            taken.roles[row], self._heading, self._now = HEADING, text, ""
            return
        if starts is not None:
            number, rest = starts
            records.items.append(SheetItem(self._table, [row], number=number, heading=self._heading))
            self._now, taken.roles[row] = "stem", "item"
        elif not records.items or not self._now:
            taken.roles[row] = "nobody"
            records.left_out.append((row, "row_left_out"))
            return
        else:
            rest = text
            records.items[-1].rows.append(row)
        for name, piece in self._segments(rest, records.items[-1]):
            self._put(records.items[-1], name, piece)
            taken.roles.setdefault(row, name)

    def _begins(self, text: str) -> tuple[str, str] | None:
        if self._after_blank:
            return ("", text) if self._blank else None
        shown = plain(text)
        for pattern in self._starts:
            if match := pattern.match(shown):
                number = str(number_of(match[1])) if match.groups() else ""
                return number, text[match.end() :].strip(" \u3000")
        return None

    def _segments(self, text: str, item: SheetItem) -> Iterator[Segment]:
        """Yield what a line says, cut at each label in it; what stands before the first goes on."""
        shown = plain(text)
        marks = [
            (match.start(), match.end(), name)
            for name, pattern in self._fields
            if (match := pattern.search(shown)) is not None
        ]
        marks = _apart(sorted(marks))
        first = marks[0][0] if marks else len(text)
        yield from self._with_choices(text[:first], item)
        stops = [start for start, _end, _name in marks[1:]] + [len(text)]
        for (_start, end, name), stop in zip(marks, stops, strict=False):
            yield name, text[end:stop]

    def _with_choices(self, text: str, item: SheetItem) -> Iterator[Segment]:
        if not text.strip():
            return
        if self._now in ("stem", "choices"):
            shown = plain(text)
            for pattern in self._choice:
                labels = _run(pattern.finditer(shown), len(item.choices) + 1)
                if labels and (not text[: labels[0].start()].strip() or len(labels) > 1):
                    if before := text[: labels[0].start()].strip():
                        yield self._now, before
                    ends = [match.start() for match in labels[1:]] + [len(text)]
                    for match, end in zip(labels, ends, strict=True):
                        yield "choice", text[match.end() : end]
                    return
        yield self._now, text

    def _put(self, item: SheetItem, name: str, text: str) -> None:
        text = text.strip(" \u3000")
        if name == "choice":
            item.choices.append(text)
            self._now = "choices"
            return
        self._now = name
        if name == "choices" and item.choices:
            item.choices[-1] = f"{item.choices[-1]}\n{text}"
        elif name in ("type", "point", "difficulty"):
            setattr(item, name, getattr(item, name) or text)
        else:
            former: str = getattr(item, name)
            setattr(item, name, f"{former}\n{text}".strip() if text else former)


def _apart(marks: Sequence[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Return the labels of a line that do not stand within each other, the first and longest of them."""
    kept: list[tuple[int, int, str]] = []
    for mark in sorted(marks, key=lambda mark: (mark[0], -mark[1])):
        if not kept or mark[0] >= kept[-1][1]:
            kept.append(mark)
    return kept


def _run(matches: Iterator[re.Match[str]], due: int) -> list[re.Match[str]]:
    """Return the labels that go on from the one that is due, without a gap; each where one can be a choice."""
    labels = []
    for match in matches:
        if not match.groups() or number_of(match[1]) == due:
            labels.append(match)
            due += 1
    return labels
