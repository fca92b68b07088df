"""The items of a bank a few hundred at a time: no list of a whole bank is ever made."""

from __future__ import annotations

import json
from collections.abc import Iterator

from sqlalchemy import ColumnElement, and_, func, select

from cbt.bank.imports.drafts import ItemDraft
from cbt.bank.models import Item, ItemVersion
from cbt.db.unit_of_work import reading
from cbt.rules.states.item import ItemState

CHUNK = 500


def count_items(bank_id: int, *, drawn: bool) -> int:
    """Return how many items go out."""
    with reading() as session:
        return (
            session.scalar(select(func.count()).select_from(Item).where(*_which(bank_id, drawn=drawn))) or 0
        )


def items_of(bank_id: int, *, drawn: bool) -> Iterator[ItemDraft]:
    """Yield the items of a bank in the order of their refs: the version that is drawn, or the one authors work on.

    Each chunk is a reading of its own, so that a long one holds no snapshot of the database.
    """
    number = Item.version if drawn else Item.current
    last = ""
    while True:
        with reading() as session:
            rows = session.execute(
                select(Item.ref, ItemVersion.content)
                .join(ItemVersion, and_(ItemVersion.item_id == Item.id, ItemVersion.number == number))
                .where(*_which(bank_id, drawn=drawn), Item.ref > last)
                .order_by(Item.ref)
                .limit(CHUNK)
            ).all()
        for ref, content in rows:
            yield ItemDraft(ref, json.loads(content), {})
        if len(rows) < CHUNK:
            return
        last = rows[-1][0]


def _which(bank_id: int, *, drawn: bool) -> tuple[ColumnElement[bool], ...]:
    number = Item.version if drawn else Item.current
    return Item.bank_id == bank_id, number > 0, Item.state != ItemState.RETIRED.value
