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
from cbt.db.unit_of_work import reading
from cbt.db.writing.parcels import Rows, put_down

AT_ONCE = 200
"""Items that were not indexed when they were stored, so many in one run."""
PARCEL = 10
"""So many of them are put down together."""
_WORDS = (
    "INSERT INTO item_search (item_id, words) SELECT id, ? FROM item WHERE id = ? AND current = ? "
    "ON CONFLICT DO NOTHING"
)
"""What was stored meanwhile has words of its own."""
_NOTED = "cbt_search"
_CHUNK = 400


def note(session: Session, item: Item, content: str) -> None:
    """Have the commit of this unit of work keep what a version of an item is found by.

    What an import stores is indexed after it, by `index_all`.
    """
    noted: dict[int, str] = session.info.setdefault(_NOTED, {})
    noted[item.id] = words_of(item.ref, json.loads(content))


@event.listens_for(Session, "before_commit")
def _keep(session: Session) -> None:
    noted: dict[int, str] = session.info.pop(_NOTED, {})
    if noted:
        _write(session, noted)


def _write(session: Session, found: Mapping[int, str]) -> None:
    """Keep what items are found by; where that is the same as before, which costs the most is left out."""
    session.flush()
    known: dict[int, str] = {}
    for start in range(0, len(found), _CHUNK):
        query = select(ItemSearch.item_id, ItemSearch.words)
        chosen = ItemSearch.item_id.in_(list(found)[start : start + _CHUNK])
        known |= dict(session.execute(query.where(chosen)).all())
    ids = [one for one, words in found.items() if known.get(one) != words]
    for start in range(0, len(ids), _CHUNK):
        chunk = ids[start : start + _CHUNK]
        session.execute(delete(ItemSearch).where(ItemSearch.item_id.in_(chunk)))
        session.execute(insert(ItemSearch), [{"item_id": one, "words": found[one]} for one in chunk])


def index_waiting(*, now: datetime) -> int:
    """Index items that came by another way than a version stored here: an upgrade, an import; return how many."""
    return len(_index(0, _pass))


def index_all(rest: Callable[[], None]) -> None:
    """Index whatever waits; `rest` is called between two parcels."""
    after = 0
    while found := _index(after, rest):
        after = found[-1]


def _pass() -> None:
    """Go on at once."""


def _index(after: int, rest: Callable[[], None]) -> list[int]:
    """Index some items after number `after` and return them."""
    with reading() as session:
        waiting = session.execute(
            select(Item.id, Item.ref, Item.current, ItemVersion.content)
            .join(ItemVersion, (ItemVersion.item_id == Item.id) & (ItemVersion.number == Item.current))
            .outerjoin(ItemSearch, ItemSearch.item_id == Item.id)
            .where(ItemSearch.item_id.is_(None), Item.id > after)
            .order_by(Item.id)
            .limit(AT_ONCE)
        ).all()
    for start in range(0, len(waiting), PARCEL):
        some = waiting[start : start + PARCEL]
        words = [(words_of(ref, json.loads(content)), key, current) for key, ref, current, content in some]
        put_down(Rows(_WORDS, words), tries=3)
        rest()
    return [row[0] for row in waiting]
