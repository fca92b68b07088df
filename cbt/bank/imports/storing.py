"""An import as a whole: begun, then stored a few items at a time, and drawn only once all of it is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.bank import steps, store
from cbt.bank.imports.outcome import Action
from cbt.bank.media import keeping
from cbt.bank.media.taken import TakenIn
from cbt.bank.models import ImportRun, Item, ItemBank, ItemComment, ItemStep, ItemVersion, ItemWork, RunState
from cbt.bank.taxonomy import Taxonomy
from cbt.db.writing.parcels import Rows
from cbt.errors import Conflict
from cbt.rules.states.item import ItemState
from cbt.web.refs import new_ref

AT_ONCE = 20
"""So many are deleted together."""
_NO_VERSIONS = "DELETE FROM item_version WHERE item_id = ?"
_NO_ITEM = "DELETE FROM item WHERE id = ? AND current = 1 AND version = 0"


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


def forget_some(session: Session, run_id: int) -> list[Rows]:
    """Return what deletes some of what an unfinished run brought and nobody has touched, nothing when it is gone.

    Nothing of such a run was ever drawn, so no form points there.
    """
    touched = [exists().where(kind.item_id == Item.id) for kind in (ItemStep, ItemComment, ItemWork)]
    fresh = (
        select(Item.id)
        .join(ItemVersion, ItemVersion.item_id == Item.id)
        .where(
            ItemVersion.import_run_id == run_id,
            ItemVersion.number == 1,
            Item.current == 1,
            Item.version == 0,
            *(~one for one in touched),
        )
        .limit(AT_ONCE)
    )
    ids = [(one,) for one in session.scalars(fresh)]
    return [Rows(_NO_VERSIONS, ids), Rows(_NO_ITEM, ids, len(ids))] if ids else []
