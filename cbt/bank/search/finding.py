"""One page of what a search finds, its refs, and who could have written or may review."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from cbt.bank.items.marks import in_words
from cbt.bank.models import Item, ItemVersion, KnowledgePoint
from cbt.bank.search.asking import PAGE_SIZE, Search, by_index, filtered, found_first, naming, seen_in
from cbt.bank.search.words import asked, headline

MOST_COUNTED = 2000
"""Who finds more by a word asks for another word."""


@dataclass(frozen=True, slots=True)
class ItemLine:
    """One item in the table of a bank."""

    ref: str
    type: str
    point: str
    point_name: str
    difficulty: int
    state: str
    version: int
    current: int
    author: str
    reviewer: str
    text: str


def search_items(session: Session, bank_id: int, search: Search) -> tuple[list[ItemLine], int]:
    """Return one page of the items that match, by point and ref, and how many match in all.

    Of what a text finds no more are counted than MOST_COUNTED and one.
    """
    where = filtered(bank_id, search)
    start = (search.page - 1) * PAGE_SIZE
    if search.text:
        runs = asked(search.text)
        rows = found_first(session, where, runs, MOST_COUNTED + 1)
        if len(rows) <= MOST_COUNTED:
            ids = [key for _point, _ref, key in sorted(rows)[start : start + PAGE_SIZE]]
            return lines_of(session, ids), len(rows)
        total = len(rows)
        where = and_(where, seen_in(session, runs))
    else:
        total = session.scalar(select(func.count()).select_from(Item).where(where)) or 0
        if not total:
            return [], 0
    page = select(Item.id).where(where).order_by(Item.point, Item.ref).limit(PAGE_SIZE).offset(start)
    with by_index(session):  # the last page of many would be sorted for otherwise
        shown = session.scalars(page).all()
    return lines_of(session, shown), total


def lines_of(session: Session, ids: Sequence[int]) -> list[ItemLine]:
    """Return items as lines, by point and ref."""
    if not ids:
        return []
    rows = session.execute(
        select(Item, ItemVersion.content, KnowledgePoint.name)
        .join(ItemVersion, and_(ItemVersion.item_id == Item.id, ItemVersion.number == Item.current))
        .outerjoin(
            KnowledgePoint, and_(KnowledgePoint.bank_id == Item.bank_id, KnowledgePoint.code == Item.point)
        )
        .where(Item.id.in_(ids))
        .order_by(Item.point, Item.ref)
    )
    return [
        ItemLine(
            ref=item.ref,
            type=item.type,
            point=item.point,
            point_name=name or "",
            difficulty=item.difficulty,
            state=item.state,
            version=item.version,
            current=item.current,
            author=item.author,
            reviewer=item.reviewer,
            text=in_words(headline(json.loads(content))),
        )
        for item, content, name in rows
    ]


def named_by(session: Session, bank_id: int, ref: str) -> list[str]:
    """Return the items of a bank that name `ref` as an enemy, by ref."""
    query = select(Item.ref).where(Item.bank_id == bank_id, naming(session, ref)).order_by(Item.ref)
    return list(session.scalars(query))


def headlines(session: Session, bank_id: int, refs: Sequence[str]) -> dict[str, str]:
    """Return what each of some items of a bank is called: ref → headline."""
    rows = session.execute(
        select(Item.ref, ItemVersion.content)
        .join(ItemVersion, and_(ItemVersion.item_id == Item.id, ItemVersion.number == Item.current))
        .where(Item.bank_id == bank_id, Item.ref.in_(set(refs)))
    )
    return {ref: in_words(headline(json.loads(content))) for ref, content in rows}
