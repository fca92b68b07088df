"""What the process of one check does: read, check and plan, and put it down; or store what was confirmed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime

import flask_babel
from msgspec.structs import replace

from cbt.bank.formats import registry
from cbt.bank.formats.together import read_all
from cbt.bank.imports import bringing
from cbt.bank.imports.bringing import Brought
from cbt.bank.imports.checks import service, store
from cbt.bank.imports.checks.confirmed import store_confirmed
from cbt.bank.imports.checks.models import CHECKS, ImportCheck
from cbt.bank.imports.checks.records import (
    ENTRIES,
    FINDINGS,
    MARKED,
    SUMMARY,
    CheckSummary,
    arranged,
)
from cbt.bank.imports.drafts import Reading
from cbt.bank.imports.review import Review
from cbt.bank.imports.storing import keep_media
from cbt.bank.imports.terms import ImportTerms, asked_of
from cbt.bank.media.taken import TakenIn
from cbt.bank.models import ItemBank
from cbt.bank.service import review_for
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.sheets.checks import working as shared
from cbt.sheets.checks.beating import Beat, Unwanted
from cbt.sheets.checks.keeping import FilePiece
from cbt.sheets.checks.models import CheckState
from cbt.sheets.checks.pieces import blocks
from cbt.sheets.checks.working import Beating, Clock, keep_copy, put_pieces_down


def work_on(ref: str, *, clock: Clock, beat: Beating = Beat) -> bool:
    """Do what check `ref` waits for; return whether it came to its end well."""

    def store_it(check: ImportCheck, told: Beat, now: datetime) -> None:
        store_confirmed(check, told, now=now)

    return shared.work_on(CHECKS, ref, clock=clock, beat=beat, review=_check, store=store_it)


def _check(check: ImportCheck, told: Beat) -> None:
    with reading() as session:
        bank_ref = session.get_one(ItemBank, check.bank_id).ref
        subject = service.subject_of(bank_ref)
        _name, body = service.DRAFTS.open(session, check.ref, subject=subject, actor=check.actor)
    told.tell(CheckState.READING, 0, 0)
    files, asked = bringing.opened(bringing.unpack(body)), asked_of(check.asked)
    found, asked, kept = _read(check, files, asked)
    told.tell(CheckState.CHECKING, 0, len(found.items))
    with reading() as session:
        made = review_for(
            session,
            found,
            bank_ref,
            points=asked.points,
            tell=lambda done: told.tell(CheckState.CHECKING, done, len(found.items)),
        )
    told.tell(CheckState.CHECKING, len(found.items), len(found.items))
    put_pieces_down(CHECKS, check.id, _pieces(made, files, asked, kept))
    told.check()
    told.in_front(lambda: _be_ready(check, made.reading.media))
    _mark(check, files, made, asked, told)


def _be_ready(check: ImportCheck, media: Mapping[str, TakenIn]) -> None:
    keep_media(media, now=check.at, actor=check.actor)  # the pages of the check show them
    with unit_of_work() as session:
        if not CHECKS.end(session, check.ref, CheckState.READY):
            raise Unwanted


def _read(check: ImportCheck, files: list[Brought], asked: ImportTerms) -> tuple[Reading, ImportTerms, str]:
    """Read what was brought, as files of its layout were understood before where nothing else is said.

    Return it, what it was read with, and who said so before ("" for nobody).
    """
    found = read_all(files, asked.adjust)
    if not asked.kept:
        return found, asked, ""
    with reading() as session:
        before = store.kept_mapping(session, check.bank_id, found.layout)
    if before is None:
        return found, asked, ""
    adjust = {**json.loads(before.choices), **asked.adjust}
    return read_all(files, adjust), replace(asked, adjust=adjust), before.actor


def _pieces(made: Review, files: list[Brought], asked: ImportTerms, kept: str) -> Iterator[FilePiece]:
    findings, kinds, entries, lists = arranged(made)
    for number, some in blocks(findings):
        yield FINDINGS, number, CHECKS.sealed(some)
    for number, lines in blocks(entries):
        yield ENTRIES, number, CHECKS.sealed(lines)
    found = made.reading
    yield (
        SUMMARY,
        0,
        CHECKS.sealed(
            CheckSummary(
                form=found.form,
                files=[name for name, _content in files],
                layout=found.layout,
                revision=made.revision,
                rows=made.rows,
                blocked=made.blocked,
                kinds=kinds,
                lists=lists,
                inferred=list(found.inferred),
                columns=list(found.columns),
                sections=made.sections,
                kept=kept,
                adjusted=asked.adjust,
            )
        ),
    )


def _mark(check: ImportCheck, files: list[Brought], made: Review, asked: ImportTerms, told: Beat) -> None:
    """Make the copies in which the findings stand beside their cells; the dry run is shown already."""
    if not made.findings:
        return
    with flask_babel.force_locale(asked.locale):
        for number, (name, content) in enumerate(files):
            own = [found for found in made.findings if len(files) == 1 or found.place.file == name]
            mark = registry.format_for(content, name).mark
            if mark is None or not (own or len(files) == 1):
                continue
            part = (MARKED, number, CHECKS.sealed(mark(content, own)))
            if not keep_copy(CHECKS, check.id, part, told):
                return
