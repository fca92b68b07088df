"""Use cases of a brought file: keep it for its check, read it again, have it stored; `BANKS` has the others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy.orm import Session

from cbt.bank import store as bank_store
from cbt.bank.imports.execution import break_off
from cbt.bank.imports.models import ImportCheck
from cbt.bank.imports.plan import CheckSummary, ImportTerms, Mode, asked_of, written
from cbt.bank.imports.worker import BANKS, DRAFTS, kept_mapping, subject_of
from cbt.errors import Conflict, InvalidInput
from cbt.interchange import upload
from cbt.interchange.upload import NamedFile, unscoped
from cbt.items.models import KeptMapping
from cbt.rules.states import ItemState
from cbt.spreadsheets.file_checks import CheckState
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import unit_of_work

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
        BANKS.forget_former(session, bank.ref, actor, now=now)
        ref = DRAFTS.keep(session, draft, subject=subject_of(bank.ref))
        check = ImportCheck(
            ref=ref,
            bank_id=bank.id,
            actor=actor,
            file_name=name[:200],
            state=CheckState.WAITING,
            asked=written(ImportTerms(locale=locale)),
            at=now,
        )
        session.add(check)
        BANKS.wait_to_be_checked(session, bank.ref, check, now=now)
        return ref


def read_again(
    *,
    bank_ref: str,
    draft_ref: str,
    adjust: dict[str, str],
    points: dict[str, str],
    now: datetime,
    actor: str,
    afresh: bool = False,
) -> None:
    """Have a kept file be read with what its author says of it, beside what was said before.

    `afresh` forgets what was said before, also of earlier files.

    Raises NotFound("bank.draft_unknown"), Conflict("bank.check_under_way").
    """
    with unit_of_work() as session:
        check = BANKS.idle(session, bank_ref, draft_ref, actor=actor)
        before = asked_of(check.asked)
        terms = ImportTerms(
            adjust=adjust if afresh else {**before.adjust, **adjust},
            points=points if afresh else {**before.points, **points},
            kept=before.kept and not afresh,
            locale=before.locale,
        )
        BANKS.wait_again(session, bank_ref, check, written(terms), now=now)


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
        check = BANKS.own(session, bank_ref, draft_ref, actor=actor)
        if check.state != CheckState.READY:
            raise Conflict("bank.check_under_way")
        summary = BANKS.summary_of(session, check)
        if summary.inferred and not understood:
            raise InvalidInput("bank.not_understood", field="understood")
        if summary.blocked and not partial:
            raise InvalidInput("bank.has_errors", count=summary.blocked, field="partial")
        total = wanted(summary, mode, near=near)
        if not total:
            raise Conflict("bank.nothing_to_import")
        if bank_store.desk_revision(session, check.bank_id) != summary.revision:
            raise Conflict("bank.changed_meanwhile", ref=bank_ref)
        terms = msgspec.structs.replace(
            asked_of(check.asked), mode=mode, state=state, partial=partial, near=near
        )
        BANKS.wait_to_be_stored(session, bank_ref, check, written(terms), total=total, now=now)
        if summary.layout:
            keep_mapping(
                session, check.bank_id, summary.layout, unscoped(summary.adjusted), now=now, actor=actor
            )


def keep_mapping(
    session: Session, bank_id: int, layout: str, choices: dict[str, str], *, now: datetime, actor: str
) -> None:
    """Keep how an author had files of one layout understood; nothing said forgets it."""
    row = kept_mapping(session, bank_id, layout)
    if row is None and choices:
        row = KeptMapping(bank_id=bank_id, layout=layout)
        session.add(row)
    if row is not None and not choices:
        session.delete(row)
    elif row is not None:
        row.choices = json.dumps(choices, ensure_ascii=False, sort_keys=True)
        row.actor, row.at = actor, now


def wanted(summary: CheckSummary, mode: Mode, *, near: bool) -> int:
    names = {Mode.UPDATE: ("change", "add"), Mode.ADD: ("change", "add", "skip"), Mode.NEW: ("add",)}[mode]
    return summary.total(*names, *(("near",) if near else ()))


def cancel(*, bank_ref: str, draft_ref: str, now: datetime, actor: str) -> None:
    """Forget a kept file and its check, and take back what an import that stopped has stored.

    A second call changes nothing. Raises Conflict("bank.import_under_way") while a job stores it.
    """
    check = BANKS.cancel(bank_ref, draft_ref, now=now, actor=actor)
    if check is not None and BANKS.half(check) and check.run_id is not None:
        break_off(check.run_id, bank_ref, because="cancelled", now=now, actor=actor)
