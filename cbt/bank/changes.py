"""Changes of the bank room; each takes the Session of a unit of work, but for those that go in pieces."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Text, and_, cast, delete, func, insert, select
from sqlalchemy.orm import Session, object_session

from cbt.audit import chain
from cbt.bank.search import note
from cbt.errors import Conflict
from cbt.items.models import BankRange, Item, ItemBank, KnowledgePoint
from cbt.items.taxonomy import Point, Taxonomy
from cbt.rules.states import ItemState
from cbt.storage.unit_of_work import pieces_of, reading, unit_of_work

RANGE_SAYS, POINT_SAYS = ("name", "weight"), ("name", "importance")


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
    _keep_rows(session, bank.id, BankRange, RANGE_SAYS, ranges)
    _keep_rows(session, bank.id, KnowledgePoint, POINT_SAYS, points)
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
    rows = _rows_of(session, bank_id, kind, columns)
    gone = [row_id for code, (row_id, said) in rows.items() if wanted.get(code) != said]
    new = [
        {"bank_id": bank_id, "code": code, **dict(zip(columns, said, strict=True))}
        for code, said in wanted.items()
        if code not in rows or rows[code][1] != said
    ]
    if gone:
        session.execute(delete(kind).where(kind.id.in_(gone)))
    if new:
        session.execute(insert(kind), new)


def _rows_of(
    session: Session, bank_id: int, kind: type[BankRange | KnowledgePoint], columns: tuple[str, str]
) -> dict[str, tuple[int, tuple[object, object]]]:
    """Return the key of each row and what it says, by code; the database makes one text of them (I13)."""
    array, each = (
        ("json_agg", "json_build_array") if _is_server(session) else ("json_group_array", "json_array")
    )
    row = getattr(func, each)(kind.code, kind.id, *(getattr(kind, name) for name in columns))
    text = select(cast(getattr(func, array)(row), Text)).where(kind.bank_id == bank_id)
    return {
        code: (row_id, (first, second))
        for code, row_id, first, second in json.loads(session.scalar(text) or "[]")
    }


def _is_server(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"


def table_said(session: Session, bank_id: int) -> dict[str, tuple[object, object]]:
    """Return what a bank's 细目表 says under each code: name and weight, or name and importance."""
    ranges = _rows_of(session, bank_id, BankRange, RANGE_SAYS)
    points = _rows_of(session, bank_id, KnowledgePoint, POINT_SAYS)
    return {code: said for code, (_row_id, said) in (*ranges.items(), *points.items())}


def said_by(taxonomy: Taxonomy) -> dict[str, tuple[object, object]]:
    """Return what a 细目表 says, as `table_said` does of one that is kept."""
    ranges: dict[str, tuple[object, object]] = {one.code: (one.name, one.weight) for one in taxonomy.ranges}
    return {**ranges, **{one.code: (one.name, one.importance) for one in taxonomy.points}}


def lay_points(bank_ref: str, points: Sequence[Point]) -> list[str]:
    """Write those points of a 细目表 that a bank lacks, some at a time; return the codes of what was written.

    A point that no item asks about draws nothing, so they may be there before `save_taxonomy` makes the table
    whole, and whoever saves another meanwhile finds it changed.
    Nothing is done for a bank that is not there.

    Source: I13.
    """
    with reading() as session:
        bank_id = session.scalar(select(ItemBank.id).where(ItemBank.ref == bank_ref))
        table = {} if bank_id is None else table_said(session, bank_id)
    new = [] if bank_id is None else [point for point in points if point.code not in table]
    laid: list[str] = []
    for piece in pieces_of(new):
        with unit_of_work() as session:
            session.get_one(ItemBank, bank_id, with_for_update=True)
            codes = select(KnowledgePoint.code).where(KnowledgePoint.bank_id == bank_id)
            there = set(
                session.scalars(codes.where(KnowledgePoint.code.in_([point.code for point in piece])))
            )
            rows = [
                {"bank_id": bank_id, "code": point.code, "name": point.name, "importance": point.importance}
                for point in piece
                if point.code not in there
            ]
            if rows:
                session.execute(insert(KnowledgePoint), rows)
        laid += [str(row["code"]) for row in rows]
    return laid


def take_up_points(bank_ref: str, codes: Sequence[str]) -> None:
    """Delete points that were laid for a table that was not saved, but for those that items ask about by now."""
    query = select(Item.id).where(Item.bank_id == KnowledgePoint.bank_id, Item.point == KnowledgePoint.code)
    bank_id = select(ItemBank.id).where(ItemBank.ref == bank_ref).scalar_subquery()
    for piece in pieces_of(codes):
        with unit_of_work() as session:
            of_bank = delete(KnowledgePoint).where(KnowledgePoint.bank_id == bank_id)
            session.execute(of_bank.where(KnowledgePoint.code.in_(piece), ~query.exists()))


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
