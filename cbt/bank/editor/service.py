"""Use cases of the editor: what is typed is kept, what is finished becomes a version."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from cbt.bank import store
from cbt.bank.changes import version_row
from cbt.bank.editor import unfinished_work
from cbt.bank.editor.feedback import judge
from cbt.bank.editor.form import merged, says_the_same
from cbt.bank.editor.unfinished_work import Other, with_names
from cbt.bank.review.service import move
from cbt.errors import Conflict, InvalidInput, NotFound
from cbt.items.models import Item, ItemBank, ItemVersion, ItemWork
from cbt.items.types.registry import authoring_of
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.states.item import ItemEvent, ItemState, next_item_state
from cbt.storage.unit_of_work import reading, unit_of_work

NOTED = timedelta(seconds=10)
"""That a page is open is written down at most this often."""
FORGOTTEN = timedelta(hours=1)
ANYWAY = "*"
"""Said by a page whose author has chosen its content over that of another one."""


@dataclass(frozen=True, slots=True)
class Typed:
    """What an author has in the form: of which item of a bank ("" for a new one), begun from which version."""

    bank_ref: str
    item_ref: str
    work_ref: str
    base: int
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of it: the item, its version, whether that is a new one."""

    ref: str
    number: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class Present:
    """Who else is at an item, which version its authors are at by now, whether this person has typed anything."""

    others: list[Other]
    current: int
    typed: bool


def keep_work(typed: Typed, *, seen: str, now: datetime, actor: str) -> str:
    """Keep what is typed until it is saved or discarded; return what names this state of it.

    `seen` names the state this page last knew. Raises Conflict("editing.other_tab") when another page of the same
    person has gone on meanwhile.
    """
    with unit_of_work() as session:
        bank = store.bank_by_ref(session, typed.bank_ref)
        work = _own_work(session, bank, typed.item_ref, typed.work_ref, now=now, actor=actor)
        if work.content and seen not in (ANYWAY, unfinished_work.state_of(work)):
            raise Conflict("editing.other_tab")
        work.content, work.base = canonical_json(with_names(typed.data)), typed.base
        work.at = work.seen_at = now
        session.flush()
        return unfinished_work.state_of(work)


def _own_work(
    session: Session, bank: ItemBank, item_ref: str, work_ref: str, *, now: datetime, actor: str
) -> ItemWork:
    """Return this person's unfinished work at an item or under a ref, a fresh one where there is none."""
    item = unfinished_work.item_at(session, bank.id, item_ref, lock=True) if item_ref else None
    work = unfinished_work.work_of(session, bank.id, actor, item_id=item.id if item else None, ref=work_ref)
    if work is None:
        if session.scalar(select(ItemWork.id).where(ItemWork.ref == work_ref)) is not None:
            raise Conflict("editing.not_yours")
        work = ItemWork(
            ref=work_ref,
            bank_id=bank.id,
            item_id=item.id if item else None,
            base=item.current if item else 0,
            content="",
            actor=actor,
            at=now,
            since=now,
            seen_at=now,
        )
        session.add(work)
    elif work.seen_at <= now - unfinished_work.ALIVE:
        work.since = now
    return work


def be_here(bank_ref: str, item_ref: str, work_ref: str, *, now: datetime, actor: str) -> Present:
    """Note that this person has an item open, and return who else has."""
    with reading() as session:
        item = unfinished_work.item_at(session, store.bank_by_ref(session, bank_ref).id, item_ref)
        work = unfinished_work.work_of(session, item.bank_id, actor, item_id=item.id)
        others = unfinished_work.others_at(session, item, actor=actor, now=now)
        present = Present(others, item.current, typed=work is not None and bool(work.content))
    if work is None or work.seen_at <= now - NOTED:
        with unit_of_work() as session:
            bank = store.bank_by_ref(session, bank_ref)
            _own_work(session, bank, item_ref, work_ref, now=now, actor=actor).seen_at = now
            session.execute(
                delete(ItemWork).where(
                    ItemWork.item_id == item.id, ItemWork.content == "", ItemWork.seen_at < now - FORGOTTEN
                )
            )
    return present


def discard(*, bank_ref: str, item_ref: str, work_ref: str, actor: str) -> None:
    """Forget what this person has typed at an item or under a ref; a second call changes nothing."""
    with unit_of_work() as session:
        bank = store.bank_by_ref(session, bank_ref)
        _forget(session, bank.id, item_ref, work_ref, actor=actor)


def _forget(session: Session, bank_id: int, item_ref: str, work_ref: str, *, actor: str) -> None:
    item_id = unfinished_work.item_at(session, bank_id, item_ref).id if item_ref else None
    work = unfinished_work.work_of(session, bank_id, actor, item_id=item_id, ref=work_ref)
    if work is not None:
        session.delete(work)


def merge(
    *, bank_ref: str, item_ref: str, current: int, taken: Collection[str], now: datetime, actor: str
) -> None:
    """Put what this person typed on top of version `current`, with the pieces of it that are `taken`.

    Nothing is stored as a version yet. Raises Conflict("editing.moved_on") when it is not the current one any more.
    """
    with unit_of_work() as session:
        bank = store.bank_by_ref(session, bank_ref)
        item = unfinished_work.item_at(session, bank.id, item_ref, lock=True)
        sides = unfinished_work.sides_of(session, bank.id, item_ref, actor=actor)
        if sides is None:
            raise NotFound("editing.nothing_typed")
        if item.current != current:
            raise Conflict("editing.moved_on", current=item.current, base=current)
        work = _own_work(session, bank, item_ref, "", now=now, actor=actor)
        work.content = canonical_json(merged(sides.before, sides.mine, sides.theirs, taken))
        work.base, work.at, work.seen_at = current, now, now


def save(typed: Typed, *, submit: bool = False, wanted_ref: str = "", now: datetime, actor: str) -> Stored:
    """Store what is typed as a new version, a draft that somebody else reviews; with `submit` it waits for that.

    Nothing is stored where it says what the current version says. Forms that are frozen and what is drawn stay as
    they are. Raises InvalidInput("editing.faulty") while lint finds an error, Conflict("editing.moved_on") when
    somebody stored a version since `base`, ("editing.ref_taken"), ("item.transition") for what is retired.

    Source: R-43, R-62.
    """
    with reading() as session:
        bank = store.bank_by_ref(session, typed.bank_ref)
        taxonomy = store.taxonomy_of(session, bank)
        judged = judge(session, bank.id, taxonomy, typed.item_ref or wanted_ref, typed.data)
    if judged.content is None:
        raise InvalidInput("editing.faulty")
    with unit_of_work() as session:
        item = _item_for(session, bank.id, typed, judged.data, wanted_ref)
        is_new = not says_the_same(unfinished_work.content_at(session, item, item.current), judged.data)
        if is_new:
            _write(session, bank, item, judged.data, now=now, actor=actor)
        if submit:
            move(session, bank, [item], ItemEvent.SUBMIT, now=now, actor=actor)
        _forget(session, bank.id, typed.item_ref, typed.work_ref, actor=actor)
        return Stored(item.ref, item.current, is_new)


def _item_for(session: Session, bank_id: int, typed: Typed, data: Mapping[str, Any], wanted_ref: str) -> Item:
    if typed.item_ref:
        item = unfinished_work.item_at(session, bank_id, typed.item_ref, lock=True)
        if item.current != typed.base:
            raise Conflict("editing.moved_on", current=item.current, base=typed.base)
        return item
    kind = str(data["type"])
    letter = authoring_of(kind).letter or kind[:2].upper()
    ref = wanted_ref or unfinished_work.free_ref(session, bank_id, str(data["point"]), letter)
    if session.scalar(select(Item.id).where(Item.bank_id == bank_id, Item.ref == ref)) is not None:
        raise Conflict("editing.ref_taken", field="ref", ref=ref)
    item = Item(bank_id=bank_id, ref=ref, version=0, current=0, state=ItemState.DRAFT.value, reviewer="")
    _describe(item, data)
    session.add(item)
    session.flush()
    return item


def _describe(item: Item, data: Mapping[str, Any]) -> None:
    item.type, item.point, item.unit = str(data["type"]), str(data["point"]), data.get("unit")
    item.difficulty = int(data.get("difficulty", 3))


def _write(
    session: Session, bank: ItemBank, item: Item, data: Mapping[str, Any], *, now: datetime, actor: str
) -> None:
    state = next_item_state(ItemState(item.state), ItemEvent.WRITE)
    _describe(item, data)
    text, number = canonical_json(dict(data)), unfinished_work.next_number(session, item)
    row = version_row(item, number, text, digest(text), run_id=None, now=now, actor=actor, state=state)
    session.add(ItemVersion(**row))
    session.flush()
    move(session, bank, [item], ItemEvent.WRITE, now=now, actor=actor)
