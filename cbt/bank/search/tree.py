"""The 鉴定点 of a bank as a tree with counts, to be walked beside a list of items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.bank.models import Item
from cbt.bank.search.asking import IN_USE
from cbt.bank.taxonomy import Taxonomy, parent_of


@dataclass(slots=True)
class Branch:
    """A range or a point: how many items hang below it, and what is below it."""

    code: str
    name: str
    importance: str = ""
    count: int = 0
    below: list[Branch] = field(default_factory=list)


def point_counts(session: Session, bank_id: int) -> dict[str, int]:
    """Return how many items that are not retired each point of a bank has."""
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
