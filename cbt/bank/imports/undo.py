"""Taking an import back: as a whole, and without touching what was changed after it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, select, update
from sqlalchemy.orm import Session, aliased

from cbt.audit import chain
from cbt.bank.imports.parcels import NO_WORDS
from cbt.bank.models import ImportRun, Item, ItemVersion, RunState
from cbt.db.writing.parcels import Rows
from cbt.errors import Conflict
from cbt.rules.states.item import ItemState

_READ = "WHERE id = ? AND current = ? AND version = ? AND state = ?"
_WITHDRAW = f"UPDATE item SET version = 0, state = 'retired' {_READ}"
_RETURN = (
    "UPDATE item SET type = ?, point = ?, unit = ?, difficulty = ?, version = ?, current = ?, state = ?, "
    f"author = ? {_READ}"
)
_BACK = (
    "INSERT INTO item_version (item_id, number, replaces, content, sha256, was, actor, created_at) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
AT_ONCE = 20
"""So many items are taken back together."""


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo did: items withdrawn, returned to their former content, left for a later change."""

    withdrawn: int
    returned: int
    kept: int

    def __add__(self, more: Undone) -> Undone:
        """Return what both did."""
        return Undone(self.withdrawn + more.withdrawn, self.returned + more.returned, self.kept + more.kept)


def claim_undo(run: ImportRun) -> None:
    """Mark a run as being undone; one whose undo stopped half-way may be claimed again.

    Raise Conflict("bank.already_undone"), or ("bank.import_under_way") before the run is whole.
    """
    if run.undone_at is not None:
        raise Conflict("bank.already_undone")
    if run.state == RunState.STORING:
        raise Conflict("bank.import_under_way", ref=run.ref)
    run.state = RunState.UNDOING


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What takes some items of a run back: its rows, what they do, and the last item looked at (0 for none)."""

    rows: list[Rows]
    does: Undone
    last: int


def undo_some(
    session: Session, run: ImportRun, *, after: int, now: datetime, actor: str, most: int = AT_ONCE
) -> TakenBack:
    """Return what takes back some items of a run, from number `after` on.

    What it added is withdrawn; what it changed returns, by a new version, to what it said before and to the
    state it was in. An item that was changed again after the run stays as it is. Versions are never deleted,
    so forms drawn meanwhile keep theirs. Nothing is written here, and what is read is repeated by each statement.

    Source: R-43.
    """
    found = session.execute(
        select(Item, ItemVersion.number, ItemVersion.replaces, ItemVersion.was)
        .join(ItemVersion, ItemVersion.item_id == Item.id)
        .where(ItemVersion.import_run_id == run.id, Item.id > after)
        .order_by(Item.id)
        .limit(most)
    ).all()
    current = [
        (item, replaces, was)
        for item, number, replaces, was in found
        if item.current == number and item.state != ItemState.RETIRED
    ]
    added = [item for item, _replaces, was in current if was in ("", ItemState.RETIRED)]
    changed = [(item, replaces, ItemState(was)) for item, replaces, was in current if item not in added]
    rows = [Rows(_WITHDRAW, [_as_read(item) for item in added], len(added))]
    rows += _returning(session, changed, run=run, now=now, actor=actor)
    does = Undone(len(added), len(changed), len(found) - len(current))
    return TakenBack([one for one in rows if one.values], does, found[-1][0].id if found else 0)


def end_undo(
    session: Session, bank_ref: str, run: ImportRun, done: Undone, *, now: datetime, actor: str
) -> None:
    """Have a run be undone, and put that on record.

    Raise Conflict("bank.already_undone") for the second of two.
    """
    marked = session.execute(
        update(ImportRun)
        .where(ImportRun.id == run.id, ImportRun.undone_at.is_(None))
        .values(undone_at=now, state=RunState.STORED)
        .returning(ImportRun.id)
    ).all()
    if not marked:
        raise Conflict("bank.already_undone")
    chain.record(
        session,
        at=now,
        actor=actor,
        act="bank.import_undo",
        subject=f"item_bank:{bank_ref}",
        after={"run": run.ref, "withdrawn": done.withdrawn, "returned": done.returned, "kept": done.kept},
    )


def _returning(
    session: Session,
    items: list[tuple[Item, int, ItemState]],
    *,
    run: ImportRun,
    now: datetime,
    actor: str,
) -> list[Rows]:
    ids = [item.id for item, _replaces, _was in items]
    former = {version.item_id: version for version in _former_versions(session, run, ids)}
    heads, versions = [], []
    for item, replaces, was in items:
        back, number = former[item.id], item.current + 1
        content = json.loads(back.content)
        told = (content["type"], content["point"], content.get("unit"), content.get("difficulty", 3))
        drawn = number if was is ItemState.REVIEWED else replaces
        heads.append((*told, drawn, number, was, actor, *_as_read(item)))
        versions.append((item.id, number, replaces, back.content, back.sha256, item.state, actor, now))
    return [
        Rows(_RETURN, heads, len(heads)),
        Rows(_BACK, versions, len(versions)),
        Rows(NO_WORDS, [(one,) for one in ids]),
    ]


def _as_read(item: Item) -> tuple[object, ...]:
    return item.id, item.current, item.version, item.state


def _former_versions(session: Session, run: ImportRun, ids: list[int]) -> list[ItemVersion]:
    """Return what was the last version of each item before the one that a run made."""
    made, earlier = aliased(ItemVersion), aliased(ItemVersion)
    before = (
        select(func.max(earlier.number))
        .where(earlier.item_id == made.item_id, earlier.number < made.number)
        .correlate(made)
        .scalar_subquery()
    )
    query = select(ItemVersion).join(
        made, and_(made.item_id == ItemVersion.item_id, ItemVersion.number == before)
    )
    return list(session.scalars(query.where(made.import_run_id == run.id, ItemVersion.item_id.in_(ids))))
