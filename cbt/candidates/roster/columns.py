"""What people say of a file's columns, kept and applied: the field of each, what holds for every line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.candidates.models import RosterMapping
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
from cbt.personal.fields import level_said
from cbt.rules.canonical import canonical_json
from cbt.rules.door import valid_resident_id
from cbt.spreadsheets.cells import SheetData
from cbt.spreadsheets.columns import ColumnUse, plain
from cbt.spreadsheets.findings import Place

FIXED: Mapping[str, tuple[str, ...]] = {
    "level": ("五级", "四级", "三级", "二级", "一级"),
    "paper": ("两科", "理论知识", "专业能力"),
}
"""What can be said to hold for every line of a table that has no column for it."""
_LEVEL_NAMES = dict(zip("54321", FIXED["level"], strict=True))
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class HandMapping:
    """The field of each column by its letter ("" leaves it out), and the value of fields for every line."""

    columns: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)

    def sound(self) -> HandMapping:
        """Return what of it can be said, each field once."""
        columns: dict[str, str] = {}
        for letter, name in self.columns.items():
            columns[letter] = name if name in COLUMNS.by_name and name not in columns.values() else ""
        fixed = {name: value for name, value in self.fixed.items() if value in FIXED.get(name, ())}
        return HandMapping(columns, fixed)


Hands = Mapping[str, HandMapping]
"""By the digest of the headings."""


@dataclass(frozen=True, slots=True)
class ColumnLayout:
    """A column: what it is read as ("" for left out), whether that is certain, what its cells look like.

    `asks` says that somebody must say what it is.
    """

    letter: str
    header: str
    field: str
    asks: bool
    samples: tuple[str, ...]
    likely: str = ""
    """What its cells look like, where nobody knows the header."""


@dataclass(frozen=True, slots=True)
class TableLayout:
    """How a table is understood; `row` is that of its headers, 0 for none."""

    sheet: str
    row: int
    digest: str
    columns: tuple[ColumnLayout, ...]
    missing: tuple[str, ...]
    fixed: Mapping[str, str]
    told: Mapping[str, str] = field(default_factory=dict)
    """What the title or the name of the sheet says of what is missing."""

    @property
    def fields(self) -> list[str]:
        return list(COLUMNS.by_name)

    @property
    def fixable(self) -> dict[str, tuple[str, ...]]:
        """The fields that can be said for every line, with what can be said."""
        return {name: values for name, values in FIXED.items() if name in self.missing or name in self.fixed}

    @property
    def asks(self) -> bool:
        """Whether it cannot be read before somebody says more."""
        return bool(self.missing) or any(one.asks for one in self.columns)


def digest_of(table: RosterTable) -> str:
    """Return what a table's headings are known by again: their texts as they are compared, in their order.

    Where something is to be said for every line, the sheet belongs to it: 三级 and 二级 may have one heading.
    """
    headers = [plain(use.header) for use in table.heading.uses]
    if set(table.missing) & FIXED.keys():
        headers.append(table.sheet.name)
    return hashlib.sha256("\x1f".join(headers).encode()).hexdigest()


def tables_of(sheet: SheetData, hands: Hands) -> list[RosterTable]:
    """Return the tables of a sheet as people said they are; of one with people but no headings its nearest row."""
    tables = find_tables(sheet)
    if not tables and (guessed := guess_table(sheet)) is not None:
        tables = [guessed] if digest_of(guessed) in hands or holds_people(sheet) else []
    for table in tables:
        table.digest = digest_of(table)
        if (hand := hands.get(table.digest)) is not None:
            _apply(table, hand.sound())
    return tables


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


def layouts_of(sheets: Sequence[SheetData], hands: Hands) -> list[TableLayout]:
    """Return how each kind of table of a file is understood, as far as it holds people or names its columns."""
    tables = [(table, lists_people(sheet, table)) for sheet in sheets for table in tables_of(sheet, hands)]
    chosen = [table for table, people in tables if people or not table.missing]
    if not chosen:  # numbers of nobody: damaged ones, or other documents
        chosen = [table for table, _people in tables] or [
            guessed for sheet in sheets if (guessed := guess_table(sheet)) is not None
        ]
    layouts: dict[str, TableLayout] = {}
    for layout in map(_layout, chosen):
        if layout.digest not in layouts or (layout.asks and not layouts[layout.digest].asks):
            layouts[layout.digest] = layout
    return list(layouts.values())


def _layout(table: RosterTable) -> TableLayout:
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
    return TableLayout(
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
    samples: dict[str, None] = {}
    for _row, cells in lines_of(table):
        if place < len(cells) and cells[place]:
            samples.setdefault(_shown(cells[place]))
        if len(samples) == _SHOWN:
            break
    return tuple(samples)


def _shown(cell: str) -> str:
    digits = sum(character.isdigit() for character in cell)
    return f"{cell[:3]}…{cell[-2:]}" if digits >= 9 else cell[:24]


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
    digests = [one.digest for one in layouts_of(sheets, {})]
    query = select(RosterMapping).where(RosterMapping.digest.in_(digests))
    kept = session.scalars(query) if digests else ()
    return {one.digest: HandMapping(json.loads(one.said)).sound() for one in kept}


def keep_hands(session: Session, hands: Hands, *, subject: str, now: datetime, actor: str) -> None:
    """Keep what was said of the columns; what was said before of the same headings goes.

    What was said to hold for every line is of this file alone: the next may be of another level. `subject` is what
    the file is for, as the log names it.
    """
    for digest, hand in hands.items():
        sound = hand.sound()
        text = canonical_json(dict(sound.columns))
        kept = session.get(RosterMapping, digest)
        if kept is not None and kept.said == text:
            continue
        after = {"columns": len([name for name in sound.columns.values() if name]), "headings": digest[:16]}
        session.merge(RosterMapping(digest=digest, said=text, at=now, by=actor))
        record(session, at=now, actor=actor, act="roster.columns", subject=subject, after=after)


def hands_of_form(form: Mapping[str, str], layouts: Sequence[TableLayout]) -> Hands:
    """Return what the fields of `_mapping.html` say: `column.<n>.<letter>` and `fixed.<n>.<field>`."""
    hands = {}
    for n, layout in enumerate(layouts):
        columns = {
            one.letter: form[name] for one in layout.columns if (name := f"column.{n}.{one.letter}") in form
        }
        prefix = f"fixed.{n}."
        fixed = {
            name.removeprefix(prefix): value
            for name, value in form.items()
            if name.startswith(prefix) and value
        }
        hands[layout.digest] = HandMapping(columns, fixed).sound()
    return hands
