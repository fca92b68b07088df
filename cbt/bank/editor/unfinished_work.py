"""Unfinished work in the item editor: what each author has typed and not saved, and who else is at the item.

The picture of a 识图 item goes by a short name in the form and is put back afterwards: a page that says what
is typed every second does not send a picture each time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from cbt.bank.editor.form import blank_item
from cbt.errors import NotFound
from cbt.items.markup import in_words
from cbt.items.media import SCHEME, address
from cbt.items.models import Item, ItemVersion, ItemWork
from cbt.rules.canonical import digest
from cbt.rules.states.item import TRANSITIONS, ItemEvent, ItemState
from cbt.storage.types import to_micros

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

    def put_back(one: Mapping[str, Any]) -> dict[str, Any]:
        name = one.get("picture")
        return {**one, "picture": held.get(name, name)} if name else dict(one)

    done = put_back(data)
    if isinstance(data.get("parts"), list):
        done["parts"] = [put_back(part) for part in data["parts"]]
    return done


def with_names(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a content with short names in the place of pictures that stand in it."""

    def shorten(one: Mapping[str, Any]) -> dict[str, Any]:
        return {**one, "picture": picture_name(one["picture"])} if "picture" in one else dict(one)

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
        return (self.state, ItemEvent.WRITE) in TRANSITIONS


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
    """Return the number of the next version of an item."""
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
    found: list[tuple[ItemWork, str | None, str, str]] = []
    for work, ref in rows:
        data = json.loads(work.content)
        found.append((work, ref, str(data["type"]), in_words(str(data.get("title") or data.get("stem", "")))))
    return found
