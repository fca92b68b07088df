"""Pictures of a sheet on their way to the items in whose rows they stand."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cbt.bank.formats.tables.cells.columns import CHOICES, LEFT_OUT, meant
from cbt.bank.formats.tables.cells.keys import looks_like_key
from cbt.bank.formats.tables.rows.records import Records, SheetItem
from cbt.bank.formats.tables.rows.sheet import Page, Table
from cbt.sheets.columns import letter
from cbt.sheets.findings import Finding, Place, Severity

MOST_TOLD = 200
_OF_PICTURES = re.compile(
    r"(?:的?(?:图片|图像|配图|插图|附图|图示|图)(?:链接|地址)?|【图】(?:及位置)?)\s*\d*$"
)


@dataclass(frozen=True, slots=True)
class PlacedPicture:
    """A picture of a page: where it stands, and the item that has it now, None where no item is."""

    row: int
    column: int
    item: SheetItem | None


def give_pictures(page: Page, found: Sequence[Records]) -> list[PlacedPicture]:
    """Give each picture of a page to the item in whose rows it stands; those that are lost are noted there."""
    if not (page.shown or page.lost):
        return []
    items = sorted((one for records in found for one in records.items), key=lambda one: one.row)
    starts = [one.row for one in items]
    placed = []
    for row, column, one in [*page.shown, *((row, column, "") for row, column in page.lost)]:
        at = bisect_right(starts, row) - 1
        item = items[at] if at >= 0 and _holds(items[at], page, row) else None
        if item is not None and one:
            _give(item, row, _field(item.table, column), one)
        elif item is not None:
            item.lost.append((row, column))
        placed.append(PlacedPicture(row, column, item))
    return placed


def nowhere(page: Page, placed: Sequence[PlacedPicture], kept: Sequence[Table]) -> Iterator[Finding]:
    """Yield the pictures of a page that stand in no item of the tables that were kept."""
    tables = {id(table) for table in kept}
    left = [one for one in placed if one.item is None or id(one.item.table) not in tables]
    for one in left[:MOST_TOLD]:
        place = Place(page.file, page.name, one.row + 1, letter(one.column))
        yield Finding(Severity.HINT, "picture_nowhere", place, params={"count": 1})
    if rest := left[MOST_TOLD:]:
        place = Place(page.file, page.name, rest[0].row + 1, letter(rest[0].column))
        yield Finding(Severity.HINT, "picture_nowhere", place, params={"count": len(rest)})


def _holds(item: SheetItem, page: Page, row: int) -> bool:
    """Return whether a row is one of an item's: from its first to its last, and where its merged cells reach."""
    if row <= item.rows[-1]:
        return True
    stem = item.table.columns.get("stem", -1)
    return bool(page.spread(row, stem)) and not page.cell(row, stem)


def _field(table: Table, column: int) -> str:
    """Return the field a column holds, or the one whose pictures its header says it holds; else the stem."""
    named = next((name for name, place in table.columns.items() if place == column), "")
    if named and named != LEFT_OUT:
        return named
    header = table.headers.get(column, "")
    bare = _OF_PICTURES.sub("", header)
    return (meant(bare) if bare != header else "") or "stem"


def _give(item: SheetItem, row: int, field: str, one: str) -> None:
    text = item.table.text(row, field) if row != item.row and row not in item.at else ""
    if text and text in item.lines:
        item.lines[item.lines.index(text)] += one
    elif row in item.at and field == "choices":
        item.choices[item.at[row]] += one
    elif field.startswith("choice_") and (place := _choice(item, field)) >= 0:
        item.choices[place] += one
    elif field == "explanation":
        item.explanation += one
    elif field == "answer" and not (item.answer and looks_like_key(item.answer)):
        item.answer += one
    elif field == "answer":
        item.explanation += one
    elif item.stem:
        item.shown += one
    else:
        item.stem = one


def _choice(item: SheetItem, field: str) -> int:
    names = item.table.of("choice_")
    if field in names:
        return names.index(field)
    place = CHOICES.index(field) if field in CHOICES else -1
    return place if place < len(item.choices) else -1
