"""Items with their stems, choices and keys told apart, and what holds for all of a table."""

from __future__ import annotations

from dataclasses import dataclass, field

from cbt.bank.formats.tables.cells.keys import InnerKey
from cbt.bank.formats.tables.cells.kinds import item_type
from cbt.bank.formats.tables.rows.records import Records, SheetItem
from cbt.rules.items.values import ItemType


@dataclass(slots=True)
class ReadyItem:
    """One item: its stem, its choices, what is said of its key, and the type its stem names."""

    raw: SheetItem
    stem: str
    choices: list[str] = field(default_factory=list)
    answer: str = ""
    in_stem: list[InnerKey] = field(default_factory=list)
    bracket: str = ""
    named: str = ""
    rights: str | None = None
    gap: int = -1
    left_over: bool = False

    @property
    def said_type(self) -> str:
        """What a cell or the stem itself says of the type."""
        return self.raw.type or self.named


@dataclass(slots=True)
class ReadyTable:
    """The items of a table and what holds for all of them."""

    records: Records
    items: list[ReadyItem]
    separator: str = ""
    split_cells: int = 0
    inline: int = 0
    base: int = 1
    prefer: str = ""


def said_kind(one: ReadyItem) -> ItemType | str:
    """Return the type that a cell or the stem names, "" for none."""
    return item_type(one.said_type, choices=0, answer="") if one.said_type else ""
