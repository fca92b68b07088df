"""The use case of a change of many items, exactly as it was seen."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import and_, func, insert, select
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.bank.desk.bulk.planning import CHANGED, WRITES, BulkAct, BulkLine, BulkPlan, plan_bulk
from cbt.bank.desk.bulk.scope import BulkScope, items_of
from cbt.bank.desk.moves import assign, move
from cbt.bank.models import Item, ItemBank, ItemVersion
from cbt.bank.steps import version_row
from cbt.bank.store import bank_by_ref
from cbt.db.pieces import PIECE, pieces_of
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.errors import Conflict, InvalidInput
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.states.item import ItemEvent, ItemState

WRITTEN_AT_ONCE = 15
"""Items that are written anew in one unit of work: what each is found by is worked out and written, too."""


@dataclass(frozen=True, slots=True)
class BulkWish:
    """What is to become of items of a bank, whose wish it is, and when."""

    bank_ref: str
    act: BulkAct
    value: str
    note: str
    now: datetime
    actor: str


def change_many(
    *,
    bank_ref: str,
    scope: BulkScope,
    act: BulkAct,
    value: str,
    note: str,
    sha: str,
    now: datetime,
    actor: str,
) -> BulkPlan:
    """Make the change that `sha` names of the items it can be made of; return the plan as it was carried out.

    It is looked at as a whole before anything is written, then made a few items at a time, each few with a line of
    the log: an item is as it was shown, or it is left alone. Who is stopped on the way asks for the rest again.

    Raises Conflict("bank.bulk_changed") when the items are no longer as they were shown, as `items_of` and
    `plan_bulk` do, and InvalidInput("bank.bulk_none_able").
    """
    with reading() as session:
        bank = bank_by_ref(session, bank_ref)
        items = items_of(session, bank, scope)
        plan = plan_bulk(session, bank, items, act, value, note=note, now=now, actor=actor)
        ids = {item.ref: item.id for item in items}
    if plan.sha != sha:
        raise Conflict("bank.bulk_changed")
    if not plan.able:
        raise InvalidInput("bank.bulk_none_able")
    wanted = BulkWish(bank_ref, act, value, note, now, actor)
    left: set[str] = set()
    for piece in pieces_of(plan.able, size=WRITTEN_AT_ONCE if act in WRITES else PIECE):
        left |= _change_some(wanted, [ids[line.ref] for line in piece], piece)
    if len(left) == len(plan.able):
        raise Conflict("bank.bulk_changed")
    return replace(
        plan, lines=[replace(one, problem=CHANGED) if one.ref in left else one for one in plan.lines]
    )


def _change_some(wish: BulkWish, ids: Sequence[int], lines: Sequence[BulkLine]) -> set[str]:
    """Change some items that are still as they were shown; return the refs of those that are not."""
    with unit_of_work() as session:
        bank = bank_by_ref(session, wish.bank_ref)
        query = select(Item).where(Item.bank_id == bank.id, Item.id.in_(ids)).order_by(Item.point, Item.ref)
        items = session.scalars(query.with_for_update(of=Item)).all()
        plan = plan_bulk(
            session, bank, items, wish.act, wish.value, note=wish.note, now=wish.now, actor=wish.actor
        )
        same = {line.ref for line in set(plan.able) & set(lines)}
        chosen = [item for item in items if item.ref in same]
        if not chosen:
            pass
        elif wish.act is BulkAct.ASSIGN:
            assign(session, bank, chosen, plan.value, now=wish.now, actor=wish.actor)
        elif wish.act in WRITES:
            _write(session, bank, chosen, wish.act, plan.value, now=wish.now, actor=wish.actor)
        else:
            event = ItemEvent(wish.act.value)
            move(session, bank, chosen, event, now=wish.now, actor=wish.actor, note=wish.note)
    return {line.ref for line in lines} - same


def _write(
    session: Session,
    bank: ItemBank,
    items: Sequence[Item],
    act: BulkAct,
    value: str,
    *,
    now: datetime,
    actor: str,
) -> None:
    """Store a version of each item that says something else; what was reviewed is drawn until that one is, too."""
    given: str | int = int(value) if act is BulkAct.DIFFICULTY else value
    ids = [item.id for item in items]
    current = and_(ItemVersion.item_id == Item.id, ItemVersion.number == Item.current)
    contents = dict(
        session.execute(
            select(Item.id, ItemVersion.content).join(ItemVersion, current).where(Item.id.in_(ids))
        ).all()
    )
    last = dict(_last_numbers(session, ids))
    versions = []
    for item in items:
        data = json.loads(contents[item.id]) | {act.value: given}
        text = canonical_json(data)
        setattr(item, act.value, given)
        versions.append(
            version_row(
                item,
                last[item.id] + 1,
                text,
                digest(text),
                run_id=None,
                now=now,
                actor=actor,
                state=ItemState.DRAFT,
            )
        )
    session.flush()
    session.execute(insert(ItemVersion), versions)
    after = {"bank": bank.ref, act.value: given, "versions": {item.ref: item.current for item in items}}
    subject = f"item_bank:{bank.ref}"
    chain.record(session, at=now, actor=actor, act=f"item.set_{act.value}", subject=subject, after=after)


def _last_numbers(session: Session, ids: Sequence[int]) -> list[tuple[int, int]]:
    rows = session.execute(
        select(ItemVersion.item_id, func.max(ItemVersion.number))
        .where(ItemVersion.item_id.in_(ids))
        .group_by(ItemVersion.item_id)
    )
    return [(key, number) for key, number in rows]
