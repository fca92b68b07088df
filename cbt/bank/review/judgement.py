"""Use cases of the review desk: the one way an item moves on, who may judge it, and remarks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import and_, func, insert, or_, select, update
from sqlalchemy.orm import Session

from cbt.accounts.store import staff_by_ref
from cbt.accounts.two_people import SAME, refusals
from cbt.audit import chain
from cbt.bank.review.fields import places_of
from cbt.bank.store import bank_by_ref
from cbt.errors import CbtError, Conflict, InvalidInput, NotFound
from cbt.items.models import Item, ItemBank, ItemComment, ItemStep, ItemVersion
from cbt.rules.roles import PersonStep, Role
from cbt.rules.states import ItemEvent, ItemState, may_review, next_item_state
from cbt.rules.visible import unseen
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import unit_of_work

JUDGED = frozenset({ItemEvent.APPROVE, ItemEvent.SEND_BACK})
"""What nobody says of their own words."""
ASSIGN = "assign"
"""The step that hands an item to a reviewer; its note is the actor it was handed to."""
_CHUNK = 400


def move(
    session: Session,
    bank: ItemBank,
    items: Sequence[Item],
    event: ItemEvent,
    *,
    now: datetime,
    actor: str,
    note: str = "",
) -> None:
    """Have `event` happen to items of one bank, all of them or, when this raises, none; put it on record once.

    Raises Conflict("item.transition") where it cannot happen, ("item.own_work") to who wrote what they judge, as
    `refusals` says to whose account counts as the writer's, and Conflict("item.changed_meanwhile") when somebody
    else was quicker.

    Source: R-62, R-64.
    """
    for item in items:
        next_item_state(ItemState(item.state), event)
    if event in JUDGED:
        for error in barred(session, items, actor, now=now).values():
            raise error
    number_of = {item.id: item.current for item in items}
    for state in {ItemState(item.state) for item in items}:
        ids = [item.id for item in items if item.state == state]
        for start in range(0, len(ids), _CHUNK):
            _take(session, ids[start : start + _CHUNK], state, event)
    steps = [
        {"item_id": key, "number": number, "event": event.value, "note": note, "actor": actor, "at": now}
        for key, number in number_of.items()
    ]
    if steps:
        session.execute(insert(ItemStep), steps)
    _record(session, bank, items, f"item.{event.value}", now=now, actor=actor, note=note)


def _take(session: Session, ids: Sequence[int], state: ItemState, event: ItemEvent) -> None:
    values: dict[str, object] = {"state": next_item_state(state, event).value}
    if event is ItemEvent.APPROVE:
        values |= {"version": Item.current, "reviewer": ""}
    elif event is ItemEvent.RETIRE:
        values["version"] = 0
    moved = session.execute(
        update(Item)
        .where(Item.id.in_(ids), Item.state == state.value)
        .values(values)
        .returning(Item.id)
        .execution_options(synchronize_session="fetch")
    ).all()
    if len(moved) != len(ids):
        raise Conflict("item.changed_meanwhile")


def assign(
    session: Session, bank: ItemBank, items: Sequence[Item], reviewer: str, *, now: datetime, actor: str
) -> None:
    """Hand items to one reviewer, an actor, or to nobody (""); raise Conflict("item.reviewer_wrote").

    Source: R-62.
    """
    if reviewer:
        for ref, writers in writers_of(session, items).items():
            if not may_review(reviewer, writers):
                raise Conflict("item.reviewer_wrote", ref=ref)
    steps = []
    for item in items:
        item.reviewer = reviewer
        step = {"item_id": item.id, "number": item.current, "event": ASSIGN, "note": reviewer}
        steps.append({**step, "actor": actor, "at": now})
    session.flush()
    if steps:
        session.execute(insert(ItemStep), steps)
    _record(session, bank, items, "item.assign", now=now, actor=actor, note=reviewer)


def barred(session: Session, items: Iterable[Item], actor: str, *, now: datetime) -> dict[str, CbtError]:
    """Return why somebody may not judge items, by ref: who wrote them is that person, or counts as that person.

    Source: R-62.
    """
    steps = {
        ref: [PersonStep(writer, at) for writer, at in wrote.items()]
        for ref, wrote in writers_of(session, items).items()
    }
    firsts = {step for each in steps.values() for step in each}
    refused = refusals(session, firsts, actor, roles=(Role.REVIEWER,), now=now)
    obstacles: dict[str, CbtError] = {}
    for ref, each in steps.items():
        errors = [refused[step] for step in each if step in refused]
        if any(error.code == SAME for error in errors):
            obstacles[ref] = Conflict("item.own_work", ref=ref)
        elif errors:
            obstacles[ref] = errors[0]
    return obstacles


def writers_of(session: Session, items: Iterable[Item]) -> dict[str, dict[str, datetime]]:
    """Return who wrote a version of each item since the last reviewed one, or the present one, and when first.

    By the item's ref, then by who.

    Source: R-62.
    """
    writers: dict[str, dict[str, datetime]] = {item.ref: {} for item in items}
    ref_of = {item.id: item.ref for item in items}
    approved = (
        select(func.coalesce(func.max(ItemStep.number), 0))
        .where(ItemStep.item_id == Item.id, ItemStep.event == ItemEvent.APPROVE.value)
        .correlate(Item)
        .scalar_subquery()
    )
    since = and_(ItemVersion.number > Item.version, ItemVersion.number > approved)
    query = select(ItemVersion.item_id, ItemVersion.actor, func.min(ItemVersion.created_at)).join(
        Item, Item.id == ItemVersion.item_id
    )
    ids = list(ref_of)
    for start in range(0, len(ids), _CHUNK):
        chunk = ids[start : start + _CHUNK]
        rows = session.execute(
            query.where(Item.id.in_(chunk), or_(ItemVersion.number == Item.current, since)).group_by(
                ItemVersion.item_id, ItemVersion.actor
            )
        )
        for key, writer, at in rows:
            writers[ref_of[key]][writer] = at
    return writers


def _record(
    session: Session,
    bank: ItemBank,
    items: Collection[Item],
    act: str,
    *,
    now: datetime,
    actor: str,
    note: str,
) -> None:
    """Put a step on record: of one item under its ref, of several under their bank's, with the list."""
    if not items:
        return
    versions = {item.ref: item.current for item in items}
    after: dict[str, object] = {"bank": bank.ref, "versions": versions}
    if act == "item.assign":
        after["reviewer"], note = note, ""
    subject = f"item:{next(iter(versions))}" if len(items) == 1 else f"item_bank:{bank.ref}"
    chain.record(session, at=now, actor=actor, act=act, subject=subject, reason=note, after=after)


LONGEST_NOTE = 1000


def take_step(
    *, bank_ref: str, item_ref: str, number: int, event: ItemEvent, note: str = "", now: datetime, actor: str
) -> None:
    """Have something happen to version `number` of an item.

    Raises as `move` does, Conflict("item.changed_meanwhile") when another version stands there by now, and
    InvalidInput("item.note_needed") for one that is sent back without a word why.
    """
    note_text = words(note, "note")
    if event is ItemEvent.SEND_BACK and not note_text:
        raise InvalidInput("item.note_needed", field="note")
    with unit_of_work() as session:
        bank, item = _held(session, bank_ref, item_ref, number)
        move(session, bank, [item], event, now=now, actor=actor, note=note_text)


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
    reviewer = staff_by_ref(session, staff_ref)
    if reviewer.disabled_at is not None or Role.REVIEWER not in {row.role for row in reviewer.roles}:
        raise InvalidInput("item.no_reviewer", field="reviewer")
    return f"staff:{reviewer.ref}"


def remark(
    *, bank_ref: str, item_ref: str, number: int, place: str, text: str, now: datetime, actor: str
) -> str:
    """Keep a remark on a place of a version, "" being the item as a whole; return its ref."""
    remark_text = words(text, "text")
    if not remark_text:
        raise InvalidInput("item.remark_empty", field="text")
    with unit_of_work() as session:
        bank, item = locked(session, bank_ref, item_ref)
        content = session.scalar(
            select(ItemVersion.content).where(ItemVersion.item_id == item.id, ItemVersion.number == number)
        )
        if content is None or (place and place not in places_of(content)):
            raise NotFound("item.no_place")
        row = ItemComment(ref=new_ref("rm"), item_id=item.id, number=number, place=place, text=remark_text)
        row.actor, row.at = actor, now
        session.add(row)
        after = {"bank": bank.ref, "version": number, "place": place, "remark": row.ref}
        chain.record(session, at=now, actor=actor, act="item.remark", subject=f"item:{item.ref}", after=after)
        return row.ref


def settle(*, bank_ref: str, item_ref: str, remark_ref: str, now: datetime, actor: str) -> None:
    """Mark a remark as settled; raise NotFound("item.no_remark"), Conflict("item.remark_settled")."""
    with unit_of_work() as session:
        bank, item = locked(session, bank_ref, item_ref)
        comment_id = session.scalar(
            select(ItemComment.id).where(ItemComment.ref == remark_ref, ItemComment.item_id == item.id)
        )
        if comment_id is None:
            raise NotFound("item.no_remark")
        settled = session.execute(
            update(ItemComment)
            .where(ItemComment.id == comment_id, ItemComment.settled_at.is_(None))
            .values(settled_by=actor, settled_at=now)
            .returning(ItemComment.id)
        ).all()
        if not settled:
            raise Conflict("item.remark_settled")
        after = {"bank": bank.ref, "remark": remark_ref}
        chain.record(session, at=now, actor=actor, act="item.settle", subject=f"item:{item.ref}", after=after)


def words(text: str, field: str) -> str:
    """Return what somebody wrote in a few lines; raise InvalidInput("text.unseen") or ("item.words_long")."""
    hidden = unseen(text)
    if hidden is not None:
        raise InvalidInput("text.unseen", field=field, place=hidden.place, character=hidden.code)
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
