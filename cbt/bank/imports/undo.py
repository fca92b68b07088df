"""Taking an import back: as a whole, and without touching what was changed after it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, insert, select
from sqlalchemy.orm import Session, aliased

from cbt.audit import chain
from cbt.bank.models import ImportRun, Item, ItemBank, ItemVersion
from cbt.bank.steps import claim_undo, last_numbers, version_row
from cbt.rules.states.item import ItemState


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo did: items withdrawn, returned to their former content, left for a later change."""

    withdrawn: int
    returned: int
    kept: int


def undo_import(session: Session, bank: ItemBank, run: ImportRun, *, now: datetime, actor: str) -> Undone:
    """Withdraw what a run added, return what it changed to the former content by a new version.

    An item that was changed again after the run stays as it is. Versions are never deleted, so forms drawn
    meanwhile keep theirs. Raises Conflict("bank.already_undone").

    Source: R-43.
    """
    claim_undo(session, run, now=now)
    rows = session.execute(
        select(Item, ItemVersion.number, ItemVersion.replaces)
        .join(ItemVersion, ItemVersion.item_id == Item.id)
        .where(ItemVersion.import_run_id == run.id)
    ).all()
    current = [(item, replaces) for item, number, replaces in rows if item.current == number]
    added = [item for item, replaces in current if replaces == 0]
    for item in added:
        item.version, item.state = 0, ItemState.RETIRED
    changed = [item for item, replaces in current if replaces > 0]
    _return(session, bank.id, changed, run=run, now=now, actor=actor)
    done = Undone(len(added), len(changed), len(rows) - len(current))
    chain.record(
        session,
        at=now,
        actor=actor,
        act="bank.import_undo",
        subject=f"item_bank:{bank.ref}",
        after={"run": run.ref, "withdrawn": done.withdrawn, "returned": done.returned, "kept": done.kept},
    )
    return done


def _return(
    session: Session, bank_id: int, items: list[Item], *, run: ImportRun, now: datetime, actor: str
) -> None:
    if not items:
        return
    former = {version.item_id: version for version in _former_versions(session, run)}
    last = last_numbers(session, bank_id)
    rows = []
    for item in items:
        back = former[item.id]
        content = json.loads(back.content)
        item.type, item.point, item.unit = content["type"], content["point"], content.get("unit")
        item.difficulty = content.get("difficulty", 3)
        number = last[item.id] + 1
        rows.append(
            version_row(
                item,
                number,
                back.content,
                back.sha256,
                run_id=None,
                now=now,
                actor=actor,
                state=ItemState.REVIEWED,
            )
        )
    session.execute(insert(ItemVersion), rows)


def _former_versions(session: Session, run: ImportRun) -> list[ItemVersion]:
    """Return the version that each version of a run took the place of."""
    made = aliased(ItemVersion)
    query = select(ItemVersion).join(
        made, and_(made.item_id == ItemVersion.item_id, made.replaces == ItemVersion.number)
    )
    return list(session.scalars(query.where(made.import_run_id == run.id)))
