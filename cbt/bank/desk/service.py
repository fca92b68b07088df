"""Use cases of one item at its desk: a step of its life, its reviewer, remarks on a place."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from cbt.accounts.store import staff_by_ref
from cbt.audit import chain
from cbt.bank.desk.fields import places_of
from cbt.bank.desk.moves import assign, move
from cbt.bank.models import Item, ItemBank, ItemComment, ItemVersion
from cbt.bank.store import bank_by_ref
from cbt.db.unit_of_work import unit_of_work
from cbt.errors import Conflict, InvalidInput, NotFound
from cbt.rules.roles import Role
from cbt.rules.states.item import ItemEvent
from cbt.rules.visible import unseen
from cbt.web.refs import new_ref

LONGEST_NOTE = 1000


def take_step(
    *, bank_ref: str, item_ref: str, number: int, event: ItemEvent, note: str = "", now: datetime, actor: str
) -> None:
    """Have something happen to version `number` of an item.

    Raises as `move` does, Conflict("item.changed_meanwhile") when another version stands there by now, and
    InvalidInput("item.note_needed") for one that is sent back without a word why.
    """
    said = words(note, "note")
    if event is ItemEvent.SEND_BACK and not said:
        raise InvalidInput("item.note_needed", field="note")
    with unit_of_work() as session:
        bank, item = _held(session, bank_ref, item_ref, number)
        move(session, bank, [item], event, now=now, actor=actor, note=said)


def give_to(
    *, bank_ref: str, item_ref: str, number: int, reviewer_ref: str, now: datetime, actor: str
) -> None:
    """Hand an item to a reviewer, or with "" to nobody; raise as `assign` and `reviewer_of` do."""
    with unit_of_work() as session:
        bank, item = _held(session, bank_ref, item_ref, number)
        assign(session, bank, [item], reviewer_of(session, reviewer_ref), now=now, actor=actor)


def reviewer_of(session: Session, staff_ref: str) -> str:
    """Return the actor of a reviewer who may sign in; raise InvalidInput("item.no_reviewer")."""
    if not staff_ref:
        return ""
    found = staff_by_ref(session, staff_ref)
    if found.disabled_at is not None or Role.REVIEWER not in {row.role for row in found.roles}:
        raise InvalidInput("item.no_reviewer", field="reviewer")
    return f"staff:{found.ref}"


def remark(
    *, bank_ref: str, item_ref: str, number: int, place: str, text: str, now: datetime, actor: str
) -> str:
    """Keep a remark on a place of a version, "" being the item as a whole; return its ref."""
    said = words(text, "text")
    if not said:
        raise InvalidInput("item.remark_empty", field="text")
    with unit_of_work() as session:
        bank, item = locked(session, bank_ref, item_ref)
        content = session.scalar(
            select(ItemVersion.content).where(ItemVersion.item_id == item.id, ItemVersion.number == number)
        )
        if content is None or (place and place not in places_of(content)):
            raise NotFound("item.no_place")
        row = ItemComment(ref=new_ref("rm"), item_id=item.id, number=number, place=place, text=said)
        row.actor, row.at = actor, now
        session.add(row)
        after = {"bank": bank.ref, "version": number, "place": place, "remark": row.ref}
        chain.record(session, at=now, actor=actor, act="item.remark", subject=f"item:{item.ref}", after=after)
        return row.ref


def settle(*, bank_ref: str, item_ref: str, remark_ref: str, now: datetime, actor: str) -> None:
    """Mark a remark as settled; raise NotFound("item.no_remark"), Conflict("item.remark_settled")."""
    with unit_of_work() as session:
        bank, item = locked(session, bank_ref, item_ref)
        found = session.scalar(
            select(ItemComment.id).where(ItemComment.ref == remark_ref, ItemComment.item_id == item.id)
        )
        if found is None:
            raise NotFound("item.no_remark")
        settled = session.execute(
            update(ItemComment)
            .where(ItemComment.id == found, ItemComment.settled_at.is_(None))
            .values(settled_by=actor, settled_at=now)
            .returning(ItemComment.id)
        ).all()
        if not settled:
            raise Conflict("item.remark_settled")
        after = {"bank": bank.ref, "remark": remark_ref}
        chain.record(session, at=now, actor=actor, act="item.settle", subject=f"item:{item.ref}", after=after)


def words(text: str, field: str) -> str:
    """Return what somebody wrote in a few lines; raise InvalidInput("text.unseen") or ("item.words_long")."""
    found = unseen(text)
    if found is not None:
        raise InvalidInput("text.unseen", field=field, place=found.place, character=found.code)
    plain = "\n".join(line.strip() for line in text.strip().splitlines())
    if len(plain) > LONGEST_NOTE:
        raise InvalidInput("item.words_long", field=field, maximum=LONGEST_NOTE)
    return plain


def locked(session: Session, bank_ref: str, item_ref: str) -> tuple[ItemBank, Item]:
    """Return a bank and one of its items, held until the unit of work is over; raise NotFound."""
    bank = bank_by_ref(session, bank_ref)
    item = session.scalar(select(Item).where(Item.bank_id == bank.id, Item.ref == item_ref).with_for_update())
    if item is None:
        raise NotFound("bank.item_missing", ref=item_ref)
    return bank, item


def _held(session: Session, bank_ref: str, item_ref: str, number: int) -> tuple[ItemBank, Item]:
    bank, item = locked(session, bank_ref, item_ref)
    if item.current != number:
        raise Conflict("item.changed_meanwhile")
    return bank, item
