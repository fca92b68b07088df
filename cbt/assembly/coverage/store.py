"""Queries behind the coverage of a bank: counts instead of items, so that a large bank costs what a small one does.

An item's columns tell of the version its authors work on. Where that is not the one that is drawn, the drawn
version itself is asked.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import msgspec
from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from cbt.bank.models import Item, ItemVersion
from cbt.bank.taxonomy import parent_of
from cbt.exams.store import blueprint_of, current_versions
from cbt.rules.assembly.coverage import Stock
from cbt.rules.assembly.form import Drawable, drawable_of
from cbt.rules.exam.blueprint import ExamBlueprint
from cbt.rules.items.reading import parse_content
from cbt.rules.items.values import ItemType

_IS_DRAWN = and_(ItemVersion.item_id == Item.id, ItemVersion.number == Item.version)
_ROWS_AT_ONCE = 500
Kept = TypeVar("Kept")
_kept: WeakKeyDictionary[Any, dict[tuple[int, str], dict[Any, Any]]] = WeakKeyDictionary()
"""By the dialect object, which one database's engines share: what is kept of a bank's versions."""


class _Place(msgspec.Struct):
    """Where the content of an item stands in the matrix."""

    point: str
    type: str
    difficulty: int = 3


def blueprints_of(session: Session, bank_ref: str) -> dict[int, ExamBlueprint]:
    """Return the present blueprints whose forms are drawn from a bank, by version, in the order of their refs."""
    found = {row.id: blueprint_of(session, row.id) for row in current_versions(session)}
    return {number: blueprint for number, blueprint in found.items() if blueprint.bank == bank_ref}


def stock_of(session: Session, bank_id: int, weights: Mapping[str, int]) -> list[Stock]:
    """Return how many items of each point, type and difficulty may be drawn, cases left out."""
    counts: Counter[tuple[str, str, int]] = Counter()
    as_worked_on = (Item.version == Item.current).label("as_worked_on")
    rows = session.execute(
        select(Item.point, Item.type, Item.difficulty, as_worked_on, func.count())
        .where(Item.bank_id == bank_id, Item.version > 0)
        .group_by(Item.point, Item.type, Item.difficulty, as_worked_on)
    ).all()
    for point, kind, difficulty, same, count in rows:
        counts[point, kind, difficulty] += count * bool(same)
    if not all(same for _point, _kind, _difficulty, same, _count in rows):
        drawn = _drawn(session, bank_id, Item.version != Item.current, said=_place_of)
        counts.update(drawn.values())
    ranges = {point: parent_of(point, weights) for point, _kind, _difficulty in counts}
    return [
        Stock(point, ranges[point], ItemType(kind), difficulty, count)
        for (point, kind, difficulty), count in sorted(counts.items())
        if kind != ItemType.CASE and count
    ]


def cases_of_bank(session: Session, bank_id: int) -> list[Drawable]:
    """Return the cases that may be drawn, by ref; whether one fits its unit stands in its parts."""
    found = _drawn(session, bank_id, Item.type == ItemType.CASE.value, said=_case_of)
    return sorted(found.values(), key=lambda case: case.ref)


def _place_of(_ref: str, _version: int, text: str) -> tuple[str, str, int]:
    place = msgspec.json.decode(text, type=_Place)
    return place.point, place.type, place.difficulty


def _case_of(ref: str, version: int, text: str) -> Drawable:
    content = parse_content(json.loads(text))
    return drawable_of(content, ref=ref, version=version, sha="", range_code="", importance="")


def _drawn(
    session: Session, bank_id: int, which: ColumnElement[bool], *, said: Callable[[str, int, str], Kept]
) -> dict[int, Kept]:
    """Return what `said` makes of the drawn versions of some items of a bank, by the numbers of the items.

    A version never changes, so a process keeps what was made of each for as long as it is asked for.
    """
    kept = _kept.setdefault(session.get_bind().dialect, {})
    query = select(Item.id, Item.ref, Item.version).where(Item.bank_id == bank_id, Item.version > 0, which)
    wanted = {key: (ref, version) for key, ref, version in session.execute(query)}
    before = kept.get((bank_id, said.__name__), {})
    now = {key: before[key, asked] for key, asked in wanted.items() if (key, asked) in before}
    missing = sorted(wanted.keys() - now.keys())
    for start in range(0, len(missing), _ROWS_AT_ONCE):
        contents = select(Item.id, ItemVersion.content).join(ItemVersion, _IS_DRAWN)
        for key, text in session.execute(contents.where(Item.id.in_(missing[start : start + _ROWS_AT_ONCE]))):
            now[key] = said(*wanted[key], text)
    kept[bank_id, said.__name__] = {(key, wanted[key]): one for key, one in now.items()}
    return now
