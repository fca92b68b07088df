"""The process of one check: read a brought file, check and plan it, or store what was confirmed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime

import flask_babel
from msgspec.structs import replace
from sqlalchemy.orm import Session

from cbt.bank.imports import checks, service
from cbt.bank.imports.checks import ENTRIES, FINDINGS, LISTS, MARKED, SUMMARY, CheckSummary, arranged
from cbt.bank.imports.dry_run import Review
from cbt.bank.imports.execution import go_on
from cbt.bank.imports.models import CHECKS, ImportCheck
from cbt.bank.imports.plan import Action, ImportedItem, ImportTerms, asked_of, chosen, tally
from cbt.bank.imports.run import Bringing, begin_run, check_revision, keep_media
from cbt.bank.search import index_all
from cbt.bank.service import review_for
from cbt.bank.store import refs_of
from cbt.errors import CbtError
from cbt.interchange import registry, upload
from cbt.interchange.upload import NamedFile, read_all
from cbt.items.draft import Reading
from cbt.items.media import TakenIn
from cbt.items.models import ImportRun, ItemBank
from cbt.spreadsheets import check_process as shared
from cbt.spreadsheets.check_process import (
    Beat,
    Beating,
    Clock,
    Unwanted,
    keep_copy,
    put_pieces_away,
    put_pieces_down,
)
from cbt.spreadsheets.drafts import drop
from cbt.spreadsheets.file_checks import CheckState, FilePiece, blocks
from cbt.storage.unit_of_work import reading, unit_of_work


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
    files, asked = upload.opened(upload.unpack(body)), asked_of(check.asked)
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


def _read(check: ImportCheck, files: list[NamedFile], asked: ImportTerms) -> tuple[Reading, ImportTerms, str]:
    """Read what was brought, as files of its layout were understood before where nothing else is said.

    Return it, what it was read with, and who said so before ("" for nobody).
    """
    found = read_all(files, asked.adjust)
    if not asked.kept:
        return found, asked, ""
    with reading() as session:
        before = checks.kept_mapping(session, check.bank_id, found.layout)
    if before is None:
        return found, asked, ""
    adjust = {**json.loads(before.choices), **asked.adjust}
    return read_all(files, adjust), replace(asked, adjust=adjust), before.actor


def _pieces(made: Review, files: list[NamedFile], asked: ImportTerms, kept: str) -> Iterator[FilePiece]:
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


def _mark(check: ImportCheck, files: list[NamedFile], made: Review, asked: ImportTerms, told: Beat) -> None:
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


def store_confirmed(check: ImportCheck, told: Beat, *, now: datetime) -> None:
    """Store what was confirmed of a check, or go on with it; raise what keeps it out, and nothing of it stays."""
    asked = asked_of(check.asked)
    with reading() as session:
        bank_ref = session.get_one(ItemBank, check.bank_id).ref
        found = checks.summary_of(session, check)
        there = list(_entries(session, check, found))
        entries = chosen(there, asked.mode, refs_of(session, bank_ref), near=asked.near)
    what = Bringing(
        bank_ref=bank_ref,
        file_name=check.file_name,
        form=found.form,
        revision=found.revision,
        counts={**tally(entries), Action.SKIP: found.total(*LISTS) - len(entries)},
        actor=check.actor,
        state=asked.state,
    )
    if check.run_id is None:
        check_revision(what)
    run_id = check.run_id or told.in_front(lambda: _begin(check, what, now=now))
    try:
        go_on(
            run_id,
            what,
            entries,
            now=now,
            tell=lambda done, total: told.tell_stored(done, total),
            words=lambda some: dict.fromkeys([entry.ref for entry in some], ""),
            in_front=told.in_front,
        )
    except CbtError:
        told.in_front(lambda: _unlink(check))
        raise
    told.in_front(lambda: _be_done(check))
    with reading() as session:
        parts = CHECKS.part_ids(session, check.id)
    put_pieces_away(CHECKS, parts, told)
    index_all(told.rest)


def _unlink(check: ImportCheck) -> None:
    with unit_of_work() as session:
        checks.link_run(session, check.ref, None)


def _be_done(check: ImportCheck) -> None:
    with unit_of_work() as session:
        CHECKS.end(session, check.ref, CheckState.DONE)
        drop(session, check.ref, actor=check.actor)


def _entries(session: Session, check: ImportCheck, found: CheckSummary) -> Iterator[ImportedItem]:
    for number, _some in blocks(range(found.total(*LISTS))):
        yield from CHECKS.opened(CHECKS.part(session, check, ENTRIES, number), list[ImportedItem])


def _begin(check: ImportCheck, what: Bringing, *, now: datetime) -> int:
    with unit_of_work() as session:
        run: ImportRun = begin_run(session, what, now=now)
        checks.link_run(session, check.ref, run.id)
        return run.id
