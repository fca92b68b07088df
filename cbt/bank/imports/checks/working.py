"""What the process of one check does: read, check and plan, and put it down; or store what was confirmed."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial

import flask_babel
from msgspec.structs import replace

from cbt.bank.formats import registry
from cbt.bank.formats.together import read_all
from cbt.bank.imports import bringing
from cbt.bank.imports.bringing import Brought
from cbt.bank.imports.checks import service, steps, store
from cbt.bank.imports.checks.beating import Beat, Unwanted
from cbt.bank.imports.checks.confirmed import store_confirmed
from cbt.bank.imports.checks.models import CheckState, ImportCheck
from cbt.bank.imports.checks.records import (
    ENTRIES,
    FINDINGS,
    MARKED,
    SUMMARY,
    CheckSummary,
    arranged,
    blocks,
    sealed,
)
from cbt.bank.imports.checks.steps import Part
from cbt.bank.imports.drafts import Reading
from cbt.bank.imports.review import Review
from cbt.bank.imports.running import TRIES
from cbt.bank.imports.storing import keep_media
from cbt.bank.imports.terms import ImportTerms, asked_of
from cbt.bank.media.taken import TakenIn
from cbt.bank.models import ItemBank
from cbt.bank.service import review_for
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.db.writing.parcels import put_down
from cbt.errors import CbtError, Unavailable

log = logging.getLogger(__name__)

PARCEL_BYTES = 48 * 1024
"""Of the pieces that are put down together; a larger one is put down alone."""
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
    with beat(ref, clock) as told:
        try:
            if check.state == CheckState.IMPORTING:
                store_confirmed(check, told, now=clock())
            else:
                _check(check, told)
        except Unwanted:
            return False
        except CbtError as error:
            _fail(ref, error, told)
            return False
        except Exception:
            log.exception("the check of a file broke")
            _fail(ref, Unavailable("bank.check_broken"), told)
            raise
    return True


def _fail(ref: str, error: CbtError, told: Beat) -> None:
    def fail() -> None:
        with unit_of_work() as session:
            steps.fail_check(session, ref, error)

    told.in_front(fail)


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
    told.in_front(lambda: _be_ready(check, made.reading.media))
    _mark(check, files, made, asked, told)


def _be_ready(check: ImportCheck, media: Mapping[str, TakenIn]) -> None:
    for name, taken in media.items():  # the pages of the check show them
        with unit_of_work() as session:
            keep_media(session, {name: taken}, now=check.at, actor=check.actor)
    with unit_of_work() as session:
        if not steps.end_check(session, check.ref, CheckState.READY):
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
    some: list[Part] = []
    for part in parts:
        if some and sum(len(body) for _name, _number, body in [*some, part]) > PARCEL_BYTES:
            put_down(steps.parts(check_id, some), tries=TRIES)
            some = []
        some.append(part)
    put_down(steps.parts(check_id, some), tries=TRIES)


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
            part = (MARKED, number, sealed(mark(content, own)))
            if not told.in_front(partial(_keep_copy, check.id, part)):
                return


def _keep_copy(check_id: int, part: Part) -> bool:
    with unit_of_work() as session:
        return steps.add_copy(session, check_id, part)
