"""Queries behind the lint of a bank."""

from __future__ import annotations

from functools import cache

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from cbt.bank.linting.models import BankLint
from cbt.bank.models import Item, ItemBank, ItemVersion
from cbt.bank.taxonomy import Taxonomy
from cbt.releases import product_version
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.states.item import ItemState


def mark_of(session: Session, bank: ItemBank, taxonomy: Taxonomy) -> tuple[str, int]:
    """Return what changes whenever the lint of a bank may, and how many items there are to look at.

    It takes no walk through the versions: each change of an item is a new version or another state.
    """
    count, current, last = session.execute(
        select(func.count(), func.sum(Item.current), func.max(ItemVersion.id))
        .select_from(Item)
        .join(ItemVersion, _worked_on())
        .where(*_living(bank.id))
    ).one()
    facts = {
        "items": [count, current or 0, last or 0],
        "ranges": [[one.code, one.name, one.weight] for one in taxonomy.ranges],
        "points": [[one.code, one.name, one.importance] for one in taxonomy.points],
        "product": _version(),
    }
    return digest(canonical_json(facts)), count


def items_of(session: Session, bank_id: int, *, step: int) -> list[tuple[str, str]]:
    """Return (ref, content) of the items that are worked on or drawn, or every `step`th of them."""
    query = (
        select(Item.ref, ItemVersion.content)
        .join(ItemVersion, _worked_on())
        .where(*_living(bank_id), Item.id % step == 0)
        .order_by(Item.ref)
    )
    return [(ref, content) for ref, content in session.execute(query)]


def refs_of(session: Session, bank_id: int) -> list[str]:
    """Return the refs of all items of a bank, the retired too: others may name them as enemies."""
    return list(session.scalars(select(Item.ref).where(Item.bank_id == bank_id).order_by(Item.ref)))


def kept_lint(session: Session, bank_id: int) -> BankLint | None:
    """Return what is kept of a bank's lint."""
    return session.scalar(select(BankLint).where(BankLint.bank_id == bank_id))


def _worked_on() -> ColumnElement[bool]:
    return and_(ItemVersion.item_id == Item.id, ItemVersion.number == Item.current)


def _living(bank_id: int) -> tuple[ColumnElement[bool], ...]:
    return Item.bank_id == bank_id, Item.state != ItemState.RETIRED.value


@cache
def _version() -> str:
    return product_version()
