"""Use cases of a whole bank: made, renamed, its 细目表 kept, deleted while nothing hangs on it."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path, PurePath

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.bank import changes
from cbt.bank.banks.code_changes import (
    begin_renaming,
    check_renaming,
    end_renaming,
    rename_points,
    take_back,
    take_back_unfinished,
)
from cbt.bank.banks.points_table import (
    TableRow,
    check_table,
    item_count,
    rows_of,
    table_revision,
    table_rows,
    used_points,
)
from cbt.bank.review.service import words
from cbt.bank.store import bank_by_ref, taxonomy_of
from cbt.errors import Conflict, InvalidInput
from cbt.http.form_values import required
from cbt.interchange.text_bank import TAXONOMY_FILE, read_folder
from cbt.items.models import BankRange, ImportRun, ItemBank, KeptMapping, KnowledgePoint
from cbt.items.taxonomy import Taxonomy
from cbt.spreadsheets import intake
from cbt.spreadsheets.findings import Finding
from cbt.storage.unit_of_work import reading as reading_bank
from cbt.storage.unit_of_work import unit_of_work

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
    said, served = words(note, "note"), _levels(levels)
    try:
        with unit_of_work() as session:
            if session.scalar(select(ItemBank.id).where(ItemBank.ref == plain)) is not None:
                raise Conflict("bank.ref_taken", field="ref")
            session.add(ItemBank(ref=plain, name=called, note=said, levels=served))
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
    said, served = words(note, "note"), _levels(levels)
    with unit_of_work() as session:
        bank = _held(session, ref)
        before = {"name": bank.name, "levels": bank.levels}
        bank.name, bank.note, bank.levels = called, said, served
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


def save_table(
    *, ref: str, rows: Sequence[TableRow], revision: str, now: datetime, actor: str
) -> tuple[Taxonomy, int]:
    """Give a bank its 细目表; return it, and how many items were written anew under another code.

    The items come first, a few at a time, and are drawn with the table. What a process that was stopped on the way
    has left is taken back before, what fails is taken back at once.

    Raises InvalidInput("bank.table_refused") with `findings`, all of them, and Conflict("bank.table_changed") when
    somebody else kept one since `revision`.
    """
    with reading_bank() as session:
        bank_id = bank_by_ref(session, ref).id
    take_back_unfinished(bank_id, now=now, actor=actor)
    with reading_bank() as session:
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


def _still(session: Session, ref: str, said: Mapping[str, object]) -> ItemBank:
    """Return a bank, locked, whose table still says this; raise Conflict("bank.table_changed")."""
    bank = _held(session, ref)
    if changes.table_said(session, bank.id) != said:
        raise Conflict("bank.table_changed")
    return bank


def checked(session: Session, bank: ItemBank, rows: Sequence[TableRow]) -> tuple[Taxonomy, list[Finding]]:
    """Return the table that rows make for a bank, and what is wrong with it."""
    return check_table(rows, used_points(session, bank.id), name=bank.name, note=bank.note)


def renamed(before: Taxonomy, rows: Sequence[TableRow]) -> dict[str, str]:
    """Return the points of a table that get another code: the old one → the new one."""
    known = before.importances
    return {row.was: row.code for row in rows if row.importance and row.was in known and row.was != row.code}


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
        found = read_folder(Path(folder))
    unreadable = [one for one in found.findings if one.code in {"file_not_text", "file_unreadable"}]
    if unreadable or found.taxonomy is None:
        raise InvalidInput("bank.table_toml", field="file", line=max([one.place.line for one in unreadable]))
    return [replace(row, was="") for row in table_rows(found.taxonomy)]


def _levels(chosen: Sequence[str]) -> str:
    return ",".join(level for level in LEVELS if level in chosen)


def _held(session: Session, ref: str) -> ItemBank:
    bank = bank_by_ref(session, ref)
    session.refresh(bank, with_for_update=True)
    return bank
