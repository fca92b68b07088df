"""Score sheets (成绩册) for the office: the sittings that are over, a sheet on pages, on paper and as a file.

A sheet is printed whole where it is not too long for one file, else a room at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, false, or_
from sqlalchemy.orm import Session

from cbt.audit import chain, flood_limit
from cbt.candidates.models import Registration
from cbt.candidates.prints import PrintableRoom, printable_rooms
from cbt.candidates.store import count_where, counts_of, found_by
from cbt.errors import Conflict, NotFound
from cbt.http.form_values import asked_text, page_of
from cbt.proctoring.hands import count_remarks
from cbt.results import store
from cbt.results.models import Publication
from cbt.results.publicity.publication import SittingPublicity, publicity_of
from cbt.results.publicity.store import publications_of
from cbt.results.retake_ledger import Ledger, fetched_ledgers
from cbt.results.sheet.outcome import JudgedEnd
from cbt.results.sheet.sitting import (
    PaperFigures,
    SheetLine,
    SittingFigures,
    SittingSheet,
    figures_of,
    lines_of,
    sheet_of,
    stored_sheet,
)
from cbt.results.store import SittingLine
from cbt.sittings.models import Batch, Sitting, SittingRoom
from cbt.sittings.store import batches
from cbt.storage.page_span import PageSpan
from cbt.storage.unit_of_work import reading

SITTINGS = 30
RECENT_BATCHES = 12
AT_ONCE = 500
"""So many lines are one file: two seconds of a processor, a third of the memory there is for it."""


@dataclass(frozen=True, slots=True)
class Overview:
    """One page of the sittings that are over, and the latest batches; `to_correct` are sitting ids."""

    lines: list[SittingLine]
    pages: int
    batches: list[Batch]
    analysed: list[Batch]
    """Those of them of which a sitting is over."""
    to_correct: set[int]
    shown: dict[int, Publication]
    """What is shown of those that are not released, by sitting."""
    appeals: int
    """How many appeals wait for a decision."""


def overview(*, page: int) -> Overview:
    """Return the sittings that are over, the latest first, `SITTINGS` on a page."""
    with reading() as session:
        lines = store.sitting_lines(session, limit=SITTINGS, offset=(page - 1) * SITTINGS)
        pages = -(-store.sitting_count(session) // SITTINGS)
        recent = [batch for batch, _ in batches(session, limit=RECENT_BATCHES)]
        over = store.batches_over(session, [batch.id for batch in recent])
        changed = store.changed_since_release(session, [line.sitting.id for line in lines])
        waiting = [line.sitting.id for line in lines if line.sitting.released_at is None]
        shown = publications_of(session, waiting)
        appeals = store.open_appeals(session)
    analysed = [batch for batch in recent if batch.id in over]
    return Overview(lines, pages, recent, analysed, changed, shown, appeals)


@dataclass(frozen=True, slots=True)
class SheetRooms:
    """The rooms of a sitting whose score sheet may be printed, each with how many lines it has."""

    sitting: Sitting
    rooms: list[PrintableRoom]


def rooms_for_paper(sitting_ref: str) -> SheetRooms:
    """Return the rooms of a sitting that is over; raise like `finished_sitting`."""
    with reading() as session:
        sitting = store.finished_sitting(session, sitting_ref)
        return SheetRooms(sitting, printable_rooms(session, sitting, counts_of(session, sitting.id)))


def sheet_for_paper(sitting_ref: str, *, room: str = "") -> SittingSheet:
    """Return the score sheet of a sitting, or of a room of it, for paper; raise like `finished_sitting`.

    Raise Conflict("results.print_by_room") beyond `AT_ONCE` people, NotFound("print.nobody").
    """
    with reading() as session:
        sitting = store.finished_sitting(session, sitting_ref)
        people = counts_of(session, sitting.id).all
        if not room and people > AT_ONCE:
            raise Conflict("results.print_by_room", count=people, most=AT_ONCE)
        sheet = sheet_of(session, sitting, room=room)
        if room and not sheet.papers:
            raise NotFound("print.nobody")
        return sheet


def note_printed(
    session: Session, *, subject: str, now: datetime, actor: str, document: str = "score_sheet"
) -> None:
    """Put on record that somebody had a document of `subject` printed; a repeat is counted."""
    flood_limit.count(session, at=now, actor=actor, act=f"print.{document}", subject=subject)


def for_export(sitting_ref: str) -> tuple[SittingSheet, Ledger]:
    """Return the score sheet and the ledger of its people, read on one snapshot; raise like `finished_sitting`."""
    with reading() as session:
        stored = stored_sheet(session, store.finished_sitting(session, sitting_ref))
        ledgers = fetched_ledgers(session, stored.sitting.id)
    return stored.judged(), ledgers()


def record_export(session: Session, sheet: SittingSheet, *, now: datetime, actor: str) -> None:
    """Put on record that somebody had the score sheet as a file."""
    chain.record(
        session,
        at=now,
        actor=actor,
        act="results.export",
        subject=f"sitting:{sheet.sitting.ref}",
        after={"people": len(sheet.lines), "released": sheet.release is not None},
    )


PAGE = 50
NAMED = 60
"""So many of those that a release is about are named."""


@dataclass(frozen=True, slots=True)
class LinesFilter:
    """Whose lines are looked for; `paper` is its place on the sheet from 1, `room` the ref of a sitting-room."""

    text: str = ""
    room: str = ""
    paper: str = ""
    page: int = 1

    @property
    def asked(self) -> dict[str, str]:
        """Return what narrows the list down, as it stands in an address."""
        pairs = {"q": self.text, "room": self.room, "paper": self.paper}
        return {name: value for name, value in pairs.items() if value}


def lines_asked(args: Mapping[str, str]) -> LinesFilter:
    return LinesFilter(asked_text(args), args.get("room", "")[:40], args.get("paper", "")[:40], page_of(args))


@dataclass(frozen=True, slots=True)
class SheetPage:
    """A page of a sitting's sheet: its figures, and of each paper the lines that are on the page."""

    sheet: SittingFigures
    listed: list[tuple[PaperFigures, tuple[SheetLine, ...]]]
    found: int
    page: int
    pages: int
    remarks: int
    """What candidates remarked on items."""

    @property
    def by_room(self) -> bool:
        """Whether it is printed a room at a time, for it is longer than what is made at once."""
        return sum(paper.people for paper in self.sheet.papers) > AT_ONCE


@dataclass(frozen=True, slots=True)
class ReleasePage:
    """What a release is about: the figures, and the first of the lines that are open, held or to be corrected."""

    sheet: SittingFigures
    named: list[SheetLine]
    publicity: SittingPublicity
    rest: bool
    """Whether it is about those who were left out of the first one."""

    @property
    def free(self) -> int:
        """How many of those who were left out nothing holds any more."""
        return self.sheet.held - len(self.publicity.holding)


def sheet_page(sitting_ref: str, lines_filter: LinesFilter) -> SheetPage:
    """Return a page of the sheet of a sitting that is over; its rows do not grow with the sitting.

    Raise like `finished_sitting`.
    """
    with reading() as session:
        return _sheet_page(session, store.finished_sitting(session, sitting_ref), lines_filter)


def _sheet_page(session: Session, sitting: Sitting, lines_filter: LinesFilter) -> SheetPage:
    elsewhere = store.violations_elsewhere(session, sitting.id)
    figures, alike = figures_of(session, sitting, elsewhere)
    papers = {(one.version_id, one.code): None for one in alike}
    paper_figures = dict(zip(papers, figures.papers, strict=True))
    conditions: list[ColumnElement[bool]] = []
    if lines_filter.text:
        conditions.append(found_by(lines_filter.text))
    if lines_filter.room:
        conditions.append(SittingRoom.ref == lines_filter.room)
    if lines_filter.paper.isdigit() and 0 < int(lines_filter.paper) <= len(paper_figures):
        version_id, code = list(paper_figures)[int(lines_filter.paper) - 1]
        conditions += [Registration.blueprint_version_id == version_id, Registration.paper == code]
    count = sum(one.people for one in alike)
    if conditions:
        count = count_where(session, Registration.sitting_id == sitting.id, *conditions)
    span = PageSpan(count, PAGE, lines_filter.page)
    rows = store.rows_of_sitting(session, sitting.id, *conditions, limit=PAGE, offset=span.offset)
    listed = [(paper_figures[paper], lines) for paper, lines in lines_of(session, sitting, rows, elsewhere)]
    remarks = count_remarks(session, sitting.id)
    return SheetPage(figures, listed, count, span.page, span.pages, remarks)


def release_page(sitting_ref: str, *, rest: bool, on: date) -> ReleasePage:
    """Return what a release of a sitting on a day, of the rest of it, or a correction, would be about.

    Raise like `finished_sitting`.
    """
    with reading() as session:
        return _release_page(session, store.finished_sitting(session, sitting_ref), rest=rest, on=on)


def _release_page(session: Session, sitting: Sitting, *, rest: bool, on: date) -> ReleasePage:
    elsewhere = store.violations_elsewhere(session, sitting.id)
    figures, alike = figures_of(session, sitting, elsewhere)
    rest = rest and figures.held > 0
    wanted = _open if figures.release is None else _unreleased if rest else _changed
    groups = [one for one in alike if wanted(one.judged)]
    either = or_(false(), *(one.found_by for one in groups[:NAMED]))
    rows = store.rows_of_sitting(session, sitting.id, either, limit=NAMED) if groups else []
    named = [line for _, lines in lines_of(session, sitting, rows, elsewhere) for line in lines]
    return ReleasePage(figures, named, publicity_of(session, sitting.id, on=on), rest)


def _unreleased(end: JudgedEnd) -> bool:
    return end.unreleased


def _changed(end: JudgedEnd) -> bool:
    return end.changed


def _open(end: JudgedEnd) -> bool:
    return end.open
