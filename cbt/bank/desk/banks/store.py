"""What pages about a whole bank ask: its table as rows, how many items each point has, what hangs on it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from cbt.bank.desk.banks.cells import TableRow
from cbt.bank.models import Item, ItemBank, ItemVersion
from cbt.bank.store import taxonomy_of
from cbt.bank.taxonomy import Taxonomy
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.items.values import ItemType
from cbt.rules.states.item import ItemState


def table_rows(taxonomy: Taxonomy) -> list[TableRow]:
    """Return a 细目表 as rows in the order of the codes, each range before what is below it."""
    rows = [TableRow(one.code, one.name, str(one.weight), "", one.code) for one in taxonomy.ranges]
    rows += [TableRow(one.code, one.name, "", one.importance, one.code) for one in taxonomy.points]
    return sorted(rows, key=lambda row: row.code)


def table_revision(session: Session, bank: ItemBank) -> str:
    """Return the hash of a bank's table as it is, by which a change of it meanwhile is seen."""
    taxonomy = taxonomy_of(session, bank)
    rows = [[row.code, row.name, row.weight, row.importance] for row in table_rows(taxonomy)]
    return digest(canonical_json({"rows": rows}))


def used_points(session: Session, bank_id: int) -> dict[str, int]:
    """Return how many items that are not retired ask about each point, parts of cases among them."""
    alive = and_(Item.bank_id == bank_id, Item.state != ItemState.RETIRED.value)
    counts = Counter(
        dict(session.execute(select(Item.point, func.count()).where(alive).group_by(Item.point)).all())
    )
    cases = session.execute(
        select(Item.point, ItemVersion.content)
        .join(ItemVersion, and_(ItemVersion.item_id == Item.id, ItemVersion.number == Item.current))
        .where(alive, Item.type == ItemType.CASE.value)
    )
    for point, content in cases:
        counts.update(set(points_in(json.loads(content))) - {point})
    return dict(counts)


def points_in(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield the points that an item and its parts ask about."""
    for one in (data, *data.get("parts", ())):
        if one.get("point"):
            yield str(one["point"])


def item_count(session: Session, bank_id: int) -> int:
    """Return how many items hang on a bank, in whatever state."""
    return session.scalar(select(func.count()).select_from(Item).where(Item.bank_id == bank_id)) or 0
