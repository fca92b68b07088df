"""A share of a large bank to draw from, so that a look at a paper does not read all of it.

Items are taken by chance, a few of each point and type, or cases of each unit; the same seed takes the same ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, and_, cast, func, select
from sqlalchemy.orm import Session

from cbt.bank.models import Item, ItemVersion
from cbt.bank.taxonomy import Taxonomy, parent_of
from cbt.rules.assembly.form import Drawable, drawable_of
from cbt.rules.exam.paper import Paper
from cbt.rules.items.basis.content import ItemContent
from cbt.rules.items.reading import parse_content
from cbt.rules.items.values import ItemType

LARGE = 5_000
"""A bank of more items than this is not read as a whole for a paper that is only looked at."""
OF_EACH_POINT, OF_EACH_UNIT = 12, 40
_AT_ONCE = 800
_STRIDE, _PRIME = 48_271, 2_147_483_647


@dataclass(frozen=True, slots=True)
class Sample:
    """Items to draw from, and their contents by (ref, version)."""

    items: list[Drawable]
    contents: Mapping[tuple[str, int], ItemContent]


def is_large(session: Session, bank_id: int) -> bool:
    """Return whether a bank has more items to draw than are read for a look."""
    query = select(func.count()).select_from(Item).where(Item.bank_id == bank_id, Item.version > 0)
    return (session.scalar(query) or 0) > LARGE


def sample_of(session: Session, bank_id: int, paper: Paper, taxonomy: Taxonomy, *, seed: int) -> Sample:
    """Return a few items for each place a paper may take one from, by the chance of `seed`."""
    kinds = [section.type for section in paper.sections] or [ItemType.CASE]
    most = OF_EACH_POINT if paper.sections else OF_EACH_UNIT
    mixed = (cast(Item.id, BigInteger) * _STRIDE * (seed % 1000 + 1) + seed % _PRIME) % _PRIME
    alike = (Item.type, Item.point) if paper.sections else (Item.unit,)
    place = func.row_number().over(partition_by=alike, order_by=(mixed, Item.id)).label("place")
    numbered = (
        select(Item.id, place)
        .where(Item.bank_id == bank_id, Item.version > 0, Item.type.in_(kinds))
        .subquery()
    )
    chosen = session.scalars(select(numbered.c.id).where(numbered.c.place <= most)).all()
    weights, importances = taxonomy.weights, taxonomy.importances
    items, contents = [], {}
    for ref, version, sha, text in _drawn_versions(session, sorted(chosen)):
        content = contents[ref, version] = parse_content(json.loads(text))
        code, importance = parent_of(content.point, weights), importances.get(content.point, "")
        items.append(
            drawable_of(content, ref=ref, version=version, sha=sha, range_code=code, importance=importance)
        )
    return Sample(items, contents)


def _drawn_versions(session: Session, ids: Sequence[int]) -> Iterator[tuple[str, int, str, str]]:
    """Yield (ref, version, sha256, content) of what is drawn of some items.

    They are asked for by their numbers: joined with the choice itself, all versions would be gone through.
    """
    drawn = and_(ItemVersion.item_id == Item.id, ItemVersion.number == Item.version)
    query = select(Item.ref, Item.version, ItemVersion.sha256, ItemVersion.content).join(ItemVersion, drawn)
    for start in range(0, len(ids), _AT_ONCE):
        for row in session.execute(query.where(Item.id.in_(ids[start : start + _AT_ONCE]))):
            yield (*row,)
