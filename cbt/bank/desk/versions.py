"""An item's versions, and two of them side by side."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.accounts.store import actor_names
from cbt.bank.items.catalogue import VersionLine, version_lines
from cbt.bank.models import Item, ItemVersion
from cbt.errors import NotFound


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
