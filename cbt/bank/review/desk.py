"""What the review desk shows: an item with its steps and remarks, and which items wait for a reviewer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, func, select, tuple_
from sqlalchemy.orm import Session

from cbt.accounts.store import actor_names, staff_with_roles
from cbt.bank.catalogue import VersionLine, version_lines
from cbt.bank.review.judgement import writers_of
from cbt.bank.search import headline
from cbt.errors import NotFound
from cbt.items.markup import in_words
from cbt.items.models import Item, ItemBank, ItemComment, ItemStep, ItemVersion
from cbt.rules.roles import Role
from cbt.rules.states import ITEM_TRANSITIONS, ItemEvent, ItemState, may_review

AUTHORS_STEPS = (ItemEvent.SUBMIT, ItemEvent.WITHDRAW, ItemEvent.RESTORE, ItemEvent.RETIRE)


@dataclass(frozen=True, slots=True)
class StepLine:
    """One step of an item's life."""

    number: int
    event: str
    note: str
    actor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RemarkLine:
    """One remark on a place of a version; `settled_by` is "" while it is open."""

    ref: str
    number: int
    place: str
    text: str
    actor: str
    at: datetime
    settled_by: str
    settled_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReviewerLine:
    """Somebody who reviews; `may` is no for who wrote what is to be judged."""

    ref: str
    name: str
    may: bool


@dataclass(frozen=True, slots=True)
class ItemDesk:
    """An item's desk: its state and whose it is, what happened, and what can happen now."""

    state: ItemState
    number: int
    drawn: int
    reviewer: str
    steps: list[StepLine]
    remarks: list[RemarkLine]
    writers: frozenset[str]
    reviewers: list[ReviewerLine]
    names: dict[str, str]

    @property
    def open_remarks(self) -> int:
        return sum(1 for one in self.remarks if one.settled_at is None)

    def can(self, event: ItemEvent) -> bool:
        return (self.state, event) in ITEM_TRANSITIONS

    def may_judge(self, actor: str) -> bool:
        """Return whether somebody may judge what is written. Source: R-62."""
        return may_review(actor, self.writers)

    def remarks_at(self, place: str) -> list[RemarkLine]:
        """Return the remarks on one place, those that are open first."""
        remarks = [one for one in self.remarks if one.place == place]
        return sorted(remarks, key=lambda one: (one.settled_at is not None, one.at))


def desk_of(session: Session, item: Item) -> ItemDesk:
    """Return what an item's page shows of its desk."""
    steps = [
        StepLine(row.number, row.event, row.note, row.actor, row.at)
        for row in session.scalars(
            select(ItemStep).where(ItemStep.item_id == item.id).order_by(ItemStep.id.desc())
        )
    ]
    remarks = [
        RemarkLine(
            row.ref, row.number, row.place, row.text, row.actor, row.at, row.settled_by, row.settled_at
        )
        for row in session.scalars(
            select(ItemComment).where(ItemComment.item_id == item.id).order_by(ItemComment.id)
        )
    ]
    writers = frozenset(writers_of(session, [item])[item.ref])
    actors = {item.reviewer, *writers, *(one.actor for one in steps), *(one.note for one in steps)}
    actors |= {name for one in remarks for name in (one.actor, one.settled_by)}
    return ItemDesk(
        state=ItemState(item.state),
        number=item.current,
        drawn=item.version,
        reviewer=item.reviewer,
        steps=steps,
        remarks=remarks,
        writers=writers,
        reviewers=reviewers(session, writers),
        names=actor_names(session, actors),
    )


def reviewers(session: Session, writers: frozenset[str] = frozenset()) -> list[ReviewerLine]:
    """Return everybody who reviews, by name, and whether they may judge what `writers` wrote."""
    lines: Sequence[ReviewerLine] = [
        ReviewerLine(person.ref, person.name, may_review(f"staff:{person.ref}", writers))
        for person in staff_with_roles(session, [Role.REVIEWER])
    ]
    return list(lines)


@dataclass(frozen=True, slots=True)
class TwoVersions:
    """Two versions of an item and the list they were taken from, the newest first."""

    older: int
    newer: int
    before: str
    after: str
    heads: list[VersionLine]
    names: dict[str, str]


def two_versions(session: Session, item: Item, older: int | None, newer: int | None) -> TwoVersions:
    """Return two versions, by default the present one and the one before; raise NotFound("bank.item_unknown")."""
    heads = version_lines(session, item.id)
    newer = newer or item.current
    older = older or max((head.number for head in heads if head.number < newer), default=newer)
    rows = session.execute(
        select(ItemVersion.number, ItemVersion.content).where(
            ItemVersion.item_id == item.id, ItemVersion.number.in_({older, newer})
        )
    )
    contents = dict(rows.all())
    for number in (older, newer):
        if number not in contents:
            raise NotFound("bank.item_unknown", ref=item.ref, version=number)
    names = actor_names(session, {head.actor for head in heads})
    return TwoVersions(older, newer, contents[older], contents[newer], heads, names)


SHOWN = 30


class Scope(StrEnum):
    """Whose items are gone through: those handed to me, those handed to nobody, all."""

    MINE = "mine"
    NOBODYS = "unassigned"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class WaitingLine:
    """An item that waits: its bank, what it is called, who wrote it."""

    bank_ref: str
    bank_name: str
    ref: str
    type: str
    text: str
    author: str


def counts(session: Session, me: str, bank_ref: str) -> dict[Scope, int]:
    """Return how many items wait in each scope."""
    return {
        scope: session.scalar(
            select(func.count()).select_from(Item).join(ItemBank).where(_waits(scope, me, bank_ref))
        )
        or 0
        for scope in Scope
    }


def banks_waiting(session: Session, me: str) -> list[tuple[str, str, int]]:
    """Return each bank in which something waits: its ref, its name, how many."""
    rows = session.execute(
        select(ItemBank.ref, ItemBank.name, func.count())
        .join(Item, Item.bank_id == ItemBank.id)
        .where(_waits(Scope.ALL, me, ""))
        .group_by(ItemBank.ref, ItemBank.name)
        .order_by(ItemBank.ref)
    )
    return [(ref, name, count) for ref, name, count in rows]


def waiting_from(
    session: Session,
    me: str,
    scope: Scope,
    bank_ref: str,
    *,
    after: tuple[str, str] | None,
    limit: int = SHOWN,
) -> list[WaitingLine]:
    """Return items that wait, by bank and ref, those after (bank, ref) where that is given."""
    where = _waits(scope, me, bank_ref)
    if after is not None:
        where = and_(where, tuple_(ItemBank.ref, Item.ref) > after)
    rows = session.execute(
        select(ItemBank.ref, ItemBank.name, Item.ref, Item.type, ItemVersion.content, Item.author)
        .join(Item, Item.bank_id == ItemBank.id)
        .join(ItemVersion, and_(ItemVersion.item_id == Item.id, ItemVersion.number == Item.current))
        .where(where)
        .order_by(ItemBank.ref, Item.ref)
        .limit(limit)
    )
    return [
        WaitingLine(bank, name, ref, kind, _text(content), by) for bank, name, ref, kind, content, by in rows
    ]


def _waits(scope: Scope, me: str, bank_ref: str) -> ColumnElement[bool]:
    """What I wrote waits for somebody else."""
    where: list[ColumnElement[bool]] = [Item.state == ItemState.IN_REVIEW.value, Item.author != me]
    if bank_ref:
        where.append(ItemBank.ref == bank_ref)
    if scope is not Scope.ALL:
        where.append(Item.reviewer == (me if scope is Scope.MINE else ""))
    return and_(*where)


def _text(content: str) -> str:
    return in_words(headline(json.loads(content)))


def scope_of(sent: str, waiting: dict[Scope, int]) -> Scope:
    """Return the scope somebody asks for, else the nearest in which something waits."""
    if sent in list(Scope):
        return Scope(sent)
    order: Sequence[Scope] = (Scope.MINE, Scope.NOBODYS)
    return next((scope for scope in order if waiting[scope]), Scope.ALL)
