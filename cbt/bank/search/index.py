"""The table to search by, kept in step with the items: whoever stores a version says so, the commit writes it.

SQLite has a full-text index over it (`item_words`, made and kept by the migration's triggers), PostgreSQL one of
its own kind. Both are asked for grams and know no language.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import delete, event, insert, select
from sqlalchemy.orm import Session

from cbt.bank.models import Item, ItemSearch, ItemVersion
from cbt.bank.search.words import words_of
from cbt.db.unit_of_work import reading, unit_of_work

AT_ONCE = 200
"""Items that were not indexed when they were stored, so many in one run."""
Found = Mapping[int, str]
"""By the number of an item, what it is found by."""
_NOTED = "cbt_search"
_CHUNK = 400


def at_once(work: Callable[[], Found]) -> Found:
    """Return what some work returns."""
    return work()


def note(session: Session, item: Item, content: str, words: str | None = None) -> None:
    """Have the commit of this unit of work keep what a version of an item is found by.

    Who stores many items works its `words` out before it begins to write; "" has them be worked out later, by
    `index_waiting`.
    """
    noted: dict[int, str] = session.info.setdefault(_NOTED, {})
    noted[item.id] = words_of(item.ref, json.loads(content)) if words is None else words


@event.listens_for(Session, "before_commit")
def _keep(session: Session) -> None:
    noted: dict[int, str] = session.info.pop(_NOTED, {})
    if noted:
        _write(session, noted)


def _write(session: Session, found: Mapping[int, str]) -> None:
    session.flush()
    ids = list(found)
    for start in range(0, len(ids), _CHUNK):
        chunk = ids[start : start + _CHUNK]
        session.execute(delete(ItemSearch).where(ItemSearch.item_id.in_(chunk)))
        rows = [{"item_id": one, "words": found[one]} for one in chunk if found[one]]
        if rows:
            session.execute(insert(ItemSearch), rows)


def index_waiting(
    *, now: datetime, most: int = AT_ONCE, aside: Callable[[Callable[[], Found]], Found] = at_once
) -> int:
    """Index items that came by another way than a version stored here: an upgrade, an import; return how many.

    `aside` may have the words be worked out where that is in nobody's way.
    """
    with reading() as session:
        rows = session.execute(
            select(Item.id, Item.ref, ItemVersion.content)
            .join(ItemVersion, (ItemVersion.item_id == Item.id) & (ItemVersion.number == Item.current))
            .outerjoin(ItemSearch, ItemSearch.item_id == Item.id)
            .where(ItemSearch.item_id.is_(None))
            .limit(most)
        ).all()
    found = aside(lambda: {key: words_of(ref, json.loads(content)) for key, ref, content in rows})
    if found:
        with unit_of_work() as session:
            _write(session, found)
    return len(found)
