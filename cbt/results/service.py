"""Score sheets for the office: the sittings that are over, their sheets on pages, on paper and as a file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from cbt.audit import chain, flood_limit
from cbt.results import retake_ledger as retake_store
from cbt.results import store
from cbt.results.models import Publication
from cbt.results.publicity.store import publications_of
from cbt.results.retake_ledger import Ledger
from cbt.results.sheet.page import (
    LinesFilter,
    ReleasePage,
    SheetPage,
    SheetRooms,
    release_page,
    room_sheet,
    sheet_page,
    sheet_rooms,
    whole_sheet,
)
from cbt.results.sheet.sitting import SittingSheet, sheet_of
from cbt.results.store import SittingLine
from cbt.sittings.models import Batch
from cbt.sittings.store import batches, second_by_password, sitting_by_ref
from cbt.storage.unit_of_work import reading

PAGE = 30
RECENT_BATCHES = 12


@dataclass(frozen=True, slots=True)
class Overview:
    """One page of the sittings that are over, and the latest batches; `to_correct` are sitting ids."""

    lines: list[SittingLine]
    pages: int
    batches: list[Batch]
    to_correct: set[int]
    shown: dict[int, Publication]
    """What is shown of those that are not released, by sitting."""


def overview(*, page: int) -> Overview:
    """Return the sittings that are over, the latest first, `PAGE` on a page."""
    with reading() as session:
        lines = store.sitting_lines(session, limit=PAGE, offset=(page - 1) * PAGE)
        pages = -(-store.sitting_count(session) // PAGE)
        recent = [batch for batch, _ in batches(session, limit=RECENT_BATCHES)]
        changed = store.changed_since_release(session, [line.sitting.id for line in lines])
        waiting = [line.sitting.id for line in lines if line.sitting.released_at is None]
        shown = publications_of(session, waiting)
    return Overview(lines, pages, recent, changed, shown)


def sheet_shown(sitting_ref: str, lines_filter: LinesFilter) -> SheetPage:
    """Return a page of the score sheet of a sitting that is over; raise like `sitting_sheet`."""
    with reading() as session:
        return sheet_page(session, store.finished_sitting(session, sitting_ref), lines_filter)


def release_shown(sitting_ref: str, *, rest: bool, on: date) -> ReleasePage:
    """Return what the release of a sitting that is over would be about; raise like `sitting_sheet`."""
    with reading() as session:
        return release_page(session, store.finished_sitting(session, sitting_ref), rest=rest, on=on)


def sitting_sheet(sitting_ref: str) -> SittingSheet:
    """Return the whole score sheet of a sitting that is over.

    Raise NotFound("sitting.unknown"), Conflict("results.not_over").
    """
    with reading() as session:
        return sheet_of(session, store.finished_sitting(session, sitting_ref))


def sheet_for_paper(sitting_ref: str, *, room: str = "") -> SittingSheet:
    """Return the score sheet of a sitting, or of a room of it, for paper; raise like `sitting_sheet`.

    Raise Conflict("results.print_by_room") for a sitting too large for one file, NotFound("print.nobody").
    """
    with reading() as session:
        return room_sheet(session, sitting_ref, room) if room else whole_sheet(session, sitting_ref)


def rooms_for_paper(sitting_ref: str) -> SheetRooms:
    """Return the rooms whose score sheets may be printed; raise like `sitting_sheet`."""
    with reading() as session:
        return sheet_rooms(session, sitting_ref)


def note_printed(
    session: Session, *, subject: str, now: datetime, actor: str, document: str = "score_sheet"
) -> None:
    """Put on record that somebody had a document of `subject` printed; a repeat is counted."""
    flood_limit.count(session, at=now, actor=actor, act=f"print.{document}", subject=subject)


def password_allowed(sitting_ref: str) -> bool:
    """Return whether the centre of a sitting lets a second person type their password here (R-62)."""
    with reading() as session:
        return second_by_password(session, sitting_by_ref(session, sitting_ref).id)


def for_export(sitting_ref: str) -> tuple[SittingSheet, Ledger]:
    """Return the score sheet and the ledger of its people, read on one snapshot; raise like `finished_sitting`."""
    with reading() as session:
        sheet = sheet_of(session, store.finished_sitting(session, sitting_ref))
        return sheet, retake_store.ledger_of(session, [line.row.candidate.id for line in sheet.lines])


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
