"""Use cases of a brought file: keep it for its check, read it again, have it stored, try again, forget it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.bank import store as bank_store
from cbt.bank.imports import checks
from cbt.bank.imports.checks import CheckSummary
from cbt.bank.imports.execution import break_off
from cbt.bank.imports.models import CHECKS, ImportCheck
from cbt.bank.imports.plan import ImportTerms, Mode, asked_of, written
from cbt.errors import Conflict, InvalidInput
from cbt.interchange import upload
from cbt.interchange.upload import NamedFile, unscoped
from cbt.items.models import ItemBank
from cbt.rules.states.item import ItemState
from cbt.spreadsheets.check_process import CheckStarter
from cbt.spreadsheets.drafts import LIFE, Drafts, drop
from cbt.spreadsheets.file_checks import CheckState
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import unit_of_work

DRAFTS = Drafts("bank", gone=checks.UNKNOWN)
ARRIVALS = (ItemState.IN_REVIEW, ItemState.DRAFT)
"""In what state items arrive through the browser: who brings them does not review them."""


def keep(*, bank_ref: str, files: Sequence[NamedFile], locale: str, now: datetime, actor: str) -> str:
    """Keep what was brought for its check and return its ref; the author's former one for the bank goes.

    Raises InvalidInput("bank.no_file"), ("bank.too_many_files"), Conflict("bank.import_under_way") while the former
    one is being stored, NotFound("bank.unknown").
    """
    brought = upload.taken(files)
    packed, name = upload.pack(brought), upload.said(brought)
    with (
        DRAFTS.brought(packed, ref=new_ref("dr"), file_name=name, now=now, actor=actor) as draft,
        unit_of_work() as session,
    ):
        bank = bank_store.bank_by_ref(session, bank_ref)
        _forget_former(session, bank, actor, now=now)
        ref = DRAFTS.keep(session, draft, subject=subject_of(bank.ref))
        checks.begin_check(
            session,
            ref=ref,
            bank_id=bank.id,
            actor=actor,
            file_name=name,
            asked=ImportTerms(locale=locale),
            now=now,
        )
        return ref


def subject_of(bank_ref: str) -> str:
    """Return what a draft for a bank is for."""
    return f"item_bank:{bank_ref}"


def _forget_former(session: Session, bank: ItemBank, actor: str, *, now: datetime) -> None:
    own = (ImportCheck.bank_id == bank.id) & (ImportCheck.actor == actor)
    found = session.scalars(select(ImportCheck).where(own | (ImportCheck.at < now - LIFE))).all()
    busy = [check for check in found if check.state == CheckState.IMPORTING or _half_stored(check)]
    if any(check.bank_id == bank.id and check.actor == actor for check in busy):
        raise Conflict("bank.import_under_way", ref=bank.ref)
    CHECKS.forget(session, [check.id for check in found if check not in busy])


def _half_stored(check: ImportCheck) -> bool:
    return check.state == CheckState.FAILED and check.run_id is not None


def read_again(
    *,
    bank_ref: str,
    draft_ref: str,
    adjust: dict[str, str],
    points: dict[str, str],
    actor: str,
    afresh: bool = False,
) -> None:
    """Have a kept file be read with what its author says of it, beside what was said before.

    `afresh` forgets what was said before, also of earlier files.

    Raises NotFound("bank.draft_unknown"), Conflict("bank.check_under_way").
    """
    with unit_of_work() as session:
        check = _own(session, bank_ref, draft_ref, actor)
        before = asked_of(check.asked)
        asked = ImportTerms(
            adjust=adjust if afresh else {**before.adjust, **adjust},
            points=points if afresh else {**before.points, **points},
            kept=before.kept and not afresh,
            locale=before.locale,
        )
        if _half_stored(check):
            raise Conflict("bank.import_under_way", ref=bank_ref)
        CHECKS.wait_again(session, check, written(asked))


def confirm(
    *,
    bank_ref: str,
    draft_ref: str,
    mode: Mode,
    state: ItemState,
    partial: bool,
    near: bool,
    understood: bool,
    now: datetime,
    actor: str,
) -> None:
    """Have what was looked at be stored; the first of two who confirm does.

    Raises InvalidInput("bank.not_understood") while what was only inferred is not confirmed,
    ("bank.has_errors") for the whole of a file with errors, ("bank.arrival"),
    Conflict("bank.nothing_to_import"), ("bank.changed_meanwhile"), ("bank.check_under_way"),
    NotFound("bank.draft_unknown").
    """
    if state not in ARRIVALS:
        raise InvalidInput("bank.arrival", field="state")
    with unit_of_work() as session:
        check = _own(session, bank_ref, draft_ref, actor)
        if check.state != CheckState.READY:
            raise Conflict("bank.check_under_way")
        found = checks.summary_of(session, check)
        if found.inferred and not understood:
            raise InvalidInput("bank.not_understood", field="understood")
        if found.blocked and not partial:
            raise InvalidInput("bank.has_errors", count=found.blocked, field="partial")
        total = wanted(found, mode, near=near)
        if not total:
            raise Conflict("bank.nothing_to_import")
        if bank_store.desk_revision(session, check.bank_id) != found.revision:
            raise Conflict("bank.changed_meanwhile", ref=bank_ref)
        asked = msgspec.structs.replace(
            asked_of(check.asked), mode=mode, state=state, partial=partial, near=near
        )
        CHECKS.wait_to_be_stored(session, check, written(asked), total=total)
        if found.layout:
            checks.keep_mapping(
                session, check.bank_id, found.layout, unscoped(found.adjusted), now=now, actor=actor
            )


def wanted(found: CheckSummary, mode: Mode, *, near: bool) -> int:
    """Return how many items of a dry run are stored under a mode."""
    names = {Mode.UPDATE: ("change", "add"), Mode.ADD: ("change", "add", "skip"), Mode.NEW: ("add",)}[mode]
    return found.total(*names, *(("near",) if near else ()))


def try_again(*, bank_ref: str, draft_ref: str, actor: str) -> None:
    """Have a check that came to nothing be made again, or an import that stopped go on.

    Raises NotFound("bank.draft_unknown"), Conflict("bank.check_under_way").
    """
    with unit_of_work() as session:
        check = _own(session, bank_ref, draft_ref, actor)
        if _half_stored(check):
            CHECKS.go_on_again(session, check)
        else:
            CHECKS.wait_again(session, check, check.asked)


def cancel(*, bank_ref: str, draft_ref: str, now: datetime, actor: str) -> None:
    """Forget a kept file and its check, and take back what an import that stopped has stored.

    A second call changes nothing. Raises Conflict("bank.import_under_way") while a process stores it.
    """
    run_id = None
    with unit_of_work() as session:
        bank = bank_store.bank_by_ref(session, bank_ref)
        own = select(ImportCheck).where(ImportCheck.ref == draft_ref, ImportCheck.actor == actor)
        check = session.scalar(own.where(ImportCheck.bank_id == bank.id))
        if check is not None:
            if check.state == CheckState.IMPORTING:
                raise Conflict("bank.import_under_way", ref=bank_ref)
            run_id = check.run_id if check.state == CheckState.FAILED else None
            CHECKS.forget(session, [check.id])
        drop(session, draft_ref, actor=actor)
    if run_id is not None:
        break_off(run_id, bank_ref, because="cancelled", now=now, actor=actor)


def _own(session: Session, bank_ref: str, draft_ref: str, actor: str) -> ImportCheck:
    bank = bank_store.bank_by_ref(session, bank_ref)
    return checks.own_check(session, draft_ref, bank_id=bank.id, actor=actor)


_starter = CheckStarter(CHECKS)


def start_checks(*, now: datetime) -> None:
    """Begin the checks that wait."""
    _starter.tick(now=now)
