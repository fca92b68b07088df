"""A point gets another code: every item that asks about it says so in a version of its own.

The versions are stored a few items at a time by a run of their own, as an import is: as long as it is not whole,
what they replace is drawn (store.published). It is whole with the table.

Source: I13, R-43.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, func, insert, or_, select
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.bank.banks.points_table import points_in
from cbt.bank.changes import version_row
from cbt.bank.search import note
from cbt.errors import Conflict
from cbt.items.models import RENAMING, ImportRun, Item, ItemBank, ItemVersion, RunState
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.items.content import ItemType
from cbt.rules.states.item import ItemState
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import pieces_of, reading, unit_of_work

MOST_ITEMS = 5000
"""Items that one change of codes may write anew."""
AT_ONCE = 10
"""So many are written anew in one unit of work."""
_UNFINISHED = (RunState.STORING, RunState.BROKEN)


def check_renaming(session: Session, bank_id: int, codes: Mapping[str, str]) -> None:
    """Raise Conflict("bank.table_rename") where more items would be written anew than may be at once."""
    asking = select(Item.id).where(*_asking(bank_id, codes)).limit(MOST_ITEMS + 1)
    if len(session.scalars(asking).all()) > MOST_ITEMS:
        raise Conflict("bank.table_rename", most=MOST_ITEMS)


def begin_renaming(session: Session, bank: ItemBank, *, now: datetime, actor: str) -> int:
    """Record a run that gives points other codes and return its key.

    Raises Conflict("bank.import_under_way") while another is stored.
    """
    storing = (ImportRun.bank_id == bank.id, ImportRun.state == RunState.STORING)
    if session.scalar(select(ImportRun.id).where(*storing).limit(1)) is not None:
        raise Conflict("bank.import_under_way", ref=bank.ref)
    run = ImportRun(
        ref=new_ref("im"),
        bank_id=bank.id,
        state=RunState.STORING,
        file_name="",
        form=RENAMING,
        added=0,
        changed=0,
        skipped=0,
        actor=actor,
        at=now,
    )
    session.add(run)
    session.flush()
    return run.id


def rename_points(run_id: int, codes: Mapping[str, str], *, now: datetime, actor: str) -> int:
    """Have the items of a bank ask about the points under their new codes; return how many were written anew.

    Their states stay: nothing they ask has changed. What is drawn and what is worked on are two versions, and both
    are written. Raises Conflict("bank.table_changed") where somebody took the run back meanwhile.
    """
    with reading() as session:
        bank_id = session.get_one(ImportRun, run_id).bank_id
        waiting = session.scalars(
            select(Item.id).where(*_asking(bank_id, codes), ~_written_by(run_id)).order_by(Item.id)
        ).all()
    return sum(
        _rename_some(run_id, piece, codes, now=now, actor=actor) for piece in pieces_of(waiting, size=AT_ONCE)
    )


def end_renaming(session: Session, run_id: int, codes: Mapping[str, str]) -> None:
    """Have a run be whole: its versions are drawn from now on, all of them at once.

    Raises Conflict("bank.table_changed") where it was taken back, or an item came to one of the points meanwhile.
    """
    run = _storing(session, run_id)
    new = (Item.bank_id == run.bank_id, Item.point.in_(list(codes)), ~_written_by(run_id))
    if session.scalar(select(Item.id).where(*new).limit(1)) is not None:
        raise Conflict("bank.table_changed")
    run.state = RunState.STORED


def take_back_unfinished(bank_id: int, *, now: datetime, actor: str) -> None:
    """Take back what a process that was stopped on the way has left of a bank; nothing of it was ever drawn."""
    left = (ImportRun.form == RENAMING, ImportRun.state.in_(_UNFINISHED), ImportRun.undone_at.is_(None))
    with reading() as session:
        runs = session.scalars(select(ImportRun.id).where(ImportRun.bank_id == bank_id, *left)).all()
    for run_id in runs:
        take_back(run_id, now=now, actor=actor)


def take_back(run_id: int, *, now: datetime, actor: str) -> None:
    """Have the items that an unfinished run wrote say again what they said, a few at a time; it may be repeated.

    Whoever is still at it finds that it is broken and stops.
    """
    with unit_of_work() as session:
        run = session.get_one(ImportRun, run_id, with_for_update=True)
        if run.undone_at is not None or run.state not in _UNFINISHED:
            return
        run.state = RunState.BROKEN
    with reading() as session:
        written = session.scalars(select(Item.id).where(_written_by(run_id)).order_by(Item.id)).all()
    for piece in pieces_of(written, size=AT_ONCE):
        with unit_of_work() as session:
            for item in session.scalars(_locked(piece)):
                _restore(session, item, run_id, now=now, actor=actor)
    with unit_of_work() as session:
        run = session.get_one(ImportRun, run_id, with_for_update=True)
        if run.undone_at is None:
            run.undone_at = now
            subject = f"item_bank:{session.get_one(ItemBank, run.bank_id).ref}"
            after = {"run": run.ref, "items": len(written)}
            chain.record(session, at=now, actor=actor, act="bank.table_broken", subject=subject, after=after)


def _asking(bank_id: int, codes: Mapping[str, str]) -> tuple[ColumnElement[bool], ...]:
    """Return what chooses the items that may ask about a point: a case has points in its parts."""
    return Item.bank_id == bank_id, or_(Item.point.in_(list(codes)), Item.type == ItemType.CASE.value)


def _written_by(run_id: int) -> ColumnElement[bool]:
    return exists().where(ItemVersion.item_id == Item.id, ItemVersion.import_run_id == run_id)


def _locked(ids: Sequence[int]) -> Any:
    return select(Item).where(Item.id.in_(ids)).order_by(Item.id).with_for_update()


def _storing(session: Session, run_id: int) -> ImportRun:
    run = session.get_one(ImportRun, run_id, with_for_update=True)
    if run.state != RunState.STORING:
        raise Conflict("bank.table_changed")
    return run


def _rename_some(
    run_id: int, ids: Sequence[int], codes: Mapping[str, str], *, now: datetime, actor: str
) -> int:
    with unit_of_work() as session:
        _storing(session, run_id)
        items = session.scalars(_locked(ids)).all()
        return sum(_rename(session, item, codes, run_id=run_id, now=now, actor=actor) for item in items)


def _rename(
    session: Session, item: Item, codes: Mapping[str, str], *, run_id: int, now: datetime, actor: str
) -> bool:
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
            [version_row(item, last, text, digest(text), run_id=run_id, now=now, actor=actor, state=kept)],
        )
    item.state = state.value
    item.point = codes.get(item.point, item.point)
    session.flush()
    return True


def _restore(session: Session, item: Item, run_id: int, *, now: datetime, actor: str) -> None:
    """Have an item say in versions of its own what it said before a run; what was written after that stays."""
    made = dict(
        session.execute(
            select(ItemVersion.number, ItemVersion.replaces).where(
                ItemVersion.item_id == item.id, ItemVersion.import_run_id == run_id
            )
        ).all()
    )
    former = _numbered(session, item, ItemVersion.number < min(made))
    current, state, drawn = item.current, ItemState(item.state), item.version in made
    back: list[tuple[ItemVersion, ItemState]] = []
    if drawn:
        replaced = _numbered(session, item, ItemVersion.number == made[item.version])
        back.append((replaced, ItemState.REVIEWED))
    if current in made and not (drawn and current == item.version):
        back.append((former, state))
    last = _numbered(session, item).number
    for number, (one, kept) in enumerate(back, last + 1):
        row = version_row(
            item, number, one.content, one.sha256, run_id=None, now=now, actor=actor, state=kept
        )
        session.execute(insert(ItemVersion), [row])
    item.state = state.value
    if current in made:
        item.point, item.author = json.loads(former.content)["point"], former.actor
    elif back:
        own = _numbered(session, item, ItemVersion.number == current)
        item.current, item.author = current, own.actor
        note(session, item, own.content)
    session.flush()


def _numbered(session: Session, item: Item, *chosen: ColumnElement[bool]) -> ItemVersion:
    """Return the last of the chosen versions of an item."""
    of_item = select(ItemVersion).where(ItemVersion.item_id == item.id, *chosen)
    return session.scalars(of_item.order_by(ItemVersion.number.desc()).limit(1)).one()


def _renamed(data: Mapping[str, Any], codes: Mapping[str, str]) -> dict[str, Any]:
    changed = dict(data)
    if "point" in changed:
        changed["point"] = codes.get(changed["point"], changed["point"])
    if "parts" in changed:
        changed["parts"] = [_renamed(part, codes) for part in changed["parts"]]
    return changed
