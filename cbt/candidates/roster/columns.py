"""What people say of a file's columns, kept and applied: the field of each, what holds for every line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from cbt.candidates.roster.tables import (
    COLUMNS,
    RosterTable,
    column_of,
    find_tables,
    guess_table,
    likely,
    lines_of,
    names,
)
from cbt.imports.column_map import (
    ColumnLayout,
    HandMapping,
    Hands,
    TableLayout,
    headings_digest,
    kept_mappings,
)
from cbt.imports.column_map import samples_of as column_samples
from cbt.personal import level_said
from cbt.rules.door import valid_resident_id
from cbt.spreadsheets.cells import SheetData
from cbt.spreadsheets.columns import ColumnUse
from cbt.spreadsheets.findings import Place

FIXED: Mapping[str, tuple[str, ...]] = {
    "level": ("五级", "四级", "三级", "二级", "一级"),
    "paper": ("两科", "理论知识", "专业能力"),
}
"""What can be said to hold for every line of a table that has no column for it."""
_LEVEL_NAMES = dict(zip("54321", FIXED["level"], strict=True))


@dataclass(frozen=True, slots=True)
class RosterLayout(TableLayout):
    """How a table of a roster is understood."""

    @property
    def fields(self) -> list[str]:
        return list(COLUMNS.by_name)

    @property
    def fixable(self) -> dict[str, tuple[str, ...]]:
        return {name: values for name, values in FIXED.items() if name in self.missing or name in self.fixed}


def digest_of(table: RosterTable) -> str:
    """Return what a table's headings are known by again: their texts as they are compared, in their order.

    Where something is to be said for every line, the sheet belongs to it: 三级 and 二级 may have one heading.
    """
    besides = [table.sheet.name] if set(table.missing) & FIXED.keys() else []
    return headings_digest([use.header for use in table.heading.uses], *besides)


def tables_of(sheet: SheetData, hands: Hands) -> list[RosterTable]:
    """Return the tables of a sheet as people said they are; of one with people but no headings its nearest row."""
    tables = find_tables(sheet)
    if not tables and (guessed := guess_table(sheet)) is not None:
        tables = [guessed] if digest_of(guessed) in hands or holds_people(sheet) else []
    for table in tables:
        table.digest = digest_of(table)
        if (hand := hands.get(table.digest)) is not None:
            _apply(table, _sound(hand))
    return tables


def _sound(hand: HandMapping) -> HandMapping:
    return hand.sound(COLUMNS.by_name, FIXED)


def holds_people(sheet: SheetData) -> bool:
    return any(len(cell) >= 18 and valid_resident_id(cell) for row in sheet.rows for cell in row)


def lists_people(sheet: SheetData, table: RosterTable) -> bool:
    """Say whether a table is one of people, whatever else it lacks."""
    named = {"name", "document_number"} <= table.heading.places.keys() and any(lines_of(table))
    return named or holds_people(sheet)


def _apply(table: RosterTable, hand: HandMapping) -> None:
    taken = set(hand.columns.values()) - {""}
    uses: list[ColumnUse] = []
    twins: dict[str, list[int]] = {}
    for place, use in enumerate(table.heading.uses):
        column = hand.columns.get(use.column)
        if column is not None:
            table.unsure.discard(place)
            table.said.add(place)
            uses.append(replace(use, field=column))
        else:
            uses.append(replace(use, field="") if use.field in taken else use)
    for name, places in table.twins.items():
        free = [place for place in places if place not in table.said]
        if free and name not in {use.field for use in uses}:  # the first of the two is left out
            uses[free[0]] = replace(uses[free[0]], field=name)
            free = free[1:]
        twins[name] = free
    table.twins = {name: places for name, places in twins.items() if places}
    table.heading = replace(table.heading, uses=uses)
    table.fixed = {name: value for name, value in hand.fixed.items() if name not in table.heading.places}


def layouts_of(sheets: Sequence[SheetData], hands: Hands) -> list[RosterLayout]:
    """Return how each kind of table of a file is understood, as far as it holds people or names its columns."""
    tables = [(table, lists_people(sheet, table)) for sheet in sheets for table in tables_of(sheet, hands)]
    chosen = [table for table, people in tables if people or not table.missing]
    if not chosen:  # numbers of nobody: damaged ones, or other documents
        chosen = [table for table, _people in tables] or [
            guessed for sheet in sheets if (guessed := guess_table(sheet)) is not None
        ]
    layouts: dict[str, RosterLayout] = {}
    for layout in map(_layout, chosen):
        if layout.digest not in layouts or (layout.asks and not layouts[layout.digest].asks):
            layouts[layout.digest] = layout
    return list(layouts.values())


def _layout(table: RosterTable) -> RosterLayout:
    doubtful = {use.column for use in doubtful_of(table)}
    unknown = {use.column for use in table.unread}
    nameless = table.unread if "name" in table.missing else []
    places = {use.column: place for place, use in enumerate(table.heading.uses)}
    called = next((use.column for use in nameless if names(column_of(table, places[use.column]))), "")
    unsure = {table.heading.uses[place].column for place in table.unsure}
    columns = tuple(
        ColumnLayout(
            use.column,
            use.header,
            use.field,
            use.column in doubtful or (use.column in unsure and bool(use.field)),
            samples_of(table, place),
            likely_of(table, use) or ("name" if use.column == called else "")
            if use.column in doubtful | unknown
            else "",
        )
        for place, use in enumerate(table.heading.uses)
        if use.header or samples_of(table, place)
    )
    heading = table.heading
    return RosterLayout(
        heading.sheet,
        heading.row,
        table.digest or digest_of(table),
        columns,
        tuple(table.missing),
        table.fixed,
        _told(table),
    )


def _told(table: RosterTable) -> dict[str, str]:
    above = [cell for row in table.sheet.rows[: table.heading.row - 1] for cell in row]
    level = level_said(table.sheet.name) or level_said(" ".join(above))
    return {"level": _LEVEL_NAMES[level]} if level and "level" in table.missing else {}


def samples_of(table: RosterTable, place: int) -> tuple[str, ...]:
    """Return the first different cells of a column; numbers of people only by their ends."""
    return column_samples(cells[place] for _row, cells in lines_of(table) if place < len(cells))


def doubtful_of(table: RosterTable) -> list[ColumnUse]:
    """Return the columns that are not read, whose cells look like what decides about an examination."""
    uses = [table.heading.uses[place] for place in sorted(table.left - table.said)]
    return [use for use in table.unread if likely_of(table, use)] + [
        use for use in uses if likely_of(table, use) == "kind"
    ]


def likely_of(table: RosterTable, use: ColumnUse) -> str:
    """Return the field that the cells of a column look like, "" for none."""
    place = table.heading.uses.index(use)
    return likely(use.header, column_of(table, place))


def unread_place(table: RosterTable, use: ColumnUse) -> Place:
    return Place(table.heading.file, table.heading.sheet, table.heading.row, use.column, use.header)


def kept_hands(session: Session, sheets: Sequence[SheetData]) -> Hands:
    """Return what was said before of files with the headings of this one."""
    kept = kept_mappings(session, [one.digest for one in layouts_of(sheets, {})])
    return {digest: _sound(hand) for digest, hand in kept.items()}
