"""A point gets another code: every item that asks about it says so in a version of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, or_, select
from sqlalchemy.orm import Session

from cbt.bank.desk.banks.store import points_in
from cbt.bank.models import Item, ItemBank, ItemVersion
from cbt.bank.steps import version_row
from cbt.errors import Conflict
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.items.values import ItemType
from cbt.rules.states.item import ItemState

MOST_ITEMS = 5000
"""Items that one change of codes may write anew: the next room's answers wait meanwhile."""


def rename_points(
    session: Session, bank: ItemBank, codes: Mapping[str, str], *, now: datetime, actor: str
) -> int:
    """Have the items of a bank ask about the points under their new codes; return how many were written anew.

    Their states stay: nothing they ask has changed. What is drawn and what is worked on are two versions, and both
    are written. Raises Conflict("bank.table_rename").
    """
    items = session.scalars(
        select(Item)
        .where(Item.bank_id == bank.id, or_(Item.point.in_(list(codes)), Item.type == ItemType.CASE.value))
        .order_by(Item.id)
        .limit(MOST_ITEMS + 1)
        .with_for_update()
    ).all()
    if len(items) > MOST_ITEMS:
        raise Conflict("bank.table_rename", most=MOST_ITEMS)
    return sum(_rename(session, item, codes, now=now, actor=actor) for item in items)


def _rename(session: Session, item: Item, codes: Mapping[str, str], *, now: datetime, actor: str) -> bool:
    numbers = {item.version, item.current} - {0}
    rows = session.execute(
        select(ItemVersion.number, ItemVersion.content)
        .where(ItemVersion.item_id == item.id, ItemVersion.number.in_(numbers))
        .order_by(ItemVersion.number)
    ).all()
    old = {number: json.loads(content) for number, content in rows}
    if not any(set(points_in(data)) & codes.keys() for data in old.values()):
        return False
    state = ItemState(item.state)
    last = (
        session.scalar(select(func.max(ItemVersion.number)).where(ItemVersion.item_id == item.id))
        or item.current
    )
    drawn = item.version
    for number, data in old.items():
        last += 1
        text = canonical_json(_renamed(data, codes))
        kept = ItemState.REVIEWED if number == drawn else state
        session.execute(
            insert(ItemVersion),
            [version_row(item, last, text, digest(text), run_id=None, now=now, actor=actor, state=kept)],
        )
    item.state = state.value
    item.point = codes.get(item.point, item.point)
    session.flush()
    return True


def _renamed(data: Mapping[str, Any], codes: Mapping[str, str]) -> dict[str, Any]:
    changed = dict(data)
    if "point" in changed:
        changed["point"] = codes.get(changed["point"], changed["point"])
    if "parts" in changed:
        changed["parts"] = [_renamed(part, codes) for part in changed["parts"]]
    return changed
