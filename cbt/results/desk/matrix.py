"""The matrix of a sitting: fifty people a page, the best first, by the items they were asked, the easiest first.

What stands in it is read of the scores of those on the page. Which item is easier than another is told by
everybody's answers: that is worked out by a job and kept for a day, as the analysis is.

Source: R-54, R-96.
"""

from __future__ import annotations

import json
from array import array
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import msgspec
from sqlalchemy import Numeric, String, cast, func, select, type_coerce
from sqlalchemy.orm import Session

from cbt.blueprints.store import blueprint_of
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.results import store
from cbt.results.analysis.answers import answers_of, centres_of
from cbt.results.desk.paper import cell_mark
from cbt.rules.item_marks import ItemMark
from cbt.scoring.models import Score
from cbt.sittings.models import Room, Seat, Sitting, SittingRoom
from cbt.storage.page_span import PageSpan
from cbt.storage.unit_of_work import reading

PEOPLE, ITEMS = 50, 50
"""So many people, and so many items, are on a page."""
ItemKey = tuple[str, int | None]
"""An item and its part (0-based), None for one that has none."""


class Facility(msgspec.Struct, frozen=True):
    """Which part of its points an item gave to those who were asked it, and how many they were."""

    item: str
    part: int | None
    n: int
    share: float


class Facilities(msgspec.Struct, frozen=True):
    """The items of each paper of a sitting, by the paper's title, the easiest first."""

    papers: dict[str, list[Facility]]


def facilities_of(sitting_ref: str) -> Facilities:
    """Work out how easy each item of a sitting was, from everybody's answers. Source: R-96."""
    with reading() as session:
        places = centres_of(session, [store.finished_sitting(session, sitting_ref)])
    sums: defaultdict[str, dict[ItemKey, list[float]]] = defaultdict(dict)
    for answers in answers_of(places, by_rooms=True):
        item, earned, worth = array("i"), array("d"), array("d")
        for numbers, kept in ((item, answers.item), (earned, answers.earned), (worth, answers.worth)):
            numbers.frombytes(kept)
        totals = [[0, 0.0, 0.0] for _column in answers.items]
        for place, own, most in zip(item, earned, worth, strict=True):
            total = totals[place]
            total[0] += 1
            total[1] += own
            total[2] += most
        of_paper = sums[answers.title]
        for column, total in zip(answers.items, totals, strict=True):
            before = of_paper.setdefault((column.ref, column.part), [0, 0.0, 0.0])
            before[:] = [one + more for one, more in zip(before, total, strict=True)]
    return Facilities(
        {
            title: sorted(
                (
                    Facility(ref, part, int(n), own / most if most else 0.0)
                    for (ref, part), (n, own, most) in items.items()
                ),
                key=lambda one: (-one.share, one.item, one.part or 0),
            )
            for title, items in sums.items()
        }
    )


@dataclass(frozen=True, slots=True)
class MatrixPaper:
    """A paper of a sitting, for choosing: its blueprint version and code, and its title."""

    version_id: int
    code: str
    title: str


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """Somebody's marks, in the order of the columns; None where they were not asked the item."""

    ref: str
    name: str
    ticket: str
    seat: str
    score: Decimal | None
    marks: Sequence[ItemMark | None]
    right: int
    """How many of all their items they have right, also those on other pages."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """A page of the marks of a paper."""

    papers: Sequence[MatrixPaper]
    number: int
    """Which of the papers it is, from 1."""
    columns: Sequence[Facility]
    rows: Sequence[MatrixRow]
    people: PageSpan
    items: PageSpan

    @property
    def paper(self) -> MatrixPaper:
        return self.papers[self.number - 1]


def papers_of(session: Session, sitting_id: int) -> list[MatrixPaper]:
    """Return the papers of a sitting, in the order of its sheet."""
    query = (
        select(Registration.blueprint_version_id, Registration.paper)
        .where(Registration.sitting_id == sitting_id)
        .group_by(Registration.blueprint_ref, Registration.paper, Registration.blueprint_version_id)
        .order_by(
            Registration.blueprint_ref.desc(), Registration.paper.desc(), Registration.blueprint_version_id
        )
    )
    papers = []
    for version_id, code in session.execute(query):
        blueprint = blueprint_of(session, version_id)
        papers.append(MatrixPaper(version_id, code, f"{blueprint.level_name} {blueprint.papers[code].label}"))
    return papers


def matrix_of(
    session: Session, sitting: Sitting, facilities: Facilities, *, number: int, page: int, items: int
) -> Matrix | None:
    """Return a page of people and a page of items of a sitting's paper; None where nobody was registered.

    Source: R-54.
    """
    papers = papers_of(session, sitting.id)
    if not papers:
        return None
    number = min(number, len(papers))
    paper = papers[number - 1]
    conditions = (
        Registration.sitting_id == sitting.id,
        Registration.blueprint_version_id == paper.version_id,
        Registration.paper == paper.code,
        Score.id.is_not(None),
    )
    count = session.scalar(
        store.joined_rows(select(func.count()).select_from(Registration)).where(*conditions)
    )
    people = PageSpan(count or 0, PEOPLE, page)
    points = cast(type_coerce(Score.score, String), Numeric(10, 3))
    query = (
        store.joined_rows(
            select(
                Registration.ref,
                Candidate.name,
                AdmissionTicket.number,
                Room.name,
                Seat.number,
                Score.score,
                Score.sheet,
            ).select_from(Registration)
        )
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .join(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
        .join(Room, Room.id == SittingRoom.room_id)
        .join(Seat, Seat.id == Registration.seat_id)
        .where(*conditions)
        .order_by(points.desc().nulls_last(), Room.name, Seat.number, Registration.id)
        .limit(PEOPLE)
        .offset(people.offset)
    )
    told = [
        (*row[:6], {(one["item"], one["part"]): cell_mark(one) for one in json.loads(row[6])["positions"]})
        for row in session.execute(query)
    ]
    asked = {key for *_rest, marks in told for key in marks}
    listed = [one for one in facilities.papers.get(paper.title, ()) if (one.item, one.part) in asked]
    # Whoever is in question alone is in no figure: their items stand behind the others.
    known = {(one.item, one.part) for one in listed}
    listed += [
        Facility(item, part, 0, 0.0)
        for item, part in sorted(asked - known, key=lambda key: (key[0], key[1] or 0))
    ]
    columns = PageSpan(len(listed), ITEMS, items)
    shown = listed[columns.offset : columns.offset + ITEMS]
    return Matrix(
        papers,
        number,
        shown,
        [_row(row, shown) for row in told],
        people,
        columns,
    )


def _row(
    row: tuple[str, str, str, str, int, Decimal | None, Mapping[ItemKey, ItemMark]],
    columns: Sequence[Facility],
) -> MatrixRow:
    ref, name, ticket, room, seat, score, marks = row
    return MatrixRow(
        ref=ref,
        name=name,
        ticket=ticket,
        seat=f"{room} · {seat:02d}",
        score=score,
        marks=[marks.get((one.item, one.part)) for one in columns],
        right=sum(mark is ItemMark.RIGHT for mark in marks.values()),
    )
