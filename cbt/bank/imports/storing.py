"""Storing what an import brings: begun, then a few hundred items at a time, and drawn only once it is whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, exists, func, insert, select, update
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.bank import steps, store
from cbt.bank.imports.outcome import Action, ImportedItem
from cbt.bank.media import keeping
from cbt.bank.media.taken import TakenIn
from cbt.bank.models import ImportRun, Item, ItemBank, ItemComment, ItemStep, ItemVersion, ItemWork, RunState
from cbt.bank.search.words import words_of
from cbt.bank.taxonomy import Taxonomy
from cbt.errors import Conflict
from cbt.rules.states.item import ItemState
from cbt.web.refs import new_ref

CHUNK = 20
"""So many items are stored in one unit of work: others write between two."""
AT_ONCE = 200
"""So many are taken back in one."""


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


def begin_run(session: Session, what: Bringing, *, now: datetime) -> ImportRun:
    """Record a run that is under way; a bank that is new is made.

    Raises Conflict("bank.changed_meanwhile") when the bank is not as it was, ("bank.import_under_way") while
    another run is being stored in it.
    """
    bank = check_revision(session, what)
    if bank is None:
        assert what.taxonomy is not None
        bank = steps.save_taxonomy(session, what.bank_ref, what.taxonomy, now=now, actor=what.actor)
    under_way = select(ImportRun.id).where(ImportRun.bank_id == bank.id, ImportRun.state == RunState.STORING)
    if session.scalar(under_way.limit(1)) is not None:
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
    keep_media(session, what.media, now=now, actor=what.actor)
    session.flush()
    return run


def keep_media(session: Session, media: Mapping[str, TakenIn], *, now: datetime, actor: str) -> None:
    """Keep the pictures and sounds that items of a file name."""
    for taken in media.values():
        keeping.store(session, taken, now=now, actor=actor)


def check_revision(session: Session, what: Bringing) -> ItemBank | None:
    """Return the bank, None for a new one; raise Conflict("bank.changed_meanwhile") when it is not as it was."""
    bank = session.scalar(select(ItemBank).where(ItemBank.ref == what.bank_ref))
    if (store.desk_revision(session, bank.id) if bank else "") != what.revision:
        raise Conflict("bank.changed_meanwhile", ref=what.bank_ref)
    return bank


Words = Mapping[str, str]
"""By ref, what an item is found by."""


def words_for(entries: Sequence[ImportedItem]) -> Words:
    """Return what items are found by: worked out before anything is written, nobody waits for it."""
    return {entry.ref: words_of(entry.ref, entry.data) for entry in entries}


def store_chunk(
    session: Session,
    run: ImportRun,
    entries: Sequence[ImportedItem],
    what: Bringing,
    *,
    words: Words,
    now: datetime,
) -> None:
    """Store some items of a run; those it stored already are passed over, so a run that stopped can go on.

    Raises Conflict("bank.changed_meanwhile") when somebody wrote one of them meanwhile.

    Source: R-43.
    """
    refs = [entry.ref for entry in entries]
    own = select(Item).where(Item.bank_id == run.bank_id, Item.ref.in_(refs))
    items = {item.ref: item for item in session.scalars(own)}
    stored = _stored_by(session, run, [item.id for item in items.values()])
    open_ = [entry for entry in entries if entry.ref not in items or items[entry.ref].id not in stored]
    if any((items[entry.ref].current if entry.ref in items else 0) != entry.base for entry in open_):
        raise Conflict("bank.changed_meanwhile", ref=what.bank_ref)
    fresh = {entry.ref for entry in open_} - items.keys()
    if fresh:
        # Many rows at once: an object of each would keep everybody waiting for longer.
        session.execute(insert(Item), [_fresh(run, entry, what) for entry in open_ if entry.ref in fresh])
        items |= {item.ref: item for item in session.scalars(own)}
    for entry in open_:
        item = items[entry.ref]
        item.type, item.point, item.unit = entry.type, entry.point, entry.unit
        item.difficulty = entry.difficulty
    last = _last_numbers(session, [items[entry.ref].id for entry in open_])
    rows = [
        {
            **steps.version_row(
                items[entry.ref],
                last.get(items[entry.ref].id, 0) + 1,
                entry.text,
                entry.sha,
                run_id=run.id,
                now=now,
                actor=what.actor,
                state=what.state,
                drawn=False,
                words=words[entry.ref],
            ),
            **({"was": ""} if entry.ref in fresh else {}),
        }
        for entry in open_
    ]
    if rows:
        session.execute(insert(ItemVersion), rows)


def _fresh(run: ImportRun, entry: ImportedItem, what: Bringing) -> dict[str, object]:
    """Return the row of an item that is new, as its first version leaves it."""
    return {
        "bank_id": run.bank_id,
        "ref": entry.ref,
        "type": entry.type,
        "point": entry.point,
        "unit": entry.unit,
        "difficulty": entry.difficulty,
        "version": 0,
        "current": 1,
        "state": what.state.value,
        "reviewer": "",
        "author": what.actor,
    }


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


def finish_run(session: Session, run: ImportRun, what: Bringing, *, now: datetime) -> None:
    """Have a run be whole: what it brought as reviewed is drawn from now on, all of it at once.

    Raises Conflict("bank.point_in_use") when the 细目表 that came with it lacks a point that is asked about.
    """
    if what.state is ItemState.REVIEWED:
        of_run = select(ItemVersion.item_id).where(ItemVersion.import_run_id == run.id)
        session.execute(
            update(Item)
            # What somebody works on already is no longer what came in.
            .where(Item.id.in_(of_run), Item.state == ItemState.REVIEWED, Item.version != Item.current)
            .values(version=Item.current)
            .execution_options(synchronize_session=False)
        )
    if what.taxonomy is not None:
        steps.save_taxonomy(session, what.bank_ref, what.taxonomy, now=now, actor=what.actor)
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


def forget_some(session: Session, run: ImportRun) -> bool:
    """Delete what an unfinished run brought and nobody has touched, some of it; return whether there was any.

    Nothing of such a run was ever drawn, so no form points there.
    """
    touched = [exists().where(kind.item_id == Item.id) for kind in (ItemStep, ItemComment, ItemWork)]
    fresh = (
        select(Item.id)
        .join(ItemVersion, ItemVersion.item_id == Item.id)
        .where(
            ItemVersion.import_run_id == run.id,
            ItemVersion.number == 1,
            Item.current == 1,
            Item.version == 0,
            *(~one for one in touched),
        )
        .limit(AT_ONCE)
    )
    ids = list(session.scalars(fresh))
    if ids:
        session.execute(delete(ItemVersion).where(ItemVersion.item_id.in_(ids)))
        session.execute(delete(Item).where(Item.id.in_(ids)))
    return bool(ids)
