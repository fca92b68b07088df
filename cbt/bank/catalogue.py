"""Queries of the author's pages: banks with their counts, the tree of a 细目表, an item, imports."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from cbt.bank.search import IN_USE
from cbt.bank.store import sample_banks
from cbt.errors import NotFound
from cbt.items.models import RENAMING, ImportRun, Item, ItemBank, ItemVersion, KnowledgePoint
from cbt.items.taxonomy import Taxonomy, parent_of
from cbt.rules.items.content import ItemContent
from cbt.rules.items.registry import parse_content
from cbt.rules.states import ItemState


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
    is_sample: bool = False
    """Whether it came with the product."""
    put_away: bool = False

    @property
    def total(self) -> int:
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
    """Return every bank with its counts, in the order of the refs; those that were put away last."""
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
            bank.ref in sample_banks(),
            bank.put_away_at is not None,
        )
        for bank in session.scalars(
            select(ItemBank).order_by(ItemBank.put_away_at.is_not(None), ItemBank.ref)
        )
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


@dataclass(slots=True)
class Branch:
    """A range or a point: how many items hang below it, and what is below it."""

    code: str
    name: str
    importance: str = ""
    count: int = 0
    below: list[Branch] = field(default_factory=list)


def point_counts(session: Session, bank_id: int) -> dict[str, int]:
    rows = session.execute(
        select(Item.point, func.count())
        .where(Item.bank_id == bank_id, Item.state.in_(IN_USE))
        .group_by(Item.point)
    )
    return dict(rows.all())


def tree_of(taxonomy: Taxonomy, counts: Mapping[str, int]) -> list[Branch]:
    """Return the highest ranges of a table, each with all that is below it, in the order of the codes."""
    ranges = {one.code: Branch(one.code, one.name) for one in taxonomy.ranges}
    branches = dict(ranges)
    for point in taxonomy.points:
        branches[point.code] = Branch(point.code, point.name, point.importance, counts.get(point.code, 0))
    top: list[Branch] = []
    for code in sorted(branches):
        parent = ranges.get(parent_of(code, ranges))
        (top if parent is None else parent.below).append(branches[code])
    for branch in top:
        _sum(branch)
    return top


def _sum(branch: Branch) -> int:
    branch.count += sum(_sum(below) for below in branch.below)
    return branch.count
