"""鉴定点 for items whose file names none: one for all, or one for each sheet or file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cbt.bank.imports.drafts import ItemDraft
from cbt.bank.imports.outcome import KnownItem, stem_of
from cbt.bank.lint.words import normal

EVERYWHERE = ""
"""The section that stands for the whole of what was brought."""


@dataclass(frozen=True, slots=True)
class ItemSection:
    """A part of a file and how many items without a 鉴定点 stand in it; `name` is what the choice is sent under."""

    name: str
    file: str
    sheet: str
    count: int


def sections_without(items: Iterable[ItemDraft]) -> list[ItemSection]:
    """Return the sheets or files that hold items without a 鉴定点, in their order."""
    found = Counter((draft.place("").file, draft.place("").sheet) for draft in items if not has_point(draft))
    return [ItemSection(_name(file, sheet), file, sheet, count) for (file, sheet), count in found.items()]


def has_point(draft: ItemDraft) -> bool:
    """Return whether a file names the 鉴定点 of an item."""
    return bool(str(draft.data.get("point") or "").strip())


def with_points(
    items: Sequence[ItemDraft], points: Mapping[str, str], known: Iterable[KnownItem]
) -> list[ItemDraft]:
    """Return the items with a 鉴定点 where one was chosen for their section, or for everything.

    One that the bank has already, by type and stem, keeps the 鉴定点 it has there: brought again it is the same.
    """
    had: dict[tuple[str, str], str] = {}
    if all(has_point(draft) for draft in items):
        return list(items)
    for item in known:
        had.setdefault((item.type, normal(item.stem)), item.point)
    return [draft if has_point(draft) else _pointed(draft, points, had) for draft in items]


def _pointed(draft: ItemDraft, points: Mapping[str, str], had: Mapping[tuple[str, str], str]) -> ItemDraft:
    there = draft.place("")
    chosen = points.get(_name(there.file, there.sheet)) or points.get(EVERYWHERE, "")
    code = had.get((str(draft.data.get("type")), normal(stem_of(draft.data)))) or chosen
    return draft.with_data({**draft.data, "point": code}) if code else draft


def _name(file: str, sheet: str) -> str:
    return f"{file}!{sheet}" if sheet else file
