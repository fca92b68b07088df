"""Use cases of the editor: what is typed is kept for its author, what is finished becomes a version.

The picture of a 识图 item goes by a short name in the form and is put back afterwards: a page that says what
is typed every second does not send a picture each time.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from cbt.bank import store
from cbt.bank.changes import version_row
from cbt.bank.editor.form import blank_item, judge, merged, says_the_same
from cbt.bank.review.judgement import move
from cbt.errors import Conflict, InvalidInput, NotFound
from cbt.items.markup import in_words
from cbt.items.media import SCHEME, address
from cbt.items.models import Item, ItemBank, ItemVersion, ItemWork
from cbt.items.types.registry import authoring_of
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.states import ITEM_TRANSITIONS, ItemEvent, ItemState, next_item_state
from cbt.storage.types import to_micros
from cbt.storage.unit_of_work import reading, unit_of_work

STAYS = "stays:"
_DATA = "data:"


def picture_name(picture: object) -> str:
    """Return what a form calls a picture."""
    text = picture if isinstance(picture, str) else ""
    return f"{STAYS}{digest(text)[:16]}" if text.startswith(_DATA) else text


def picture_source(picture: object) -> str:
    """Return where a page finds a picture, "" for none."""
    text = picture if isinstance(picture, str) else ""
    if text.startswith(SCHEME):
        return address(text.removeprefix(SCHEME))
    return text if text.startswith(_DATA) else ""


def wants_pictures(data: Mapping[str, Any]) -> bool:
    """Return whether a content names a picture that stays as it was."""
    return any(str(one.get("picture", "")).startswith(STAYS) for one in _holders(data))


def with_pictures(data: Mapping[str, Any], *bases: Mapping[str, Any]) -> dict[str, Any]:
    """Return a content with the pictures of others in the place of their short names."""
    held = {
        picture_name(one["picture"]): one["picture"]
        for base in bases
        for one in _holders(base)
        if str(one.get("picture", "")).startswith(_DATA)
    }

    def put_back(content: Mapping[str, Any]) -> dict[str, Any]:
        name = content.get("picture")
        return {**content, "picture": held.get(name, name)} if name else dict(content)

    done = put_back(data)
    if isinstance(data.get("parts"), list):
        done["parts"] = [put_back(part) for part in data["parts"]]
    return done


def with_names(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a content with short names in the place of pictures that stand in it."""

    def shorten(content: Mapping[str, Any]) -> dict[str, Any]:
        return (
            {**content, "picture": picture_name(content["picture"])}
            if "picture" in content
            else dict(content)
        )

    done = shorten(data)
    if isinstance(data.get("parts"), list):
        done["parts"] = [shorten(part) for part in data["parts"]]
    return done


def _holders(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield data
    parts = data.get("parts")
    yield from (part for part in parts if isinstance(part, Mapping)) if isinstance(parts, list) else ()


ALIVE = timedelta(seconds=30)
"""Whose page was last heard of longer ago is not at an item any more; a page says every few seconds that it is."""
MOST_WORKS = 50


@dataclass(frozen=True, slots=True)
class OpenedItem:
    """What the editor shows: an item or a new one, its content as last typed, and the version it was begun from.

    `seen` names the state of the unfinished work it shows, "" where there is none.
    """

    kind: str
    ref: str
    state: ItemState
    current: int
    base: int
    data: dict[str, Any]
    seen: str = ""
    worked_at: datetime | None = None

    @property
    def writable(self) -> bool:
        """Whether it may be written on; what is retired has to be taken back first."""
        return (self.state, ItemEvent.WRITE) in ITEM_TRANSITIONS


@dataclass(frozen=True, slots=True)
class Other:
    """Somebody else at the same item: since when, and whether they have typed something that is not saved."""

    actor: str
    since: datetime
    at: datetime
    here: bool
    typed: bool


def item_at(session: Session, bank_id: int, ref: str, *, lock: bool = False) -> Item:
    """Return an item of a bank; raise NotFound("bank.item_missing")."""
    query = select(Item).where(Item.bank_id == bank_id, Item.ref == ref)
    item = session.scalar(query.with_for_update() if lock else query)
    if item is None:
        raise NotFound("bank.item_missing", ref=ref)
    return item


def content_at(session: Session, item: Item, number: int) -> dict[str, Any]:
    """Return what a version says; {} where there is none."""
    text = session.scalar(
        select(ItemVersion.content).where(ItemVersion.item_id == item.id, ItemVersion.number == number)
    )
    return dict(json.loads(text)) if text else {}


def with_pictures_of(
    session: Session, bank_id: int, ref: str, number: int, data: Mapping[str, Any], *, actor: str
) -> dict[str, Any]:
    """Return a content with the pictures it only names, as a version of its item or this person's work has them."""
    item = item_at(session, bank_id, ref)
    work = work_of(session, bank_id, actor, item_id=item.id)
    typed = json.loads(work.content) if work is not None and work.content else {}
    return with_pictures(data, typed, content_at(session, item, number))


def _typed_in(session: Session, item: Item, work: ItemWork) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(work.content)
    return with_pictures(data, content_at(session, item, work.base)) if wants_pictures(data) else data


def work_of(
    session: Session, bank_id: int, actor: str, *, item_id: int | None = None, ref: str = ""
) -> ItemWork | None:
    """Return what this person has unfinished at an item, or under a ref for one that is new."""
    own = select(ItemWork).where(ItemWork.bank_id == bank_id, ItemWork.actor == actor)
    which = (
        ItemWork.item_id == item_id
        if item_id is not None
        else (ItemWork.ref == ref) & ItemWork.item_id.is_(None)
    )
    return session.scalar(own.where(which).order_by(ItemWork.id).limit(1))


def state_of(work: ItemWork | None) -> str:
    """Return what names the state of an unfinished work: by it a page knows whether another one went on with it."""
    return str(to_micros(work.at)) if work is not None and work.content else ""


def open_item(session: Session, bank_id: int, ref: str, *, actor: str) -> OpenedItem:
    """Return an item as its editor shows it: as this person left it, else as its current version says."""
    item = item_at(session, bank_id, ref)
    work = work_of(session, bank_id, actor, item_id=item.id)
    typed = work is not None and bool(work.content)
    return OpenedItem(
        kind=item.type,
        ref=item.ref,
        state=ItemState(item.state),
        current=item.current,
        base=work.base if work is not None and typed else item.current,
        data=_typed_in(session, item, work)
        if work is not None and typed
        else content_at(session, item, item.current),
        seen=state_of(work),
        worked_at=work.at if work is not None and typed else None,
    )


def open_new(
    session: Session, bank_id: int, kind: str, *, actor: str, work_ref: str, point: str
) -> OpenedItem:
    """Return a new item as its editor shows it: as this person left it under this ref, else blank."""
    work = work_of(session, bank_id, actor, ref=work_ref) if work_ref else None
    typed = work is not None and bool(work.content)
    return OpenedItem(
        kind=kind,
        ref="",
        state=ItemState.DRAFT,
        current=0,
        base=0,
        data=json.loads(work.content) if work is not None and typed else blank_item(kind, point=point),
        seen=state_of(work),
        worked_at=work.at if work is not None and typed else None,
    )


@dataclass(frozen=True, slots=True)
class Sides:
    """What two people made of one version: this person's words, those that are stored now, and who stored them."""

    base: int
    current: int
    before: dict[str, Any]
    mine: dict[str, Any]
    theirs: dict[str, Any]
    actor: str
    at: datetime


def sides_of(session: Session, bank_id: int, ref: str, *, actor: str) -> Sides | None:
    """Return both sides of an item that went on meanwhile, None where this person has typed nothing."""
    item = item_at(session, bank_id, ref)
    work = work_of(session, bank_id, actor, item_id=item.id)
    if work is None or not work.content:
        return None
    there = session.scalars(
        select(ItemVersion).where(ItemVersion.item_id == item.id, ItemVersion.number == item.current)
    ).one()
    return Sides(
        base=work.base,
        current=item.current,
        before=content_at(session, item, work.base),
        mine=_typed_in(session, item, work),
        theirs=json.loads(there.content),
        actor=there.actor,
        at=there.created_at,
    )


def others_at(session: Session, item: Item, *, actor: str, now: datetime) -> list[Other]:
    """Return who else is at an item or has something unfinished there."""
    works = session.scalars(
        select(ItemWork)
        .where(
            ItemWork.item_id == item.id,
            ItemWork.actor != actor,
            or_(ItemWork.content != "", ItemWork.seen_at > now - ALIVE),
        )
        .order_by(ItemWork.since)
    )
    return [
        Other(work.actor, work.since, work.at, here=work.seen_at > now - ALIVE, typed=bool(work.content))
        for work in works
    ]


def next_number(session: Session, item: Item) -> int:
    last = session.scalar(select(func.max(ItemVersion.number)).where(ItemVersion.item_id == item.id))
    return (last or 0) + 1


def free_ref(session: Session, bank_id: int, point: str, letter: str) -> str:
    """Return the ref of the next item of a point and type."""
    head = f"{point}-{letter}"
    taken = set(
        session.scalars(
            select(Item.ref).where(Item.bank_id == bank_id, Item.ref.startswith(head, autoescape=True))
        )
    )
    number = 1
    while f"{head}{number}" in taken:
        number += 1
    return f"{head}{number}"


def unfinished(session: Session, bank_id: int, actor: str) -> list[tuple[ItemWork, str | None, str, str]]:
    """Return what this person has unfinished in a bank, the last first: work, ref of its item, type, stem."""
    rows = session.execute(
        select(ItemWork, Item.ref)
        .outerjoin(Item, Item.id == ItemWork.item_id)
        .where(ItemWork.bank_id == bank_id, ItemWork.actor == actor, ItemWork.content != "")
        .order_by(ItemWork.at.desc())
        .limit(MOST_WORKS)
    )
    works: list[tuple[ItemWork, str | None, str, str]] = []
    for work, ref in rows:
        data = json.loads(work.content)
        works.append((work, ref, str(data["type"]), in_words(str(data.get("title") or data.get("stem", "")))))
    return works


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
        if work.content and seen not in (ANYWAY, state_of(work)):
            raise Conflict("editing.other_tab")
        work.content, work.base = canonical_json(with_names(typed.data)), typed.base
        work.at = work.seen_at = now
        session.flush()
        return state_of(work)


def _own_work(
    session: Session, bank: ItemBank, item_ref: str, work_ref: str, *, now: datetime, actor: str
) -> ItemWork:
    """Return this person's unfinished work at an item or under a ref, a fresh one where there is none."""
    item = item_at(session, bank.id, item_ref, lock=True) if item_ref else None
    work = work_of(session, bank.id, actor, item_id=item.id if item else None, ref=work_ref)
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
    elif work.seen_at <= now - ALIVE:
        work.since = now
    return work


def be_here(bank_ref: str, item_ref: str, work_ref: str, *, now: datetime, actor: str) -> Present:
    """Note that this person has an item open, and return who else has."""
    with reading() as session:
        item = item_at(session, store.bank_by_ref(session, bank_ref).id, item_ref)
        work = work_of(session, item.bank_id, actor, item_id=item.id)
        others = others_at(session, item, actor=actor, now=now)
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
    item_id = item_at(session, bank_id, item_ref).id if item_ref else None
    work = work_of(session, bank_id, actor, item_id=item_id, ref=work_ref)
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
        item = item_at(session, bank.id, item_ref, lock=True)
        sides = sides_of(session, bank.id, item_ref, actor=actor)
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
        is_new = not says_the_same(content_at(session, item, item.current), judged.data)
        if is_new:
            _write(session, bank, item, judged.data, now=now, actor=actor)
        if submit:
            move(session, bank, [item], ItemEvent.SUBMIT, now=now, actor=actor)
        _forget(session, bank.id, typed.item_ref, typed.work_ref, actor=actor)
        return Stored(item.ref, item.current, is_new)


def _item_for(session: Session, bank_id: int, typed: Typed, data: Mapping[str, Any], wanted_ref: str) -> Item:
    if typed.item_ref:
        item = item_at(session, bank_id, typed.item_ref, lock=True)
        if item.current != typed.base:
            raise Conflict("editing.moved_on", current=item.current, base=typed.base)
        return item
    kind = str(data["type"])
    letter = authoring_of(kind).letter or kind[:2].upper()
    ref = wanted_ref or free_ref(session, bank_id, str(data["point"]), letter)
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
    text, number = canonical_json(dict(data)), next_number(session, item)
    row = version_row(item, number, text, digest(text), run_id=None, now=now, actor=actor, state=state)
    session.add(ItemVersion(**row))
    session.flush()
    move(session, bank, [item], ItemEvent.WRITE, now=now, actor=actor)
