"""Queries behind the author's pages: banks with their counts, a search, one item with its history."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from cbt.bank.models import RENAMING, ImportRun, Item, ItemBank, ItemVersion, KnowledgePoint
from cbt.errors import NotFound
from cbt.rules.items.basis.content import ItemContent
from cbt.rules.items.reading import parse_content
from cbt.rules.states.item import ItemState


@dataclass(frozen=True, slots=True)
class BankLine:
    """A bank in the list: how many published items of each type, over how many points."""

    ref: str
    name: str
    note: str
    levels: tuple[str, ...]
    counts: dict[str, int]
    points: int
    drafts: int = 0
    in_review: int = 0

    @property
    def total(self) -> int:
        """How many published items there are."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class VersionLine:
    """One version in an item's history; `file_name` is "" for one that no file brought."""

    number: int
    actor: str
    at: datetime
    file_name: str


@dataclass(frozen=True, slots=True)
class ItemSheet:
    """Everything the page of an item shows of what it says; `shown` is the version."""

    item: Item
    shown: int
    point_name: str
    text: str
    content: ItemContent
    versions: list[VersionLine]


def bank_lines(session: Session) -> list[BankLine]:
    """Return every bank with its counts, in the order of the refs."""
    counts: dict[int, Counter[str]] = {}
    states: Counter[tuple[int, str]] = Counter()
    drawn = func.sum(case((Item.version > 0, 1), else_=0))
    for bank_id, kind, state, published, count in session.execute(
        select(Item.bank_id, Item.type, Item.state, drawn, func.count()).group_by(
            Item.bank_id, Item.type, Item.state
        )
    ):
        counts.setdefault(bank_id, Counter())[kind] += published
        states[bank_id, state] += count
    points = dict(
        session.execute(select(KnowledgePoint.bank_id, func.count()).group_by(KnowledgePoint.bank_id)).all()
    )
    return [
        BankLine(
            bank.ref,
            bank.name,
            bank.note,
            tuple(filter(None, bank.levels.split(","))),
            counts.get(bank.id, Counter()),
            points.get(bank.id, 0),
            states[bank.id, ItemState.DRAFT.value],
            states[bank.id, ItemState.IN_REVIEW.value],
        )
        for bank in session.scalars(select(ItemBank).order_by(ItemBank.ref))
    ]


def item_sheet(session: Session, bank_id: int, ref: str, *, number: int | None = None) -> ItemSheet:
    """Return one item in a version, by default the one its authors work on.

    Raises NotFound("bank.item_missing") or ("bank.item_unknown").
    """
    item = item_of(session, bank_id, ref)
    wanted = number or item.current
    text = session.scalar(
        select(ItemVersion.content).where(ItemVersion.item_id == item.id, ItemVersion.number == wanted)
    )
    if text is None:
        raise NotFound("bank.item_unknown", ref=ref, version=wanted)
    content = parse_content(json.loads(text))
    name = session.scalar(
        select(KnowledgePoint.name).where(
            KnowledgePoint.bank_id == bank_id, KnowledgePoint.code == content.point
        )
    )
    return ItemSheet(item, wanted, name or "", text, content, version_lines(session, item.id))


def item_of(session: Session, bank_id: int, ref: str) -> Item:
    """Return one item of a bank; raise NotFound("bank.item_missing")."""
    item = session.scalar(select(Item).where(Item.bank_id == bank_id, Item.ref == ref))
    if item is None:
        raise NotFound("bank.item_missing", ref=ref)
    return item


def version_lines(session: Session, item_id: int) -> list[VersionLine]:
    """Return the versions of an item, the newest first."""
    rows = session.execute(
        select(ItemVersion.number, ItemVersion.actor, ItemVersion.created_at, ImportRun.file_name)
        .outerjoin(ImportRun, ImportRun.id == ItemVersion.import_run_id)
        .where(ItemVersion.item_id == item_id)
        .order_by(ItemVersion.number.desc())
    )
    return [VersionLine(number, actor, at, file_name or "") for number, actor, at, file_name in rows]


def import_runs(session: Session, bank_id: int, *, limit: int = 20) -> Sequence[ImportRun]:
    """Return the latest imports of a bank, the last one first."""
    query = select(ImportRun).where(ImportRun.bank_id == bank_id, ImportRun.form != RENAMING)
    return session.scalars(query.order_by(ImportRun.at.desc(), ImportRun.id.desc()).limit(limit)).all()
