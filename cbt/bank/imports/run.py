"""An import run and its rows: begun, stored a few items at a time, and drawn only once all of it is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

from sqlalchemy import ColumnElement, exists, func, select, update
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.bank import changes, store
from cbt.bank.imports.plan import Action, ImportedItem
from cbt.bank.search import words_of
from cbt.errors import Conflict
from cbt.items import media_store
from cbt.items.media import TakenIn
from cbt.items.models import ImportRun, Item, ItemBank, ItemComment, ItemStep, ItemVersion, ItemWork, RunState
from cbt.items.taxonomy import Taxonomy
from cbt.rules.states.item import ItemState
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import reading, unit_of_work
from cbt.storage.write_queue.change_set import Rows

AT_ONCE = 20
"""So many are deleted together."""
_NO_VERSIONS = "DELETE FROM item_version WHERE item_id = ?"
_NO_ITEM = "DELETE FROM item WHERE id = ? AND current = 1"


@dataclass(frozen=True, slots=True)
class Bringing:
    """What is stored: where from, into which bank as it was (`revision`), how many, in which state it arrives."""

    bank_ref: str
    file_name: str
    form: str
    revision: str
    counts: Mapping[Action, int]
    actor: str
    state: ItemState = ItemState.REVIEWED
    taxonomy: Taxonomy | None = None
    media: Mapping[str, TakenIn] = field(default_factory=dict)


def begin_run(session: Session, what: Bringing, *, now: datetime, goes_on: bool = False) -> ImportRun:
    """Record a run that is under way; a bank that is new is made. Who begins one has looked by `check_revision`.

    What is written after that look is seen item by item: each parcel repeats what its items were held against. With
    `goes_on`, a run of the same file that its process did not bring to its end is taken up.

    Raises Conflict("bank.changed_meanwhile") for a bank that is new and is there by now, ("bank.import_under_way")
    while another run is being stored in it.
    """
    bank = session.scalar(select(ItemBank).where(ItemBank.ref == what.bank_ref))
    if (bank is None) != (what.revision == ""):
        raise Conflict("bank.changed_meanwhile", ref=what.bank_ref)
    if bank is None:
        assert what.taxonomy is not None
        without = replace(
            what.taxonomy, points=()
        )  # they follow in pieces, at the latest when the run is whole
        bank = changes.save_taxonomy(session, what.bank_ref, without, now=now, actor=what.actor)
    under_way = session.scalar(
        select(ImportRun).where(ImportRun.bank_id == bank.id, ImportRun.state == RunState.STORING).limit(1)
    )
    if under_way is not None:
        file = (under_way.actor, under_way.file_name, under_way.form)
        if goes_on and file == (what.actor, what.file_name[:200], what.form):
            return under_way
        raise Conflict("bank.import_under_way", ref=what.bank_ref)
    run = ImportRun(
        ref=new_ref("im"),
        bank_id=bank.id,
        state=RunState.STORING,
        file_name=what.file_name[:200],
        form=what.form,
        added=what.counts[Action.ADD],
        changed=what.counts[Action.CHANGE],
        skipped=what.counts[Action.SKIP],
        actor=what.actor,
        at=now,
    )
    session.add(run)
    session.flush()
    return run


def keep_media(media: Mapping[str, TakenIn], *, now: datetime, actor: str) -> None:
    """Keep the pictures and sounds that items of a file name, one after the other; a repeat keeps none twice."""
    for taken in media.values():
        with unit_of_work() as session:
            media_store.store(session, taken, now=now, actor=actor)


def check_revision(what: Bringing) -> None:
    """Raise Conflict("bank.changed_meanwhile") when a bank is not as it was; nothing is written meanwhile."""
    with reading() as session:
        bank = session.scalar(select(ItemBank).where(ItemBank.ref == what.bank_ref))
        if (store.desk_revision(session, bank.id) if bank else "") != what.revision:
            raise Conflict("bank.changed_meanwhile", ref=what.bank_ref)


def still_to_release(session: Session, run_id: int) -> Sequence[int]:
    """Return the items that a run brought as reviewed and that do not name its version as theirs yet."""
    return session.scalars(select(Item.id).where(*_not_released(run_id)).order_by(Item.id)).all()


def release_some(session: Session, run_id: int, ids: Sequence[int]) -> None:
    """Have items name what a run brought as reviewed as the version that is drawn: it is, once the run is whole.

    What somebody works on already is no longer what came in.
    """
    whole = update(Item).where(Item.id.in_(ids), *_not_released(run_id)).values(version=Item.current)
    session.execute(whole.execution_options(synchronize_session=False))


def _not_released(run_id: int) -> tuple[ColumnElement[bool], ...]:
    of_run = exists().where(
        ItemVersion.item_id == Item.id,
        ItemVersion.number == Item.current,
        ItemVersion.import_run_id == run_id,
    )
    bank_id = select(ImportRun.bank_id).where(ImportRun.id == run_id, ImportRun.state == RunState.STORING)
    return (
        Item.bank_id == bank_id.scalar_subquery(),
        Item.state == ItemState.REVIEWED,
        Item.version != Item.current,
        of_run,
    )


def finish_run(session: Session, run: ImportRun, what: Bringing, *, now: datetime) -> None:
    """Have a run be whole: what it brought as reviewed is drawn from now on, all of it at once (store.published).

    Raises Conflict("bank.point_in_use") when the 细目表 that came with it lacks a point that is asked about.
    """
    if what.taxonomy is not None:
        changes.save_taxonomy(session, what.bank_ref, what.taxonomy, now=now, actor=what.actor)
    run.state = RunState.STORED
    chain.record(
        session,
        at=now,
        actor=what.actor,
        act="bank.import",
        subject=f"item_bank:{what.bank_ref}",
        after={
            "run": run.ref,
            "file": run.file_name,
            "added": run.added,
            "changed": run.changed,
            "skipped": run.skipped,
        },
    )


def forget_some(session: Session, run_id: int) -> list[Rows]:
    """Return what deletes some of what an unfinished run brought and nobody has touched, nothing when it is gone.

    Nothing of such a run was ever drawn, so no form points there: a run that is whole is left to its undo.
    """
    touched = [exists().where(kind.item_id == Item.id) for kind in (ItemStep, ItemComment, ItemWork)]
    fresh = (
        select(Item.id)
        .join(ItemVersion, ItemVersion.item_id == Item.id)
        .where(
            ItemVersion.import_run_id == run_id,
            ItemVersion.number == 1,
            ItemVersion.import_run_id == ImportRun.id,
            ImportRun.state == RunState.STORING,
            Item.current == 1,
            *(~one for one in touched),
        )
        .limit(AT_ONCE)
    )
    ids = [(one,) for one in session.scalars(fresh)]
    return [Rows(_NO_VERSIONS, ids), Rows(_NO_ITEM, ids, len(ids))] if ids else []


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
