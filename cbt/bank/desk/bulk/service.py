"""The use case of a change of many items, exactly as it was seen."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.bank.desk.bulk.planning import WRITES, BulkAct, BulkPlan, plan_bulk
from cbt.bank.desk.bulk.scope import BulkScope, items_of
from cbt.bank.desk.moves import assign, move
from cbt.bank.models import Item, ItemBank, ItemVersion
from cbt.bank.steps import version_row
from cbt.bank.store import bank_by_ref
from cbt.db.unit_of_work import unit_of_work
from cbt.errors import Conflict, InvalidInput
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.states.item import ItemEvent, ItemState

_CHUNK = 400


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
    """Make the change that `sha` names of the items it can be made of; return the plan.

    Raises Conflict("bank.bulk_changed") when the items are no longer as they were shown, as `items_of` and
    `plan_bulk` do, and InvalidInput("bank.bulk_none_able").
    """
    with unit_of_work() as session:
        bank = bank_by_ref(session, bank_ref)
        items = items_of(session, bank, scope, held=True)
        plan = plan_bulk(session, bank, items, act, value, note=note, now=now, actor=actor)
        if plan.sha != sha:
            raise Conflict("bank.bulk_changed")
        able = {line.ref for line in plan.able}
        chosen = [item for item in items if item.ref in able]
        if not chosen:
            raise InvalidInput("bank.bulk_none_able")
        if act is BulkAct.ASSIGN:
            assign(session, bank, chosen, plan.value, now=now, actor=actor)
        elif act in WRITES:
            _write(session, bank, chosen, act, plan.value, now=now, actor=actor)
        else:
            move(session, bank, chosen, ItemEvent(act.value), now=now, actor=actor, note=note)
        return plan


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
    for start in range(0, len(items), _CHUNK):
        chunk = items[start : start + _CHUNK]
        rows = session.execute(
            select(ItemVersion.item_id, ItemVersion.number, ItemVersion.content).where(
                ItemVersion.item_id.in_([item.id for item in chunk])
            )
        ).all()
        last = dict(_last_numbers(session, [item.id for item in chunk]))
        contents = {(key, number): content for key, number, content in rows}
        versions = []
        for item in chunk:
            data = json.loads(contents[item.id, item.current]) | {act.value: given}
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
