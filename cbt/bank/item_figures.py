"""What examinations found of the items of a bank: written when a batch is analysed, read by pages and draws.

Source: R-96, R-97.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import case, delete, func, or_, select
from sqlalchemy.orm import Session

from cbt.http.auth.rate_limit import insert
from cbt.items.models import Item, ItemOutcome
from cbt.rules.item_record import (
    APART,
    ENOUGH,
    LEAST_DISCRIMINATION,
    LEVELS,
    ItemRecord,
    ItemUse,
    record_of,
)

MOST_SHOWN = 10
"""So many examinations stand on the page of an item, the latest first; all of them count."""


@dataclass(frozen=True, slots=True)
class FoundFigures:
    """What an examination found of one item of a bank."""

    bank_id: int
    ref: str
    takers: int
    """How many sat the papers that it could come up in."""
    use: ItemUse


@dataclass(frozen=True, slots=True)
class RecordPage:
    """The record of an item and the examinations it is made of, the latest first."""

    record: ItemRecord
    shown: Sequence[ItemOutcome]


def keep_figures(session: Session, found: Sequence[FoundFigures], *, source: str, name: str) -> list[int]:
    """Keep what an examination found of some items, in the place of what was there; return the items' ids."""
    refs = {one.ref for one in found}
    banks = {one.bank_id for one in found}
    known = {
        (bank_id, ref): item_id
        for item_id, bank_id, ref in session.execute(
            select(Item.id, Item.bank_id, Item.ref).where(Item.bank_id.in_(banks), Item.ref.in_(refs))
        )
    }
    kept = [one for one in found if (one.bank_id, one.ref) in known]
    ids = [known[one.bank_id, one.ref] for one in kept]
    rows = [
        {
            "item_id": item_id,
            "source": source,
            "name": name[:120],
            "people": one.use.people,
            "takers": one.takers,
            "difficulty": one.use.difficulty,
            "discrimination": one.use.discrimination,
            "used_on": one.use.used_on,
        }
        for item_id, one in zip(ids, kept, strict=True)
    ]
    if not rows:
        return []
    statement = insert(session)(ItemOutcome)
    fresh = {key: statement.excluded[key] for key in rows[0] if key not in {"item_id", "source"}}
    session.execute(statement.on_conflict_do_update(index_elements=["item_id", "source"], set_=fresh), rows)
    return ids


def forget_figures(session: Session, *, source: str, but: Collection[int]) -> None:
    """Forget what an examination found of items that it has no more."""
    session.execute(delete(ItemOutcome).where(ItemOutcome.source == source, ItemOutcome.item_id.not_in(but)))


def record_page(session: Session, item_id: int) -> RecordPage | None:
    """Return the record of an item; None where no analysed examination had it."""
    query = select(ItemOutcome).where(ItemOutcome.item_id == item_id)
    rows = session.scalars(query.order_by(ItemOutcome.used_on.desc(), ItemOutcome.id.desc())).all()
    record = record_of([_use(row) for row in rows])
    return RecordPage(record, rows[:MOST_SHOWN]) if record is not None else None


def records_of(session: Session, bank_id: int, refs: Collection[str]) -> dict[str, ItemRecord]:
    """Return the records of some items of a bank that have one, by their refs."""
    query = select(Item.ref, ItemOutcome).join(ItemOutcome, ItemOutcome.item_id == Item.id)
    uses: defaultdict[str, list[ItemUse]] = defaultdict(list)
    for ref, row in session.execute(query.where(Item.bank_id == bank_id, Item.ref.in_(refs))):
        uses[ref].append(_use(row))
    return {ref: record for ref, some in uses.items() if (record := record_of(some)) is not None}


OF_LATE = timedelta(days=730)
"""Examinations so long before the last one of a bank count as late. Source: R-120."""


def exposure_of(session: Session, bank_id: int) -> dict[str, int]:
    """Return how many people answered each item of a bank in the examinations of late, by its ref."""
    own = select(ItemOutcome).join(Item, Item.id == ItemOutcome.item_id).where(Item.bank_id == bank_id)
    last = session.scalar(own.with_only_columns(func.max(ItemOutcome.used_on)))
    if last is None:
        return {}
    counts = own.where(ItemOutcome.used_on > last - OF_LATE).group_by(Item.ref)
    return dict(session.execute(counts.with_only_columns(Item.ref, func.sum(ItemOutcome.people))).all())


def _use(row: ItemOutcome) -> ItemUse:
    return ItemUse(row.people, row.difficulty, row.discrimination, row.used_on)


@dataclass(frozen=True, slots=True)
class DoubtedItem:
    """An item whose use speaks against it, with the difficulty that its author gave it."""

    ref: str
    expert: int
    record: ItemRecord


def doubted_items(session: Session, bank_id: int, *, most: int) -> tuple[list[DoubtedItem], int]:
    """Return the first of a bank's items that proved unlike their author's guess or hardly discriminate.

    Beside them stands how many there are. Source: R-96, R-97.
    """
    people = func.sum(ItemOutcome.people)
    told = func.sum(case((ItemOutcome.discrimination.is_not(None), ItemOutcome.people)))
    share = func.sum(ItemOutcome.people * ItemOutcome.difficulty) / people
    d = func.sum(ItemOutcome.people * ItemOutcome.discrimination) / told
    level = case(*((share >= least, number) for number, least in enumerate(LEVELS, 1)), else_=5)
    last = func.max(ItemOutcome.used_on)
    query = (
        select(Item.ref, Item.difficulty, func.count(), people, share, d, last)
        .join(ItemOutcome, ItemOutcome.item_id == Item.id)
        .where(Item.bank_id == bank_id, Item.version > 0)
        .group_by(Item.id, Item.ref, Item.difficulty)
        .having(people >= ENOUGH, or_(func.abs(level - Item.difficulty) >= APART, d < LEAST_DISCRIMINATION))
    )
    count = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    rows = session.execute(query.order_by(Item.ref).limit(most))
    doubted = [
        DoubtedItem(
            ref,
            expert,
            ItemRecord(uses, int(of), float(earned), None if told_d is None else float(told_d), last_on),
        )
        for ref, expert, uses, of, earned, told_d, last_on in rows
    ]
    return doubted, count
