"""Changes of the bank room; each takes the Session of a unit of work."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import and_, delete, func, insert, select
from sqlalchemy.orm import Session, object_session

from cbt.audit import chain
from cbt.bank.models import BankRange, Item, ItemBank, KnowledgePoint
from cbt.bank.search.index import note
from cbt.bank.taxonomy import Taxonomy
from cbt.errors import Conflict
from cbt.rules.states.item import ItemState


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
    ranges = {one.code: (one.name, one.weight) for one in taxonomy.ranges}
    points = {one.code: (one.name, one.importance) for one in taxonomy.points}
    _keep_rows(session, bank.id, BankRange, ("name", "weight"), ranges)
    _keep_rows(session, bank.id, KnowledgePoint, ("name", "importance"), points)
    _refuse_orphans(session, bank.id)
    return bank


def _keep_rows(
    session: Session,
    bank_id: int,
    kind: type[BankRange | KnowledgePoint],
    columns: tuple[str, str],
    wanted: Mapping[str, tuple[object, object]],
) -> None:
    """Write what differs of the rows of a table: most of it stays as it is, and everybody's save waits."""
    known = {
        code: (row_id, tuple(said))
        for row_id, code, *said in session.execute(
            select(kind.id, kind.code, *(getattr(kind, one) for one in columns)).where(
                kind.bank_id == bank_id
            )
        )
    }
    gone = [row_id for code, (row_id, said) in known.items() if wanted.get(code) != said]
    new = [
        {"bank_id": bank_id, "code": code, **dict(zip(columns, said, strict=True))}
        for code, said in wanted.items()
        if code not in known or known[code][1] != said
    ]
    if gone:
        session.execute(delete(kind).where(kind.id.in_(gone)))
    if new:
        session.execute(insert(kind), new)


def _refuse_orphans(session: Session, bank_id: int) -> None:
    lost = session.scalar(
        select(func.min(Item.point))
        .outerjoin(KnowledgePoint, and_(KnowledgePoint.bank_id == bank_id, KnowledgePoint.code == Item.point))
        .where(Item.bank_id == bank_id, Item.version > 0, KnowledgePoint.id.is_(None))
    )
    if lost is not None:
        raise Conflict("bank.point_in_use", point=lost)


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

    A reviewed version is the one that is drawn from now on; any other leaves that as it is. What the item is found
    by follows with the commit.
    """
    former, was = item.version, item.state if item.current else ""
    item.current, item.state, item.author = number, state.value, actor
    if (session := object_session(item)) is not None:
        note(session, item, content)
    if state is ItemState.REVIEWED:
        item.version = number
    return {
        "item_id": item.id,
        "number": number,
        "replaces": former,
        "was": was,
        "content": content,
        "sha256": sha,
        "import_run_id": run_id,
        "actor": actor,
        "created_at": now,
    }
