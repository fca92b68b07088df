"""Changes of the bank room; each takes the Session of a unit of work."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, delete, func, insert, select, update
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.bank.imports.outcome import Action, ImportedItem, tally
from cbt.bank.models import BankRange, ImportRun, Item, ItemBank, ItemVersion, KnowledgePoint
from cbt.bank.taxonomy import Taxonomy
from cbt.errors import Conflict
from cbt.rules.states.item import ItemState
from cbt.web.refs import new_ref


def save_taxonomy(session: Session, ref: str, taxonomy: Taxonomy, *, now: datetime, actor: str) -> ItemBank:
    """Make bank `ref` if it is new, and give it this 细目表; return the bank.

    Raises Conflict("bank.point_in_use") when a point would go that a published item asks about.
    """
    bank = session.scalar(select(ItemBank).where(ItemBank.ref == ref))
    if bank is None:
        bank = ItemBank(ref=ref, name=taxonomy.name, note=taxonomy.note)
        session.add(bank)
        session.flush()
        chain.record(session, at=now, actor=actor, act="bank.create", subject=f"item_bank:{ref}")
    bank.name, bank.note = taxonomy.name, taxonomy.note
    session.execute(delete(BankRange).where(BankRange.bank_id == bank.id))
    session.execute(delete(KnowledgePoint).where(KnowledgePoint.bank_id == bank.id))
    ranges = [
        {"bank_id": bank.id, "code": found.code, "name": found.name, "weight": found.weight}
        for found in taxonomy.ranges
    ]
    points = [
        {"bank_id": bank.id, "code": point.code, "name": point.name, "importance": point.importance}
        for point in taxonomy.points
    ]
    if ranges:
        session.execute(insert(BankRange), ranges)
    if points:
        session.execute(insert(KnowledgePoint), points)
    _refuse_orphans(session, bank.id)
    return bank


def _refuse_orphans(session: Session, bank_id: int) -> None:
    lost = session.scalar(
        select(func.min(Item.point))
        .outerjoin(KnowledgePoint, and_(KnowledgePoint.bank_id == bank_id, KnowledgePoint.code == Item.point))
        .where(Item.bank_id == bank_id, Item.version > 0, KnowledgePoint.id.is_(None))
    )
    if lost is not None:
        raise Conflict("bank.point_in_use", point=lost)


def apply_import(
    session: Session,
    bank: ItemBank,
    entries: Sequence[ImportedItem],
    *,
    file_name: str,
    form: str,
    now: datetime,
    actor: str,
    state: ItemState = ItemState.REVIEWED,
) -> ImportRun:
    """Store what a plan says, all of it or, when this raises, nothing; return the recorded run.

    What comes in as anything but REVIEWED is drawn only once somebody else has reviewed it.

    Source: R-43.
    """
    counted = tally(entries)
    run = ImportRun(
        ref=new_ref("im"),
        bank_id=bank.id,
        file_name=file_name,
        form=form,
        added=counted[Action.ADD],
        changed=counted[Action.CHANGE],
        skipped=counted[Action.SKIP],
        actor=actor,
        at=now,
    )
    session.add(run)
    session.flush()
    stored = [entry for entry in entries if entry.action is not Action.SKIP]
    _store_versions(session, bank.id, stored, run=run, now=now, actor=actor, state=state)
    chain.record(
        session,
        at=now,
        actor=actor,
        act="bank.import",
        subject=f"item_bank:{bank.ref}",
        after={
            "run": run.ref,
            "file": file_name,
            "added": run.added,
            "changed": run.changed,
            "skipped": run.skipped,
        },
    )
    return run


def _store_versions(
    session: Session,
    bank_id: int,
    entries: Sequence[ImportedItem],
    *,
    run: ImportRun,
    now: datetime,
    actor: str,
    state: ItemState,
) -> None:
    if not entries:
        return
    found = {item.ref: item for item in session.scalars(select(Item).where(Item.bank_id == bank_id))}
    for entry in entries:
        if entry.ref not in found:
            found[entry.ref] = Item(bank_id=bank_id, ref=entry.ref, version=0, current=0, state=state)
            session.add(found[entry.ref])
        _describe(found[entry.ref], entry)
    session.flush()
    last = last_numbers(session, bank_id)
    rows = []
    for entry in entries:
        item = found[entry.ref]
        number = last.get(item.id, 0) + 1
        rows.append(
            version_row(item, number, entry.text, entry.sha, run_id=run.id, now=now, actor=actor, state=state)
        )
    session.execute(insert(ItemVersion), rows)


def version_row(
    item: Item,
    number: int,
    content: str,
    sha: str,
    *,
    run_id: int | None,
    now: datetime,
    actor: str,
    state: ItemState,
) -> dict[str, object]:
    """Have `number` be the current version of an item in `state`, and return that version's row.

    A reviewed version is the one that is drawn from now on; any other leaves that as it is.
    """
    former = item.version
    item.current, item.state = number, state.value
    if state is ItemState.REVIEWED:
        item.version = number
    return {
        "item_id": item.id,
        "number": number,
        "replaces": former,
        "content": content,
        "sha256": sha,
        "import_run_id": run_id,
        "actor": actor,
        "created_at": now,
    }


def _describe(item: Item, entry: ImportedItem) -> None:
    item.type, item.point, item.unit = entry.type, entry.point, entry.unit
    item.difficulty = entry.difficulty


def last_numbers(session: Session, bank_id: int) -> dict[int, int]:
    """Return the highest version number of each item of a bank: item id → number."""
    rows = session.execute(
        select(ItemVersion.item_id, func.max(ItemVersion.number))
        .join(Item, Item.id == ItemVersion.item_id)
        .where(Item.bank_id == bank_id)
        .group_by(ItemVersion.item_id)
    )
    return dict(rows.all())


def claim_undo(session: Session, run: ImportRun, *, now: datetime) -> None:
    """Mark a run as undone; raise Conflict("bank.already_undone") for the second of two."""
    marked = session.execute(
        update(ImportRun)
        .where(ImportRun.id == run.id, ImportRun.undone_at.is_(None))
        .values(undone_at=now)
        .returning(ImportRun.id)
    ).all()
    if not marked:
        raise Conflict("bank.already_undone")
