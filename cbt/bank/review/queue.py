"""Which items wait for a reviewer, in the order they are gone through."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, func, select, tuple_
from sqlalchemy.orm import Session

from cbt.bank.search import headline
from cbt.items.markup import in_words
from cbt.items.models import Item, ItemBank, ItemVersion
from cbt.rules.states.item import ItemState

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


def scope_of(sent: str, found: dict[Scope, int]) -> Scope:
    """Return the scope somebody asks for, else the nearest in which something waits."""
    if sent in list(Scope):
        return Scope(sent)
    order: Sequence[Scope] = (Scope.MINE, Scope.NOBODYS)
    return next((scope for scope in order if found[scope]), Scope.ALL)
