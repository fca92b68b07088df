"""Queries behind the coverage of a bank: counts instead of items, so that a large bank costs what a small one does.

An item's columns tell of the version its authors work on. Where that is not the one that is drawn, the drawn
version itself is asked.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from cbt.bank.models import Item, ItemVersion
from cbt.bank.taxonomy import parent_of
from cbt.exams.store import blueprint_of, current_versions
from cbt.rules.assembly.coverage import Stock
from cbt.rules.assembly.form import Drawable, drawable_of
from cbt.rules.exam.blueprint import ExamBlueprint
from cbt.rules.items.reading import parse_content
from cbt.rules.items.values import ItemType

_DRAWN = and_(ItemVersion.item_id == Item.id, ItemVersion.number == Item.version)
_ROWS_AT_ONCE = 500


def blueprints_of(session: Session, bank_ref: str) -> dict[int, ExamBlueprint]:
    """Return the present blueprints whose forms are drawn from a bank, by version, in the order of their refs."""
    found = {row.id: blueprint_of(session, row.id) for row in current_versions(session)}
    return {number: blueprint for number, blueprint in found.items() if blueprint.bank == bank_ref}


def stock_of(session: Session, bank_id: int, weights: Mapping[str, int]) -> list[Stock]:
    """Return how many items of each point, type and difficulty may be drawn, cases left out."""
    counts: Counter[tuple[str, str, int]] = Counter()
    rows = session.execute(
        select(Item.point, Item.type, Item.difficulty, func.count())
        .where(Item.bank_id == bank_id, Item.version > 0, Item.version == Item.current)
        .group_by(Item.point, Item.type, Item.difficulty)
    )
    for point, kind, difficulty, count in rows:
        counts[point, kind, difficulty] += count
    for text in session.scalars(
        select(ItemVersion.content)
        .join(Item, _DRAWN)
        .where(Item.bank_id == bank_id, Item.version > 0, Item.version != Item.current)
        .execution_options(yield_per=_ROWS_AT_ONCE)
    ):
        data = json.loads(text)
        counts[data["point"], data["type"], data.get("difficulty", 3)] += 1
    ranges = {point: parent_of(point, weights) for point, _kind, _difficulty in counts}
    return [
        Stock(point, ranges[point], ItemType(kind), difficulty, count)
        for (point, kind, difficulty), count in sorted(counts.items())
        if kind != ItemType.CASE
    ]


def cases_of_bank(session: Session, bank_id: int) -> list[Drawable]:
    """Return the cases that may be drawn; whether one fits its unit stands in its parts."""
    rows = session.execute(
        select(Item.ref, Item.version, ItemVersion.content)
        .join(ItemVersion, _DRAWN)
        .where(Item.bank_id == bank_id, Item.version > 0, Item.type == ItemType.CASE.value)
        .order_by(Item.ref)
    )
    return [
        drawable_of(
            parse_content(json.loads(text)), ref=ref, version=version, sha="", range_code="", importance=""
        )
        for ref, version, text in rows
    ]
