"""What is known of the sheets of papers: one reader of pages, what was read on them and what people decided.

Source: R-81.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.paper_mode.models import MarkDecision, PaperPiece, ScannedPage
from cbt.rules.paper.reading import Box, MarkDoubt, PageReading
from cbt.runner.models import Attempt

Place = tuple[int, int]
"""A position and which of its rows or fields, from 0."""
_readings = msgspec.json.Decoder(PageReading)


@dataclass(frozen=True, slots=True)
class ReadRow:
    """A row of bubbles that a person must look at, or has."""

    page_ref: str
    place: Place
    box: Box
    read: tuple[int, ...]
    """What the reading would have taken."""
    doubt: MarkDoubt
    decided: tuple[int, ...] | None


@dataclass(slots=True)
class ReadSheet:
    """All scanned pages of one paper that count, and what stands on them."""

    attempt_id: int
    pages: dict[int, str] = field(default_factory=dict)
    """Which page, from 1: the ref of its scan."""
    expected: int = 0
    """The pages of the sheet that the person handed in; 0 where none is bound to them."""
    doubled: set[int] = field(default_factory=set)
    """Pages of which more than one scan counts: a person sets one aside."""
    doubts: dict[Place, ReadRow] = field(default_factory=dict)
    """The rows that were doubtful, decided or not."""
    marked: dict[Place, tuple[int, ...]] = field(default_factory=dict)
    """The bubbles that count as marked, decisions included."""
    written: dict[Place, str] = field(default_factory=dict)
    """The fields that something is written in, each with the ref of its page."""
    boxes: dict[Place, Box] = field(default_factory=dict)
    """Where each field lies on its page."""

    @property
    def missing(self) -> tuple[int, ...]:
        return tuple(page for page in range(1, self.expected + 1) if page not in self.pages)

    @property
    def open_doubts(self) -> list[ReadRow]:
        return [row for row in self.doubts.values() if row.decided is None]

    @property
    def is_whole(self) -> bool:
        """Whether all its pages were read and nothing on them waits for a person."""
        return bool(self.expected) and not (self.missing or self.doubled or self.open_doubts)


def read_sheets(session: Session, attempt_ids: Collection[int]) -> dict[int, ReadSheet]:
    """Return what is known of the sheet of each attempt (three queries, however many there are).

    Source: R-81.
    """
    sheets = {attempt_id: ReadSheet(attempt_id) for attempt_id in attempt_ids}
    pieces = session.execute(
        select(Attempt.id, PaperPiece.id, PaperPiece.pages)
        .join(PaperPiece, PaperPiece.registration_id == Attempt.registration_id)
        .where(Attempt.id.in_(sheets), PaperPiece.kind == "sheet", PaperPiece.state != "spoiled")
        .order_by(PaperPiece.id)
    ).all()
    owners: dict[int, int] = {}
    for attempt_id, piece_id, pages in pieces:
        owners[piece_id] = attempt_id
        sheets[attempt_id].expected = pages
    rows = session.execute(
        select(ScannedPage.id, ScannedPage.ref, ScannedPage.piece_id, ScannedPage.page, ScannedPage.reading)
        .where(
            ScannedPage.piece_id.in_(owners), ScannedPage.set_aside_at.is_(None), ScannedPage.problem == ""
        )
        .order_by(ScannedPage.id)
    ).all()
    decisions = decisions_on(session, [row.id for row in rows])
    for row in rows:
        if row.piece_id is None or row.page is None:
            continue
        _take(sheets[owners[row.piece_id]], row.page, row.ref, row.reading, decisions.get(row.id, {}))
    return sheets


def decisions_on(session: Session, page_ids: Collection[int]) -> Mapping[int, dict[Place, tuple[int, ...]]]:
    """Return what people decided last about rows of pages, by page."""
    decided: defaultdict[int, dict[Place, tuple[int, ...]]] = defaultdict(dict)
    query = (
        select(MarkDecision.page_id, MarkDecision.position, MarkDecision.part, MarkDecision.chosen)
        .where(MarkDecision.page_id.in_(page_ids))
        .order_by(MarkDecision.id)
    )
    for page_id, position, part, chosen in session.execute(query):
        decided[page_id][position, part] = places_of(chosen)
    return decided


def places_of(text: str) -> tuple[int, ...]:
    """Return the places that a decision names."""
    return tuple(int(place) for place in text.split(",") if place)


def _take(
    sheet: ReadSheet, page: int, ref: str, reading: str, decided: Mapping[Place, tuple[int, ...]]
) -> None:
    if page in sheet.pages:
        sheet.doubled.add(page)
        return
    sheet.pages[page] = ref
    on_page = page_reading(reading)
    boxes = {(position, part): box for position, part, box in on_page.boxes}
    for row in on_page.rows:
        place = (row.position, row.part)
        sheet.marked[place] = decided.get(place, row.chosen)
        if row.doubt is not None:
            sheet.doubts[place] = ReadRow(ref, place, boxes[place], row.chosen, row.doubt, decided.get(place))
    for one in on_page.fields:
        place = (one.position, one.part)
        sheet.boxes[place] = one.box
        if one.written:
            sheet.written[place] = ref


def page_reading(text: str) -> PageReading:
    """Return what was read on a page, as its row keeps it."""
    return _readings.decode(text)
