"""Use cases of a whole bank: made, renamed, its 细目表 kept and points given other codes, deleted.

The versions are stored a few items at a time by a run of their own, as an import is: as long as it is not whole,
what they replace is drawn (store.published). It is whole with the table.

Source: I13, R-43.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path, PurePath
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, func, insert, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.bank import changes
from cbt.bank.banks.points_table import (
    TableRow,
    check_table,
    item_count,
    points_in,
    rows_of,
    table_revision,
    table_rows,
    used_points,
)
from cbt.bank.changes import version_row
from cbt.bank.review.judgement import words
from cbt.bank.search import note
from cbt.bank.store import bank_by_ref, taxonomy_of
from cbt.blueprints.store import blueprints_of, current_versions
from cbt.errors import Conflict, InvalidInput
from cbt.http.form_values import required
from cbt.interchange.archive import TAXONOMY_FILE
from cbt.interchange.text_bank import read_folder
from cbt.items.models import (
    RENAMING,
    BankRange,
    ImportRun,
    Item,
    ItemBank,
    ItemVersion,
    KeptMapping,
    KnowledgePoint,
    RunState,
)
from cbt.items.taxonomy import Taxonomy
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.items.content import ItemType
from cbt.rules.states import ItemState
from cbt.spreadsheets import intake
from cbt.spreadsheets.findings import Finding
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import pieces_of, reading, unit_of_work

MOST_ITEMS = 5000
"""Items that one change of codes may write anew."""
AT_ONCE = 10
"""So many are written anew in one unit of work."""
_UNFINISHED = (RunState.STORING, RunState.BROKEN)


def check_renaming(session: Session, bank_id: int, codes: Mapping[str, str]) -> None:
    """Raise Conflict("bank.table_rename") where more items would be written anew than may be at once."""
    asking = select(Item.id).where(*_asking(bank_id, codes)).limit(MOST_ITEMS + 1)
    if len(session.scalars(asking).all()) > MOST_ITEMS:
        raise Conflict("bank.table_rename", most=MOST_ITEMS)


def begin_renaming(session: Session, bank: ItemBank, *, now: datetime, actor: str) -> int:
    """Record a run that gives points other codes and return its key.

    Raises Conflict("bank.import_under_way") while another is stored.
    """
    storing = (ImportRun.bank_id == bank.id, ImportRun.state == RunState.STORING)
    if session.scalar(select(ImportRun.id).where(*storing).limit(1)) is not None:
        raise Conflict("bank.import_under_way", ref=bank.ref)
    run = ImportRun(
        ref=new_ref("im"),
        bank_id=bank.id,
        state=RunState.STORING,
        file_name="",
        form=RENAMING,
        added=0,
        changed=0,
        skipped=0,
        actor=actor,
        at=now,
    )
    session.add(run)
    session.flush()
    return run.id


def rename_points(run_id: int, codes: Mapping[str, str], *, now: datetime, actor: str) -> int:
    """Have the items of a bank ask about the points under their new codes; return how many were written anew.

    Their states stay: nothing they ask has changed. What is drawn and what is worked on are two versions, and both
    are written. Raises Conflict("bank.table_changed") where somebody took the run back meanwhile.
    """
    with reading() as session:
        bank_id = session.get_one(ImportRun, run_id).bank_id
        waiting = session.scalars(
            select(Item.id).where(*_asking(bank_id, codes), ~_written_by(run_id)).order_by(Item.id)
        ).all()
    return sum(
        _rename_some(run_id, piece, codes, now=now, actor=actor) for piece in pieces_of(waiting, size=AT_ONCE)
    )


def end_renaming(session: Session, run_id: int, codes: Mapping[str, str]) -> None:
    """Have a run be whole: its versions are drawn from now on, all of them at once.

    Raises Conflict("bank.table_changed") where it was taken back, or an item came to one of the points meanwhile.
    """
    run = _storing(session, run_id)
    new = (Item.bank_id == run.bank_id, Item.point.in_(list(codes)), ~_written_by(run_id))
    if session.scalar(select(Item.id).where(*new).limit(1)) is not None:
        raise Conflict("bank.table_changed")
    run.state = RunState.STORED


def take_back_unfinished(bank_id: int, *, now: datetime, actor: str) -> None:
    """Take back what a process that was stopped on the way has left of a bank; nothing of it was ever drawn."""
    left = (ImportRun.form == RENAMING, ImportRun.state.in_(_UNFINISHED), ImportRun.undone_at.is_(None))
    with reading() as session:
        runs = session.scalars(select(ImportRun.id).where(ImportRun.bank_id == bank_id, *left)).all()
    for run_id in runs:
        take_back(run_id, now=now, actor=actor)


def take_back(run_id: int, *, now: datetime, actor: str) -> None:
    """Have the items that an unfinished run wrote say again what they said, a few at a time; it may be repeated.

    Whoever is still at it finds that it is broken and stops.
    """
    with unit_of_work() as session:
        run = session.get_one(ImportRun, run_id, with_for_update=True)
        if run.undone_at is not None or run.state not in _UNFINISHED:
            return
        run.state = RunState.BROKEN
    with reading() as session:
        written = session.scalars(select(Item.id).where(_written_by(run_id)).order_by(Item.id)).all()
    for piece in pieces_of(written, size=AT_ONCE):
        with unit_of_work() as session:
            for item in session.scalars(_locked(piece)):
                _restore(session, item, run_id, now=now, actor=actor)
    with unit_of_work() as session:
        run = session.get_one(ImportRun, run_id, with_for_update=True)
        if run.undone_at is None:
            run.undone_at = now
            subject = f"item_bank:{session.get_one(ItemBank, run.bank_id).ref}"
            after = {"run": run.ref, "items": len(written)}
            chain.record(session, at=now, actor=actor, act="bank.table_broken", subject=subject, after=after)


def _asking(bank_id: int, codes: Mapping[str, str]) -> tuple[ColumnElement[bool], ...]:
    """Return what chooses the items that may ask about a point: a case has points in its parts."""
    return Item.bank_id == bank_id, or_(Item.point.in_(list(codes)), Item.type == ItemType.CASE.value)


def _written_by(run_id: int) -> ColumnElement[bool]:
    return exists().where(ItemVersion.item_id == Item.id, ItemVersion.import_run_id == run_id)


def _locked(ids: Sequence[int]) -> Any:
    return select(Item).where(Item.id.in_(ids)).order_by(Item.id).with_for_update()


def _storing(session: Session, run_id: int) -> ImportRun:
    run = session.get_one(ImportRun, run_id, with_for_update=True)
    if run.state != RunState.STORING:
        raise Conflict("bank.table_changed")
    return run


def _rename_some(
    run_id: int, ids: Sequence[int], codes: Mapping[str, str], *, now: datetime, actor: str
) -> int:
    with unit_of_work() as session:
        _storing(session, run_id)
        items = session.scalars(_locked(ids)).all()
        return sum(_rename(session, item, codes, run_id=run_id, now=now, actor=actor) for item in items)


def _rename(
    session: Session, item: Item, codes: Mapping[str, str], *, run_id: int, now: datetime, actor: str
) -> bool:
    numbers = {item.version, item.current} - {0}
    rows = session.execute(
        select(ItemVersion.number, ItemVersion.content)
        .where(ItemVersion.item_id == item.id, ItemVersion.number.in_(numbers))
        .order_by(ItemVersion.number)
    ).all()
    old = {number: json.loads(content) for number, content in rows}
    if not any(set(points_in(data)) & codes.keys() for data in old.values()):
        return False
    state = ItemState(item.state)
    last = (
        session.scalar(select(func.max(ItemVersion.number)).where(ItemVersion.item_id == item.id))
        or item.current
    )
    drawn = item.version
    for number, data in old.items():
        last += 1
        text = canonical_json(_renamed(data, codes))
        kept = ItemState.REVIEWED if number == drawn else state
        session.execute(
            insert(ItemVersion),
            [version_row(item, last, text, digest(text), run_id=run_id, now=now, actor=actor, state=kept)],
        )
    item.state = state.value
    item.point = codes.get(item.point, item.point)
    session.flush()
    return True


def _restore(session: Session, item: Item, run_id: int, *, now: datetime, actor: str) -> None:
    """Have an item say in versions of its own what it said before a run; what was written after that stays."""
    made = dict(
        session.execute(
            select(ItemVersion.number, ItemVersion.replaces).where(
                ItemVersion.item_id == item.id, ItemVersion.import_run_id == run_id
            )
        ).all()
    )
    former = _numbered(session, item, ItemVersion.number < min(made))
    current, state, drawn = item.current, ItemState(item.state), item.version in made
    back: list[tuple[ItemVersion, ItemState]] = []
    if drawn:
        replaced = _numbered(session, item, ItemVersion.number == made[item.version])
        back.append((replaced, ItemState.REVIEWED))
    if current in made and not (drawn and current == item.version):
        back.append((former, state))
    last = _numbered(session, item).number
    for number, (version, kept) in enumerate(back, last + 1):
        row = version_row(
            item, number, version.content, version.sha256, run_id=None, now=now, actor=actor, state=kept
        )
        session.execute(insert(ItemVersion), [row])
    item.state = state.value
    if current in made:
        item.point, item.author = json.loads(former.content)["point"], former.actor
    elif back:
        own = _numbered(session, item, ItemVersion.number == current)
        item.current, item.author = current, own.actor
        note(session, item, own.content)
    session.flush()


def _numbered(session: Session, item: Item, *chosen: ColumnElement[bool]) -> ItemVersion:
    """Return the last of the chosen versions of an item."""
    of_item = select(ItemVersion).where(ItemVersion.item_id == item.id, *chosen)
    return session.scalars(of_item.order_by(ItemVersion.number.desc()).limit(1)).one()


def _renamed(data: Mapping[str, Any], codes: Mapping[str, str]) -> dict[str, Any]:
    changed = dict(data)
    if "point" in changed:
        changed["point"] = codes.get(changed["point"], changed["point"])
    if "parts" in changed:
        changed["parts"] = [_renamed(part, codes) for part in changed["parts"]]
    return changed


TAKEN = frozenset({"new", "review"})
"""Addresses below the banks that are no bank."""
LEVELS = ("5", "4", "3", "2", "1")
MOST_BYTES, MOST_TEXT = 2_000_000, 200_000
"""Of a workbook, and of a text that is read here."""
_REF = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_BOUNDS = intake.Bounds(3000, 60)


def make_bank(*, ref: str, name: str, note: str, levels: Sequence[str], now: datetime, actor: str) -> str:
    """Make a bank without a table and return its ref.

    Raises InvalidInput("bank.ref_form"), ("bank.name"), Conflict("bank.ref_taken").
    """
    plain = ref.strip().casefold()
    if not _REF.fullmatch(plain) or plain in TAKEN:
        raise InvalidInput("bank.ref_form", field="ref")
    called = required(name, "bank.name", "name")
    note_text, served = words(note, "note"), _levels(levels)
    try:
        with unit_of_work() as session:
            if session.scalar(select(ItemBank.id).where(ItemBank.ref == plain)) is not None:
                raise Conflict("bank.ref_taken", field="ref")
            session.add(ItemBank(ref=plain, name=called, note=note_text, levels=served))
            after = {"name": called, "levels": served}
            chain.record(
                session, at=now, actor=actor, act="bank.create", subject=f"item_bank:{plain}", after=after
            )
            session.flush()
    except IntegrityError as error:  # two people at once
        raise Conflict("bank.ref_taken", field="ref") from error
    return plain


def describe_bank(
    *, ref: str, name: str, note: str, levels: Sequence[str], now: datetime, actor: str
) -> None:
    """Give a bank another name, note or levels; raise InvalidInput("bank.name")."""
    called = required(name, "bank.name", "name")
    note_text, served = words(note, "note"), _levels(levels)
    with unit_of_work() as session:
        bank = _held(session, ref)
        before = {"name": bank.name, "levels": bank.levels}
        bank.name, bank.note, bank.levels = called, note_text, served
        chain.record(
            session,
            at=now,
            actor=actor,
            act="bank.describe",
            subject=f"item_bank:{ref}",
            before=before,
            after={"name": called, "levels": served},
        )


def delete_bank(*, ref: str, now: datetime, actor: str) -> None:
    """Delete a bank that holds no item, with its table; raise Conflict("bank.not_empty")."""
    try:
        with unit_of_work() as session:
            bank = _held(session, ref)
            if item_count(session, bank.id):
                raise Conflict("bank.not_empty")
            for kept in (BankRange, KnowledgePoint, KeptMapping, ImportRun):
                session.execute(delete(kept).where(kept.bank_id == bank.id))
            session.delete(bank)
            chain.record(session, at=now, actor=actor, act="bank.delete", subject=f"item_bank:{ref}")
            session.flush()
    except IntegrityError as error:  # unfinished work, a file that waits for its import
        raise Conflict("bank.not_empty") from error


def put_bank_away(*, ref: str, now: datetime, actor: str) -> None:
    """Have a bank not be chosen any more: what was drawn from it stays; a repeat changes nothing.

    Raise Conflict("bank.in_use") with the levels whose blueprints in force draw from it.
    """
    with unit_of_work() as session:
        bank = _held(session, ref)
        in_force = blueprints_of(session, [row.id for row in current_versions(session)]).values()
        users = [f"{one.occupation_name}（{one.level_name}）" for one in in_force if one.bank == ref]
        if users:
            raise Conflict("bank.in_use", blueprints=users)
        if bank.put_away_at is None:
            bank.put_away_at = now
            chain.record(session, at=now, actor=actor, act="bank.put_away", subject=f"item_bank:{ref}")


def put_bank_back(*, ref: str, now: datetime, actor: str) -> None:
    """Have a bank be chosen again; a repeat changes nothing."""
    with unit_of_work() as session:
        bank = _held(session, ref)
        if bank.put_away_at is not None:
            bank.put_away_at = None
            chain.record(session, at=now, actor=actor, act="bank.put_back", subject=f"item_bank:{ref}")


def save_table(
    *, ref: str, rows: Sequence[TableRow], revision: str, now: datetime, actor: str
) -> tuple[Taxonomy, int]:
    """Give a bank its 细目表; return it, and how many items were written anew under another code.

    The items come first, a few at a time, and are drawn with the table. What a process that was stopped on the way
    has left is taken back before, what fails is taken back at once.

    Raises InvalidInput("bank.table_refused") with `findings`, all of them, and Conflict("bank.table_changed") when
    somebody else kept one since `revision`.
    """
    with reading() as session:
        bank_id = bank_by_ref(session, ref).id
    take_back_unfinished(bank_id, now=now, actor=actor)
    with reading() as session:
        bank = _as_of(bank_by_ref(session, ref), session, revision)
        before = taxonomy_of(session, bank)
        taxonomy, findings = checked(session, bank, rows)
        if findings:
            raise InvalidInput("bank.table_refused", count=len(findings), findings=findings)
        codes = renamed(before, rows)
        check_renaming(session, bank_id, codes)
    count, run_id = 0, None
    as_it_was, laid = changes.said_by(before), list[str]()
    if codes:
        with unit_of_work() as session:
            run_id = begin_renaming(session, _still(session, ref, as_it_was), now=now, actor=actor)
    try:
        wanted = [point for point in taxonomy.points if point.code not in codes.values()]
        laid = changes.lay_points(ref, wanted)
        new = changes.said_by(taxonomy)
        as_it_was |= {code: new[code] for code in laid}
        if run_id is not None:
            count = rename_points(run_id, codes, now=now, actor=actor)
        with unit_of_work() as session:
            _still(session, ref, as_it_was)
            if run_id is not None:
                end_renaming(session, run_id, codes)
            changes.save_taxonomy(session, ref, taxonomy, now=now, actor=actor)
            chain.record(
                session,
                at=now,
                actor=actor,
                act="bank.table",
                subject=f"item_bank:{ref}",
                before={"ranges": len(before.ranges), "points": len(before.points)},
                after={
                    "ranges": len(taxonomy.ranges),
                    "points": len(taxonomy.points),
                    "renamed": codes,
                    "items": count,
                },
            )
    except BaseException:
        if run_id is not None:
            take_back(run_id, now=now, actor=actor)
        changes.take_up_points(ref, laid)
        raise
    return taxonomy, count


def _as_of(bank: ItemBank, session: Session, revision: str) -> ItemBank:
    """Return a bank whose table is that of `revision`; raise Conflict("bank.table_changed")."""
    if table_revision(session, bank) != revision:
        raise Conflict("bank.table_changed")
    return bank


def _still(session: Session, ref: str, values: Mapping[str, object]) -> ItemBank:
    """Return a bank, locked, whose table still says this; raise Conflict("bank.table_changed")."""
    bank = _held(session, ref)
    if changes.table_said(session, bank.id) != values:
        raise Conflict("bank.table_changed")
    return bank


def checked(session: Session, bank: ItemBank, rows: Sequence[TableRow]) -> tuple[Taxonomy, list[Finding]]:
    return check_table(rows, used_points(session, bank.id), name=bank.name, note=bank.note)


def renamed(before: Taxonomy, rows: Sequence[TableRow]) -> dict[str, str]:
    """Return the points of a table that get another code: the old one → the new one."""
    importances = before.importances
    return {
        row.was: row.code for row in rows if row.importance and row.was in importances and row.was != row.code
    }


def brought(content: bytes, name: str) -> list[TableRow]:
    """Return the rows of a file: a taxonomy.toml, or a workbook's first sheet that has any.

    Raises InvalidInput as the readers do, and ("bank.table_empty").
    """
    is_text = PurePath(name.casefold()).suffix == ".toml"
    if len(content) > (MOST_TEXT if is_text else MOST_BYTES):
        raise InvalidInput("bank.table_large", field="file")
    if is_text:
        rows = _of_toml(content)
    elif content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        sheets = intake.read_workbook(content, _BOUNDS)
        rows = max((rows_of(sheet.rows) for sheet in sheets), key=len, default=[])
    else:
        rows = rows_of(intake.read_csv(content, _BOUNDS).rows)
    if not rows:
        raise InvalidInput("bank.table_empty", field="file")
    return rows


def _of_toml(content: bytes) -> list[TableRow]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / TAXONOMY_FILE).write_bytes(content)
        own_reading = read_folder(Path(folder))
    unreadable = [one for one in own_reading.findings if one.code in {"file_not_text", "file_unreadable"}]
    if unreadable or own_reading.taxonomy is None:
        raise InvalidInput("bank.table_toml", field="file", line=max([one.place.line for one in unreadable]))
    return [replace(row, was="") for row in table_rows(own_reading.taxonomy)]


def _levels(chosen: Sequence[str]) -> str:
    return ",".join(level for level in LEVELS if level in chosen)


def _held(session: Session, ref: str) -> ItemBank:
    bank = bank_by_ref(session, ref)
    session.refresh(bank, with_for_update=True)
    return bank
