"""Which items a change of many is about: those that were chosen, all a search finds, all an import brought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from cbt.bank.models import ImportRun, Item, ItemBank, ItemVersion
from cbt.bank.search.asking import Search, matching
from cbt.errors import InvalidInput, NotFound

MOST = 10_000
"""Items that one change may be about."""


@dataclass(frozen=True, slots=True)
class BulkScope:
    """Items by ref, or by a search where `whole`, or those of an import run."""

    refs: tuple[str, ...] = ()
    search: Search | None = None
    run_ref: str = ""


def items_of(session: Session, bank: ItemBank, scope: BulkScope) -> Sequence[Item]:
    """Return the items by point and ref.

    Raises InvalidInput("bank.bulk_nothing"), ("bank.bulk_many") with the most there may be, NotFound for a run.
    """
    query = select(Item).where(Item.bank_id == bank.id)
    if scope.run_ref:
        run = session.scalar(
            select(ImportRun.id).where(ImportRun.bank_id == bank.id, ImportRun.ref == scope.run_ref)
        )
        if run is None:
            raise NotFound("bank.run_unknown")
        brought = and_(ItemVersion.item_id == Item.id, ItemVersion.number == Item.current)
        query = query.join(ItemVersion, brought).where(ItemVersion.import_run_id == run)
    elif scope.search is not None:
        query = query.where(matching(session, bank.id, scope.search))
    else:
        query = query.where(Item.ref.in_(scope.refs))
    count = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    if not count:
        raise InvalidInput("bank.bulk_nothing")
    if count > MOST:
        raise InvalidInput("bank.bulk_many", count=count, most=MOST)
    return session.scalars(query.order_by(Item.point, Item.ref)).all()
