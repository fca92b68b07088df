"""The import of a bank, as the machine of imports does it: a file is kept, read, checked against the bank, stored.

What was stored and was whole is undone as a run (`execution`).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

import flask_babel
import msgspec
from msgspec.structs import replace
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from cbt.bank import store as bank_store
from cbt.bank.imports import file_map
from cbt.bank.imports.execution import Bringing, begin_run, break_off, check_revision, go_on, keep_media
from cbt.bank.imports.models import CHECKS, ImportCheck
from cbt.bank.imports.plan import (
    ENTRIES,
    LISTS,
    Action,
    CheckSummary,
    ImportedItem,
    ImportTerms,
    Mode,
    Review,
    arranged,
    asked_of,
    chosen,
    tally,
    written,
)
from cbt.bank.search import index_all
from cbt.bank.service import review_for
from cbt.errors import CbtError, Conflict, InvalidInput
from cbt.imports.machine import FINDINGS, MARKED, SUMMARY, ImportKind
from cbt.interchange import registry, upload
from cbt.interchange.mapping.definition import MAPPING, ItemLayout, mapping_in
from cbt.interchange.mapping.definition import written as mapping_text
from cbt.interchange.mapping.source import RawFile
from cbt.interchange.upload import NamedFile, read_all, unscoped
from cbt.items.draft import Inferred, Reading
from cbt.items.models import ImportRun, ItemBank, KeptMapping
from cbt.jobs.registry import Work
from cbt.rules.roles import Role
from cbt.rules.states import ItemState
from cbt.spreadsheets.drafts import LIFE, Drafts, drop
from cbt.spreadsheets.file_checks import CheckState, FilePiece, Stretch, blocks
from cbt.spreadsheets.findings import Place
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import let_go, reading, unit_of_work

ARRIVALS = (ItemState.IN_REVIEW, ItemState.DRAFT)
"""In what state items arrive through the browser: who brings them does not review them."""
DRAFTS = Drafts("bank", gone=CHECKS.gone)


def subject_of(bank_ref: str) -> str:
    return f"item_bank:{bank_ref}"


@dataclass(frozen=True, slots=True)
class ReadFiles:
    """A brought file as it was read, what it was read with, who said so before ("" for nobody).

    `offers` are the kept mappings (shape, name) that would fit, too.
    """

    made: Review
    files: list[NamedFile]
    asked: ImportTerms
    kept: str
    offers: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class OpenFiles:
    """A brought file as it is, for a mapping by hand; why no reader understood it, None where it was asked for."""

    sources: list[RawFile]
    files: list[NamedFile]
    asked: ImportTerms
    unread: CbtError | None


ExaminedFiles = ReadFiles | OpenFiles


class BankImport(ImportKind[ImportCheck, CheckSummary, ExaminedFiles]):
    """Items for a bank, in any format; what is not confirmed is kept for a day."""

    checks: ClassVar = CHECKS
    code: ClassVar = "bank"
    roles: ClassVar = frozenset({Role.AUTHOR})
    owner: ClassVar = "bank_id"
    subject: ClassVar = "item_bank"
    page: ClassVar = ("bank.imports.checks.check", "draft_ref")
    summary: ClassVar = CheckSummary
    life: ClassVar = LIFE

    def owner_id(self, session: Session, owner_ref: str) -> int:
        """Return the key of a bank."""
        return bank_store.bank_by_ref(session, owner_ref).id

    def half(self, check: ImportCheck) -> bool:
        """Return whether a run was begun that neither came to its end nor was taken back."""
        return check.state == CheckState.IMPORTING and check.run_id is not None

    def under_way(self, owner_ref: str) -> Conflict:
        """Return the refusal while a run is being stored."""
        return Conflict("bank.import_under_way", ref=owner_ref)

    def examine(self, check: ImportCheck, work: Work) -> ExaminedFiles:
        """Read what was brought, and check it against the bank; open it where no reader understands it."""
        with reading() as session:
            bank_ref = session.get_one(ItemBank, check.bank_id).ref
            _name, body = DRAFTS.open(session, check.ref, subject=subject_of(bank_ref), actor=check.actor)
        files, terms = upload.opened(upload.unpack(body)), asked_of(check.asked)
        if terms.opening:
            return _opened(check, files, terms)
        try:
            parsed, terms, kept, offers = _read(check, files, terms)
        except InvalidInput as error:
            return OpenFiles(_open_after(error, files, terms), files, terms, error)
        if _says_nothing(parsed):
            nothing = InvalidInput("bank.nothing_read")
            return OpenFiles(_open_after(nothing, files, terms), files, terms, nothing)
        total = len(parsed.items)
        work.tell(0, total)
        with reading() as session:

            def tell(done: int) -> None:
                let_go(session)
                work.tell(done, total)

            made = review_for(session, parsed, bank_ref, points=terms.points, keeps_table=True, tell=tell)
        work.tell(total, total)
        return ReadFiles(made, files, terms, kept, offers)

    def pieces(self, examined: ExaminedFiles) -> Iterator[FilePiece]:
        """Yield the findings, the items, and what both are as a whole; of an open file its rows."""
        if isinstance(examined, OpenFiles):
            yield from file_map.raw_pieces(examined.sources)
            yield SUMMARY, 0, CHECKS.sealed(_open_summary(examined))
            return
        made, found = examined.made, examined.made.reading
        findings, kinds, entries, lists = arranged(made)
        yield from self.lines(FINDINGS, findings)
        yield from self.lines(ENTRIES, entries)
        summary = CheckSummary(
            form=found.form,
            files=[name for name, _content in examined.files],
            layout=found.layout,
            revision=made.revision,
            rows=made.rows,
            blocked=made.blocked,
            kinds=kinds,
            lists=lists,
            inferred=list(found.inferred),
            columns=list(found.columns),
            sections=made.sections,
            kept=examined.kept,
            adjusted=examined.asked.adjust,
            offers=examined.offers,
        )
        yield SUMMARY, 0, CHECKS.sealed(summary)

    def settle(self, check: ImportCheck, examined: ExaminedFiles) -> None:
        """Keep the pictures and sounds: the pages of the check show them."""
        if isinstance(examined, ReadFiles):
            keep_media(examined.made.reading.media, now=check.at, actor=check.actor)

    def copies(self, examined: ExaminedFiles) -> Iterable[FilePiece]:
        """Yield the copies in which the findings stand beside their cells."""
        if isinstance(examined, OpenFiles):
            return
        files, findings = examined.files, examined.made.findings
        with flask_babel.force_locale(examined.asked.locale):
            for number, (name, content) in enumerate(files if findings else ()):
                own = [found for found in findings if len(files) == 1 or found.place.file == name]
                mark = registry.format_for(content, name).mark
                if mark is not None and (own or len(files) == 1):
                    yield MARKED, number, CHECKS.sealed(mark(content, own))

    def store(self, check: ImportCheck, work: Work) -> None:
        """Store what was confirmed as a run, or go on with it."""
        terms = asked_of(check.asked)
        with reading() as session:
            bank_ref = session.get_one(ItemBank, check.bank_id).ref
            summary = self.summary_of(session, check)
            there = list(_entries(session, check, summary))
            entries = chosen(there, terms.mode, bank_store.refs_of(session, bank_ref), near=terms.near)
        what = Bringing(
            bank_ref=bank_ref,
            file_name=check.file_name,
            form=summary.form,
            revision=summary.revision,
            counts={**tally(entries), Action.SKIP: summary.total(*LISTS) - len(entries)},
            actor=check.actor,
            state=terms.state,
        )
        if check.run_id is None:
            check_revision(what)
        run_id = check.run_id or work.in_front(lambda: _begin(check, what, now=work.now))
        try:
            go_on(
                run_id,
                what,
                entries,
                now=work.now,
                tell=work.tell,
                words=lambda some: dict.fromkeys([entry.ref for entry in some], ""),
                in_front=work.in_front,
            )
        except CbtError:
            work.in_front(lambda: _unlink(check))
            raise
        work.in_front(lambda: _be_done(check))
        self.put_away(check)
        index_all()

    def forgotten(self, session: Session, ref: str, actor: str) -> None:
        """Forget the file."""
        drop(session, ref, actor=actor)


BANKS = BankImport()


def kept_mapping(session: Session, bank_id: int, layout: str) -> KeptMapping | None:
    """Return how files of this layout were understood before, None when nobody said."""
    if not layout:
        return None
    own = select(KeptMapping).where(KeptMapping.bank_id == bank_id, KeptMapping.layout == layout)
    return session.scalar(own)


def _read(
    check: ImportCheck, files: list[NamedFile], terms: ImportTerms
) -> tuple[Reading, ImportTerms, str, list[tuple[str, str]]]:
    """Read what was brought, as files of its shape or layout were understood before where nothing else is said.

    A mapping that was kept goes before what readers understand where it knows a file by its columns; one that
    knows it by labels of lines is for what they do not understand, and else only offered. Return what was read,
    what it was read with, who said so before ("" for nobody), and what is offered.
    """
    shapes = _kept_shapes(check, files) if terms.kept and MAPPING not in terms.adjust else []
    if shapes and shapes[0].mapping.layout is ItemLayout.ROWS:
        return *_as_kept(files, terms, shapes[0]), []
    try:
        parsed = read_all(files, terms.adjust)
    except InvalidInput:
        if not shapes:
            raise
        return *_as_kept(files, terms, shapes[0]), []
    if shapes and _says_nothing(parsed):
        return *_as_kept(files, terms, shapes[0]), []
    offers = [(shape.shape, shape.name) for shape in shapes]
    if not terms.kept or MAPPING in terms.adjust:
        return parsed, terms, "", offers
    with reading() as session:
        before = kept_mapping(session, check.bank_id, parsed.layout)
    if before is None:
        return parsed, terms, "", offers
    adjust = {**json.loads(before.choices), **terms.adjust}
    return read_all(files, adjust), replace(terms, adjust=adjust), before.actor, offers


def _opened(check: ImportCheck, files: list[NamedFile], terms: ImportTerms) -> OpenFiles:
    """Return files as they are, with the mapping that is said of them, or kept of such files."""
    sources = file_map.open_all(files, terms.adjust)
    if terms.kept and MAPPING not in terms.adjust:
        with reading() as session:
            shapes = file_map.fitting(file_map.kept_shapes(session, check.bank_id), sources)
        if shapes:
            by_hand = mapping_text(file_map.fitted(shapes[0], sources))
            terms = replace(terms, adjust={**terms.adjust, MAPPING: by_hand})
    return OpenFiles(sources, files, terms, None)


def _kept_shapes(check: ImportCheck, files: list[NamedFile]) -> list[file_map.KeptShape]:
    """Return the kept mappings of the bank whose shape the files have."""
    with reading() as session:
        shapes = file_map.kept_shapes(session, check.bank_id)
    if not shapes:
        return []
    try:
        return file_map.fitting(shapes, file_map.open_all(files, {}))
    except CbtError:
        return []  # it is refused below, by its reader


def _as_kept(
    files: list[NamedFile], terms: ImportTerms, shape: file_map.KeptShape
) -> tuple[Reading, ImportTerms, str]:
    adjust = {**terms.adjust, MAPPING: mapping_text(shape.mapping)}
    parsed = read_all(files, adjust)
    name = shape.name
    said = Inferred(MAPPING, "mapping_kept", name, (name,), len(parsed.items), Place(parsed.file_name))
    parsed = dataclasses.replace(parsed, inferred=(*parsed.inferred, said))
    return parsed, replace(terms, adjust=adjust), shape.actor


def _says_nothing(parsed: Reading) -> bool:
    """Return whether a file was not understood: there is no item in it, and none that is kept out."""
    return not parsed.items and parsed.taxonomy is None and not any(found.item for found in parsed.findings)


def _open_after(error: CbtError, files: list[NamedFile], terms: ImportTerms) -> list[RawFile]:
    """Return the files as they are that no reader understood; raise why where they cannot be shown either."""
    try:
        return file_map.open_all(files, terms.adjust)
    except CbtError:
        raise error from None


def _open_summary(examined: OpenFiles) -> CheckSummary:
    unread = examined.unread
    return CheckSummary(
        form="",
        files=[name for name, _content in examined.files],
        layout="",
        revision="",
        rows=0,
        blocked=0,
        kinds=[],
        lists=dict.fromkeys(LISTS, Stretch(0, 0)),
        adjusted=examined.asked.adjust,
        raw=file_map.extents(examined.sources),
        unread=unread.code if unread is not None else "",
        unread_params=dict(unread.params) if unread is not None else {},
    )


def _entries(session: Session, check: ImportCheck, summary: CheckSummary) -> Iterator[ImportedItem]:
    for number, _some in blocks(range(summary.total(*LISTS))):
        yield from CHECKS.opened(CHECKS.part(session, check, ENTRIES, number), list[ImportedItem])


def _begin(check: ImportCheck, what: Bringing, *, now: datetime) -> int:
    with unit_of_work() as session:
        run: ImportRun = begin_run(session, what, now=now)
        link_run(session, check.ref, run.id)
        return run.id


def link_run(session: Session, ref: str, run_id: int | None) -> None:
    """Have a check know the run that stores it; None when that was taken back."""
    session.execute(update(ImportCheck).where(ImportCheck.ref == ref).values(run_id=run_id))


def _unlink(check: ImportCheck) -> None:
    with unit_of_work() as session:
        link_run(session, check.ref, None)


def _be_done(check: ImportCheck) -> None:
    with unit_of_work() as session:
        CHECKS.end(session, check.id, CheckState.DONE)
        drop(session, check.ref, actor=check.actor)


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
    opening: bool = False,
) -> None:
    """Have a kept file be read with what its author says of it, beside what was said before.

    `afresh` forgets what was said before, also of earlier files; `opening` only opens it, for a mapping by hand.

    Raises NotFound("bank.draft_unknown"), Conflict("bank.check_under_way").
    """
    with unit_of_work() as session:
        check = BANKS.idle(session, bank_ref, draft_ref, actor=actor)
        before = asked_of(check.asked)
        terms = ImportTerms(
            adjust=adjust if afresh else {**before.adjust, **adjust},
            points=points if afresh else {**before.points, **points},
            kept=before.kept and not afresh,
            opening=opening,
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

    Raises InvalidInput("bank.doubts_open") while a doubt is not answered, ("bank.not_understood") while what was
    only inferred is not confirmed,
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
        if summary.doubts:
            raise InvalidInput("bank.doubts_open", count=summary.doubts, field="understood")
        if summary.taken and not understood:
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
        by_hand = mapping_in(summary.adjusted)
        if by_hand is not None:
            file_map.keep_shape(session, check.bank_id, by_hand, check.file_name, now=now, actor=actor)
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
