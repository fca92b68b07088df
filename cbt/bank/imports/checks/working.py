"""What the process of one check does: read, check and plan, and put it down; or store what was confirmed."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import islice

import flask_babel
from msgspec.structs import replace
from sqlalchemy.orm import Session

from cbt.bank.formats import registry
from cbt.bank.formats.together import read_all
from cbt.bank.imports import bringing
from cbt.bank.imports.bringing import Brought
from cbt.bank.imports.checks import service, steps, store
from cbt.bank.imports.checks.beating import Beat, Unwanted
from cbt.bank.imports.checks.models import CheckState, ImportCheck
from cbt.bank.imports.checks.records import (
    ENTRIES,
    FINDINGS,
    LISTS,
    MARKED,
    SUMMARY,
    CheckSummary,
    Stretch,
    arranged,
    blocks,
    opened,
    sealed,
)
from cbt.bank.imports.drafts import Reading
from cbt.bank.imports.outcome import Action, ImportedItem, chosen, tally
from cbt.bank.imports.review import Review
from cbt.bank.imports.running import go_on
from cbt.bank.imports.storing import Bringing, begin_run, keep_media
from cbt.bank.imports.terms import ImportTerms, asked_of
from cbt.bank.models import ImportRun, ItemBank
from cbt.bank.search.index import index_waiting
from cbt.bank.service import review_for
from cbt.bank.store import refs_of
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.errors import CbtError, Unavailable
from cbt.sheets.drafts import drop

log = logging.getLogger(__name__)

Part = tuple[str, int, bytes]
PARTS_AT_ONCE = 40
"""So many pieces are put down in one unit of work."""
INDEXED_AT_ONCE = 20
"""What is stored is shown at once, and found by a search as soon as so many after so many are indexed."""
Clock = Callable[[], datetime]


def work_on(ref: str, *, clock: Clock, beat: Callable[[str, Clock], Beat] = Beat) -> bool:
    """Do what check `ref` waits for, and put down how it ended; return whether it came to its end well.

    Nothing is done when nobody waits for it, or another process was quicker.
    """
    with unit_of_work() as session:
        check = steps.take(session, ref, now=clock())
        if check is None:
            return False
        session.flush()
        session.expunge(check)
    try:
        with beat(ref, clock) as told:
            if check.state == CheckState.IMPORTING:
                _store(check, told, now=clock())
            else:
                _check(check, told)
    except Unwanted:
        return False
    except CbtError as error:
        _fail(ref, error)
        return False
    except Exception:
        log.exception("the check of a file broke")
        _fail(ref, Unavailable("bank.check_broken"))
        raise
    return True


def _fail(ref: str, error: CbtError) -> None:
    with unit_of_work() as session:
        steps.fail_check(session, ref, error)


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
    _put_down(check.id, _pieces(made, files, asked, kept))
    told.check()
    with unit_of_work() as session:
        keep_media(
            session, made.reading.media, now=check.at, actor=check.actor
        )  # the pages of the check show them
        if not steps.end_check(session, check.ref, CheckState.READY):
            raise Unwanted
    _mark(check, files, made, asked)


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


def _pieces(made: Review, files: list[Brought], asked: ImportTerms, kept: str) -> Iterator[Part]:
    findings, kinds, entries, lists = arranged(made)
    for number, some in blocks(findings):
        yield FINDINGS, number, sealed(some)
    for number, lines in blocks(entries):
        yield ENTRIES, number, sealed(lines)
    found = made.reading
    yield (
        SUMMARY,
        0,
        sealed(
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


def _put_down(check_id: int, parts: Iterable[Part]) -> None:
    rest = iter(parts)
    while some := list(islice(rest, PARTS_AT_ONCE)):
        with unit_of_work() as session:
            steps.add_parts(session, check_id, some)


def _mark(check: ImportCheck, files: list[Brought], made: Review, asked: ImportTerms) -> None:
    """Make the copies in which the findings stand beside their cells; the dry run is shown already."""
    if not made.findings:
        return
    with flask_babel.force_locale(asked.locale):
        for number, (name, content) in enumerate(files):
            own = [found for found in made.findings if len(files) == 1 or found.place.file == name]
            mark = registry.format_for(content, name).mark
            if mark is None or not (own or len(files) == 1):
                continue
            body = mark(content, own)
            with unit_of_work() as session:
                if not steps.add_copy(session, check.id, (MARKED, number, sealed(body))):
                    return


def _store(check: ImportCheck, told: Beat, *, now: datetime) -> None:
    asked = asked_of(check.asked)
    with reading() as session:
        bank_ref = session.get_one(ItemBank, check.bank_id).ref
        found = store.summary_of(session, check)
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
    run_id = check.run_id or _begin(check, what, now=now)
    try:
        go_on(
            run_id,
            what,
            entries,
            now=now,
            tell=lambda done, total: told.tell_stored(done, total),
            words=lambda some: dict.fromkeys([entry.ref for entry in some], ""),
        )
    except CbtError:
        with unit_of_work() as session:
            steps.link_run(session, check.ref, None)
        raise
    with unit_of_work() as session:
        steps.end_check(session, check.ref, CheckState.DONE)
        steps.drop_parts(session, check)
        drop(session, check.ref, actor=check.actor)
    while index_waiting(now=now, most=INDEXED_AT_ONCE, aside=told.aside):
        told.rest()


def _entries(session: Session, check: ImportCheck, found: CheckSummary) -> Iterator[ImportedItem]:
    whole = Stretch(0, found.total(*LISTS))
    for number, _some in blocks(range(whole.count)):
        yield from opened(store.part(session, check, ENTRIES, number), list[ImportedItem])


def _begin(check: ImportCheck, what: Bringing, *, now: datetime) -> int:
    with unit_of_work() as session:
        run: ImportRun = begin_run(session, what, now=now)
        steps.link_run(session, check.ref, run.id)
        return run.id
