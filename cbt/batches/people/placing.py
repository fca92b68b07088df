"""Where somebody takes a paper: the room that was asked for, else the first that fits; locked.

Source: R-7, R-16.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from cbt.batches.people.holding import HeldRoom, hold_rooms, open_place, room_ids
from cbt.batches.people.offers import LevelOffer, rooms_of, suggested
from cbt.candidates.spacing import booked, paper_span
from cbt.candidates.steps import PaperTerms
from cbt.errors import Conflict, InvalidInput, NotFound
from cbt.rules.exam.paper import Paper
from cbt.sittings.models import Batch


@dataclass(frozen=True, slots=True)
class WishedPaper:
    """A paper and where it is to be taken: "" and None for the first place that fits."""

    paper: str
    room_ref: str = ""
    seat: int | None = None


def places_for(
    session: Session,
    batch: Batch,
    level: LevelOffer,
    wished: Sequence[WishedPaper],
    *,
    terms: PaperTerms,
    candidate_id: int | None,
) -> dict[str, HeldRoom]:
    """Return the locked room of each paper, by its code.

    Raise InvalidInput("person.no_paper") for a paper that is none of the level's, NotFound("sitting.room_unknown"),
    Conflict("person.room_closed"|"person.no_place"), InvalidInput("person.paper_mode").

    Source: R-5, R-7.
    """
    papers = {paper.code: paper for paper in level.papers}
    if not wished or not {one.paper for one in wished} <= papers.keys():
        raise InvalidInput("person.no_paper", field="paper")
    ids = room_ids(session, batch, {one.room_ref for one in wished if one.room_ref})
    if any(one.room_ref not in ids for one in wished if one.room_ref):
        raise NotFound("sitting.room_unknown")
    chosen = {one.paper: ids[one.room_ref] for one in wished if one.room_ref}
    left = [papers[one.paper] for one in wished if not one.room_ref]
    if left:
        chosen |= _first_that_fit(session, batch, level, left, chosen, terms, candidate_id)
    held = hold_rooms(session, batch, set(chosen.values()))
    for code, place_id in chosen.items():
        fits(held[place_id], papers[code])
    return {code: held[place_id] for code, place_id in chosen.items()}


def fits(place: HeldRoom, paper: Paper) -> None:
    """Raise Conflict("person.room_closed") or InvalidInput("person.paper_mode") where a paper cannot be taken."""
    open_place(place)
    if place.sitting.mode not in paper.modes:
        raise InvalidInput("person.paper_mode", field="room", paper=paper.name, sitting=place.sitting.name)


def _first_that_fit(
    session: Session,
    batch: Batch,
    level: LevelOffer,
    papers: Collection[Paper],
    chosen: dict[str, int],
    terms: PaperTerms,
    candidate_id: int | None,
) -> dict[str, int]:
    rooms = rooms_of(session, batch)
    by_id = {one.sitting_room.id: one for one in rooms}
    taken = [] if candidate_id is None else [one.span for one in booked(session, [candidate_id])]
    for code, place_id in chosen.items():
        if place_id in by_id:
            start = by_id[place_id].sitting.planned_start_at
            paper = level.blueprint.papers[code]
            taken.append(paper_span(start, paper, factor=terms.factor, extra=terms.extra))
    found = suggested(rooms, level, list(papers), terms=terms, taken=taken)
    for paper in papers:
        if paper.code not in found:
            raise Conflict("person.no_place", field="paper", paper=paper.name)
    return {code: offer.sitting_room.id for code, offer in found.items()}
