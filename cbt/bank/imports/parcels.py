"""The items of an import as parcels: worked out while nobody waits, put down a few at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.bank.imports.outcome import ImportedItem
from cbt.bank.imports.storing import Bringing
from cbt.bank.models import ImportRun, Item, ItemVersion
from cbt.bank.search.words import words_of
from cbt.db.writing.parcels import Rows
from cbt.errors import Conflict

CHUNK = 10
"""So many items make a parcel: saves that come along with one hardly notice."""
NEW_ITEM = (
    "INSERT INTO item (bank_id, ref, type, point, unit, difficulty, version, current, state, reviewer, author) "
    "VALUES (?, ?, ?, ?, ?, ?, 0, 1, ?, '', ?) ON CONFLICT DO NOTHING"
)
FIRST_VERSION = (
    "INSERT INTO item_version "
    "(item_id, number, replaces, content, sha256, was, actor, created_at, import_run_id) "
    "SELECT i.id, 1, 0, ?, ?, '', ?, ?, r.id FROM import_run r JOIN item i ON i.bank_id = r.bank_id "
    "WHERE r.id = ? AND r.state = 'storing' AND i.ref = ? ON CONFLICT DO NOTHING"
)
NEXT_ITEM = (
    "UPDATE item SET type = ?, point = ?, unit = ?, difficulty = ?, current = ?, state = ?, author = ? "
    "WHERE id = ? AND current = ? AND version = ? AND state = ?"
)
NEXT_VERSION = (
    "INSERT INTO item_version "
    "(item_id, number, replaces, content, sha256, was, actor, created_at, import_run_id) "
    "SELECT ?, ?, ?, ?, ?, ?, ?, ?, r.id FROM import_run r WHERE r.id = ? AND r.state = 'storing' "
    "ON CONFLICT DO NOTHING"
)
NO_WORDS = "DELETE FROM item_search WHERE item_id = ?"
NEW_WORDS = (
    "INSERT INTO item_search (item_id, words) SELECT id, ? FROM item WHERE bank_id = ? AND ref = ? "
    "ON CONFLICT DO NOTHING"
)
"""Each repeats what was read before, so what was written meanwhile is never written over."""
Words = Mapping[str, str]
"""By ref, what an item is found by."""


def words_for(entries: Sequence[ImportedItem]) -> Words:
    """Return what items are found by: worked out before anything is written, nobody waits for it."""
    return {entry.ref: words_of(entry.ref, entry.data) for entry in entries}


def chunks(entries: Iterable[ImportedItem]) -> Iterator[list[ImportedItem]]:
    """Yield the entries, a parcel's worth at a time."""
    rest = iter(entries)
    while some := list(islice(rest, CHUNK)):
        yield some


def parcel_of(
    session: Session,
    run_id: int,
    entries: Sequence[ImportedItem],
    what: Bringing,
    *,
    words: Words,
    now: datetime,
) -> list[Rows]:
    """Return the rows by which some items of a run are stored, as they are read now; none when all of them are.

    Those that the run stored already are passed over, so one that stopped can go on. Nothing is written, and
    nobody waits: what is read here is repeated by each statement. Raises Conflict("bank.changed_meanwhile") when
    somebody wrote one of them meanwhile.

    Source: R-43.
    """
    run = session.get_one(ImportRun, run_id)
    refs = [entry.ref for entry in entries]
    there = {
        item.ref: item
        for item in session.scalars(select(Item).where(Item.bank_id == run.bank_id, Item.ref.in_(refs)))
    }
    stored = _stored_by(session, run, [item.id for item in there.values()])
    open_ = [entry for entry in entries if entry.ref not in there or there[entry.ref].id not in stored]
    if any((there[entry.ref].current if entry.ref in there else 0) != entry.base for entry in open_):
        raise Conflict("bank.changed_meanwhile", ref=what.bank_ref)
    fresh = [entry for entry in open_ if entry.ref not in there]
    changed = [(there[entry.ref], entry) for entry in open_ if entry.ref in there]
    last = _last_numbers(session, [item.id for item, _entry in changed])
    head = (what.actor, now)
    found = [
        Rows(NEW_ITEM, [_new_item(entry, run, what) for entry in fresh], len(fresh)),
        Rows(
            FIRST_VERSION,
            [(entry.text, entry.sha, *head, run.id, entry.ref) for entry in fresh],
            len(fresh),
        ),
        Rows(NEW_WORDS, [(words[one.ref], run.bank_id, one.ref) for one in fresh if words[one.ref]]),
        Rows(
            NEXT_ITEM,
            [_next_item(item, entry, last[item.id] + 1, what) for item, entry in changed],
            len(changed),
        ),
        Rows(
            NEXT_VERSION,
            [
                (item.id, last[item.id] + 1, item.version, entry.text, entry.sha, item.state, *head, run.id)
                for item, entry in changed
            ],
            len(changed),
        ),
        Rows(NO_WORDS, [(item.id,) for item, _entry in changed]),
        Rows(NEW_WORDS, [(words[one.ref], run.bank_id, one.ref) for _item, one in changed if words[one.ref]]),
    ]
    return [rows for rows in found if rows.values]


def _new_item(entry: ImportedItem, run: ImportRun, what: Bringing) -> tuple[object, ...]:
    head = (run.bank_id, entry.ref, entry.type, entry.point, entry.unit, entry.difficulty)
    return (*head, what.state, what.actor)


def _next_item(item: Item, entry: ImportedItem, number: int, what: Bringing) -> tuple[object, ...]:
    values = (entry.type, entry.point, entry.unit, entry.difficulty, number, what.state, what.actor)
    return (*values, item.id, item.current, item.version, item.state)


def _stored_by(session: Session, run: ImportRun, ids: Sequence[int]) -> set[int]:
    query = select(ItemVersion.item_id).where(
        ItemVersion.import_run_id == run.id, ItemVersion.item_id.in_(ids)
    )
    return set(session.scalars(query)) if ids else set()


def _last_numbers(session: Session, ids: Sequence[int]) -> dict[int, int]:
    query = (
        select(ItemVersion.item_id, func.max(ItemVersion.number))
        .where(ItemVersion.item_id.in_(ids))
        .group_by(ItemVersion.item_id)
    )
    return dict(session.execute(query).all()) if ids else {}
