"""Use cases of the bank room: bring a bank or a sheet in, look first, take it back."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit import tally
from cbt.bank import steps, store
from cbt.bank.formats import registry
from cbt.bank.imports.drafts import Reading
from cbt.bank.imports.review import Review, review
from cbt.bank.imports.undo import Undone, undo_import
from cbt.bank.models import ImportRun, ItemBank
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.errors import Conflict, InvalidInput, NotFound
from cbt.sheets.drafts import Drafts, drop
from cbt.web.refs import new_ref

DRAFTS = Drafts("bank", gone="bank.draft_unknown")


def import_bank(
    path: Path,
    *,
    now: datetime,
    actor: str,
    bank_ref: str = "",
    dry_run: bool = False,
    partial: bool = False,
) -> Review:
    """Bring a file or a folder into a bank; where it carries a 细目表, a bank that is new is made.

    A folder's name is its bank's ref unless another is given; a file without one is refused with
    InvalidInput("bank.ref_needed"). Nothing is stored on a dry run, nor while there is an error unless
    `partial`: then InvalidInput("bank.import_refused") carries `review`.
    """
    if path.is_file() and not bank_ref:
        raise InvalidInput("bank.ref_needed", path=path.name)
    bank_ref = bank_ref or path.resolve().name
    found = registry.read(path.read_bytes() if path.is_file() else path, path.name)
    with reading() as session:
        made = review_for(session, found, bank_ref)
    if dry_run:
        return made
    if made.errors and not partial:
        raise InvalidInput("bank.import_refused", name=found.file_name, count=made.blocked, review=made)
    with unit_of_work() as session:
        _apply(session, made, bank_ref, now=now, actor=actor)
    return made


def review_for(session: Session, found: Reading, bank_ref: str) -> Review:
    """Return the dry run of a reading against a bank; a reading with its own 细目表 may bring a new one."""
    bank = session.scalar(select(ItemBank).where(ItemBank.ref == bank_ref))
    if bank is None:
        if found.taxonomy is None:
            raise NotFound("bank.unknown", ref=bank_ref)
        return review(found, taxonomy=found.taxonomy, known=[], revision="")
    return review(
        found,
        taxonomy=found.taxonomy or store.taxonomy_of(session, bank),
        known=store.known_items(session, bank.id),
        revision=store.bank_revision(session, bank.id),
    )


def _apply(session: Session, made: Review, bank_ref: str, *, now: datetime, actor: str) -> ImportRun | None:
    """Store a review; the bank must be as it was when the review was made."""
    bank = session.scalar(select(ItemBank).where(ItemBank.ref == bank_ref))
    if (store.bank_revision(session, bank.id) if bank else "") != made.revision:
        raise Conflict("bank.changed_meanwhile", ref=bank_ref)
    if made.reading.taxonomy is not None:
        bank = steps.save_taxonomy(session, bank_ref, made.reading.taxonomy, now=now, actor=actor)
    if bank is None or not (made.added or made.changed):
        return None
    return steps.apply_import(
        session,
        bank,
        made.entries,
        file_name=made.reading.file_name,
        form=made.reading.form,
        now=now,
        actor=actor,
    )


def keep_draft(*, bank_ref: str, file_name: str, content: bytes, now: datetime, actor: str) -> str:
    """Keep an uploaded file for its dry run and return its ref; the author's former file for the bank goes.

    Raises InvalidInput for a file of no format that can be read, NotFound("bank.unknown").
    """
    registry.read(content, file_name)
    with unit_of_work() as session:
        subject = f"item_bank:{store.bank_by_ref(session, bank_ref).ref}"
        return DRAFTS.keep(
            session,
            ref=new_ref("dr"),
            subject=subject,
            file_name=file_name,
            body=content,
            now=now,
            actor=actor,
        )


def review_draft(*, bank_ref: str, draft_ref: str, actor: str) -> tuple[Review, bytes]:
    """Return the dry run of a kept file, and the file; raise NotFound("bank.draft_unknown")."""
    with reading() as session:
        subject = f"item_bank:{bank_ref}"
        file_name, content = DRAFTS.open(session, draft_ref, subject=subject, actor=actor)
    found = registry.read(content, file_name)
    with reading() as session:
        return review_for(session, found, bank_ref), content


def confirm_draft(*, bank_ref: str, draft_ref: str, now: datetime, actor: str) -> ImportRun:
    """Store the items of a kept file that have no error, delete the file, return the recorded run.

    Raises Conflict("bank.nothing_to_import") when there is nothing to store, NotFound("bank.draft_unknown").
    """
    made, _content = review_draft(bank_ref=bank_ref, draft_ref=draft_ref, actor=actor)
    with unit_of_work() as session:
        DRAFTS.use(session, draft_ref, actor=actor)
        run = _apply(session, made, bank_ref, now=now, actor=actor)
        if run is None:
            raise Conflict("bank.nothing_to_import")
        session.flush()
        session.expunge(run)
        return run


def cancel_draft(*, draft_ref: str, actor: str) -> None:
    """Delete a kept file; a second call changes nothing."""
    with unit_of_work() as session:
        drop(session, draft_ref, actor=actor)


def undo(*, bank_ref: str, run_ref: str, now: datetime, actor: str) -> Undone:
    """Take one import back; raise NotFound("bank.run_unknown") or Conflict("bank.already_undone")."""
    with unit_of_work() as session:
        bank = store.bank_by_ref(session, bank_ref)
        run = session.scalar(select(ImportRun).where(ImportRun.bank_id == bank.id, ImportRun.ref == run_ref))
        if run is None:
            raise NotFound("bank.run_unknown")
        return undo_import(session, bank, run, now=now, actor=actor)


def key_view(*, act: str, subject: str, actor: str, now: datetime) -> None:
    """Put a view of answer keys on record, in a unit of work of its own; the keys are shown only after it.

    Source: R-44, R-64.
    """
    with unit_of_work() as session:
        tally.count(session, at=now, actor=actor, act=act, subject=subject)
