"""Which frozen forms hold an item, and in which version."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from sqlalchemy import case, func, or_, select
from sqlalchemy.orm import Session

from cbt.assembly.models import Form
from cbt.bank.models import Item, ItemBank, ItemVersion
from cbt.errors import NotFound
from cbt.exams.store import blueprint_of

LATEST_FORMS, LATEST_VERSIONS = 2_000, 8
"""So many forms of a bank are looked through, the last ones, for so many versions of an item."""


@dataclass(frozen=True, slots=True)
class FormUse:
    """So many forms of one paper, drawn on one day, that hold one version."""

    title: str
    day: date
    version: int
    count: int


@dataclass(frozen=True, slots=True)
class ItemUses:
    """The forms that hold an item, out of how many that were looked through; the last day first."""

    looked: int
    lines: list[FormUse]

    @property
    def forms(self) -> int:
        """How many forms hold it."""
        return sum(line.count for line in self.lines)


def uses_of(session: Session, bank: ItemBank, item_ref: str, *, zone: ZoneInfo) -> ItemUses:
    """Return which of the bank's latest forms hold an item; raise NotFound("bank.item_missing").

    A form names each version it holds by its digest, so one search of its text finds it.

    Source: R-43.
    """
    item = session.scalar(select(Item.id).where(Item.bank_id == bank.id, Item.ref == item_ref))
    if item is None:
        raise NotFound("bank.item_missing", ref=item_ref)
    versions = session.execute(
        select(ItemVersion.number, ItemVersion.sha256)
        .where(ItemVersion.item_id == item)
        .order_by(ItemVersion.number.desc())
        .limit(LATEST_VERSIONS)
    ).all()
    latest = select(Form.id).where(Form.bank_id == bank.id).order_by(Form.id.desc()).limit(LATEST_FORMS)
    looked = session.scalar(select(func.count()).select_from(latest.subquery())) or 0
    held = [(Form.content.contains(sha), number) for number, sha in versions]
    rows = session.execute(
        select(Form.blueprint_version_id, Form.paper, Form.drawn_at, case(*held)).where(
            Form.id.in_(select(latest.subquery().c.id)), or_(*(found for found, _number in held))
        )
    )
    counts = Counter(
        (blueprint, paper, drawn_at.astimezone(zone).date(), version)
        for blueprint, paper, drawn_at, version in rows
    )
    lines = [
        FormUse(blueprint_of(session, blueprint).paper_title(paper), day, version, count)
        for (blueprint, paper, day, version), count in counts.items()
    ]
    return ItemUses(
        looked, sorted(lines, key=lambda line: (-line.day.toordinal(), line.title, -line.version))
    )
