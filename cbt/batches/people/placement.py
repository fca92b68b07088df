"""Places for a person's papers: levels and rooms on offer, the first that fits, and rooms and seats held.

Nobody starts, fills or moves what is held. Rooms are locked before their sittings and both in the order of
their ids, as a start takes them.

Source: R-7, R-16, R-60.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from cbt.assembly.draw import DrawSources
from cbt.blueprints.store import blueprint_kept, blueprint_of, current_versions
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.candidates.registration import PaperTerms
from cbt.candidates.store import booked
from cbt.errors import Conflict, InvalidInput, NotFound
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.door import Span, overlaps, paper_span, too_close
from cbt.rules.exam import ExamBlueprint, Paper
from cbt.rules.planning.changes import OPEN, RegistrationChange, hindrance
from cbt.rules.states import SittingState
from cbt.runner.models import Attempt
from cbt.runner.paper.draw import attempt_of, is_begun, sources_for
from cbt.sittings.models import Batch, BatchLevel, Centre, Room, Seat, Sitting, SittingRoom
from cbt.sittings.store import is_official

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class LockedRoom:
    """A room of a sitting, locked."""

    sitting: Sitting
    sitting_room: SittingRoom
    room: Room


@dataclass(frozen=True, slots=True)
class LockedRegistration:
    """A registration, locked with its room, and what belongs to it."""

    registration: Registration
    candidate: Candidate
    ticket: AdmissionTicket
    seat: Seat
    place: LockedRoom
    attempt: Attempt | None

    def hindrance(self, change: RegistrationChange) -> str:
        """Return why this change is not the office's any more; "" when it is."""
        return hindrance(
            change,
            room=SittingState(self.place.sitting_room.state),
            met=is_met(self.registration),
            begun=is_begun(self.attempt),
        )

    def allow(self, change: RegistrationChange) -> None:
        """Raise Conflict("person.…") when this change is not the office's any more."""
        why = self.hindrance(change)
        if why:
            raise Conflict(f"person.{why}", sitting=self.place.sitting.name)


def is_met(registration: Registration) -> bool:
    """Return whether the door has a record of this person: arrived, absent or signed in."""
    facts = (registration.arrived_at, registration.checked_in_at, registration.absent_at)
    return any(at is not None for at in (*facts, registration.signed_in_at))


def hold_rooms(session: Session, batch: Batch, ids: Collection[int]) -> dict[int, LockedRoom]:
    """Lock rooms of a batch by their ids, then their sittings; raise NotFound("sitting.room_unknown")."""
    query = (
        select(SittingRoom)
        .where(SittingRoom.id.in_(ids))
        .order_by(SittingRoom.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    rooms = session.scalars(query).all()
    sittings = {
        one.id: one
        for one in session.scalars(
            select(Sitting)
            .where(Sitting.id.in_({room.sitting_id for room in rooms}), Sitting.batch_id == batch.id)
            .order_by(Sitting.id)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
    }
    if {room.id for room in rooms if room.sitting_id in sittings} != set(ids):
        raise NotFound("sitting.room_unknown")
    return {
        one.id: LockedRoom(sittings[one.sitting_id], one, session.get_one(Room, one.room_id)) for one in rooms
    }


def room_ids(session: Session, batch: Batch, refs: Collection[str]) -> dict[str, int]:
    """Return the ids of rooms of a batch by their refs; one of another batch is not among them."""
    query = (
        select(SittingRoom.ref, SittingRoom.id)
        .join(Sitting, Sitting.id == SittingRoom.sitting_id)
        .where(SittingRoom.ref.in_(refs), Sitting.batch_id == batch.id)
    )
    return {row[0]: row[1] for row in session.execute(query)}


def hold_paper(session: Session, batch: Batch, ref: str, *, target: int | None = None) -> LockedRegistration:
    """Lock a registration of a batch with its room, and the room it is to go to.

    Raise NotFound("registration.unknown"), Conflict("person.changed") when it was moved while this waited.
    """
    row = session.execute(
        select(Registration.id, Registration.sitting_room_id)
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .where(Registration.ref == ref, Sitting.batch_id == batch.id)
    ).one_or_none()
    if row is None:
        raise NotFound("registration.unknown")
    rooms = hold_rooms(session, batch, {row.sitting_room_id, target or row.sitting_room_id})
    registration = session.scalar(
        select(Registration)
        .where(Registration.id == row.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if registration is None or registration.sitting_room_id != row.sitting_room_id:
        raise Conflict("person.changed")
    return LockedRegistration(
        registration,
        session.get_one(Candidate, registration.candidate_id),
        session.get_one(AdmissionTicket, registration.ticket_id),
        session.get_one(Seat, registration.seat_id),
        rooms[registration.sitting_room_id],
        attempt_of(session, registration.id),
    )


def open_place(place: LockedRoom) -> None:
    """Raise Conflict("person.room_closed") for a room nobody can be given a seat in any more."""
    if SittingState(place.sitting_room.state) not in OPEN:
        raise Conflict("person.room_closed", field="room", sitting=place.sitting.name, room=place.room.name)


def holder_of(session: Session, place: LockedRoom, seat: Seat) -> Registration | None:
    return session.scalar(
        select(Registration).where(
            Registration.sitting_room_id == place.sitting_room.id, Registration.seat_id == seat.id
        )
    )


def seat_for(session: Session, place: LockedRoom, number: int | None, *, field: str = "seat") -> Seat:
    """Return a free seat of a locked room: that of this number, else the first that is no spare one.

    Raise InvalidInput("person.no_such_seat"|"person.seat_taken"), Conflict("person.no_seat").

    Source: R-16.
    """
    held = select(Registration.seat_id).where(Registration.sitting_room_id == place.sitting_room.id)
    seats = select(Seat).where(Seat.room_id == place.room.id)
    if number is not None:
        seat = session.scalar(seats.where(Seat.number == number))
        if seat is None:
            raise InvalidInput("person.no_such_seat", field=field, room=place.room.name, number=number)
        if holder_of(session, place, seat) is not None:
            raise InvalidInput("person.seat_taken", field=field, room=place.room.name, number=number)
        return seat
    free = seats.where(Seat.spare.is_(False), Seat.id.not_in(held)).order_by(Seat.number).limit(1)
    first = session.scalar(free)
    if first is None:
        raise Conflict("person.no_seat", field=field, sitting=place.sitting.name, room=place.room.name)
    return first


def seen_of(registration: Registration) -> str:
    """Return what shows, sent back with a form, whether a registration is still as its page showed it."""
    facts = [
        registration.ref,
        registration.blueprint_version_id,
        registration.paper,
        registration.kind,
        str(registration.factor),
        registration.extra // _SECOND,
        registration.accommodation_note,
        registration.tools,
        registration.sitting_room_id,
        registration.seat_id,
    ]
    return digest(canonical_json(facts))[:16]


def still_seen(registration: Registration, seen: str) -> None:
    """Raise Conflict("person.changed") when somebody changed a registration since its page was drawn."""
    if seen != seen_of(registration):
        raise Conflict("person.changed")


_OPEN = [state.value for state in OPEN]


@dataclass(frozen=True, slots=True)
class LevelOffer:
    """A level of a batch: the version of its blueprint and the papers it examines."""

    version_id: int
    blueprint: ExamBlueprint
    papers: tuple[Paper, ...]

    @property
    def title(self) -> str:
        return f"{self.blueprint.occupation_name} · {self.blueprint.level_name}"


@dataclass(frozen=True, slots=True)
class RoomOffer:
    """A room of a sitting that has not started, with the seats nobody has; spare ones are not counted."""

    sitting: Sitting
    sitting_room: SittingRoom
    room: Room
    centre: Centre
    free: int
    hosts: frozenset[tuple[int, str]]
    """(blueprint version, paper) that somebody sits in this sitting."""


def levels_of(session: Session, batch: Batch) -> list[LevelOffer]:
    """Return the levels of a batch; of one without a shape those it has people of, and those in force."""
    shape = session.scalars(
        select(BatchLevel).where(BatchLevel.batch_id == batch.id).order_by(BatchLevel.level)
    )
    offers = [_offer(session, row.blueprint_version_id, row.papers.split(",")) for row in shape]
    if offers:
        return offers
    used = (
        select(Registration.blueprint_version_id)
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .where(Sitting.batch_id == batch.id)
        .distinct()
    )
    versions = sorted(session.scalars(used)) + [one.id for one in current_versions(session)]
    offers = [_offer(session, version, None) for version in dict.fromkeys(versions)]
    return sorted(offers, key=lambda one: one.blueprint.level_code)


def draw_sources(version_id: int, papers: Collection[str]) -> DrawSources:
    """Return what forms of papers that were asked for are drawn from, read before the unit of work.

    Raise InvalidInput("person.no_paper") for a paper that the level does not have.
    """
    if not set(papers) <= blueprint_kept(version_id).papers.keys():
        raise InvalidInput("person.no_paper", field="paper")
    return sources_for(version_id, papers)


def _offer(session: Session, version_id: int, papers: Collection[str] | None) -> LevelOffer:
    blueprint = blueprint_of(session, version_id)
    offered = [paper for paper in blueprint.papers.values() if papers is None or paper.code in papers]
    return LevelOffer(version_id, blueprint, tuple(offered))


def rooms_of(session: Session, batch: Batch) -> list[RoomOffer]:
    """Return the rooms of a batch somebody can still be given a seat in, by planned start and name."""
    rows = session.execute(
        select(Sitting, SittingRoom, Room, Centre)
        .join(SittingRoom, SittingRoom.sitting_id == Sitting.id)
        .join(Room, Room.id == SittingRoom.room_id)
        .join(Centre, Centre.id == Room.centre_id)
        .where(Sitting.batch_id == batch.id, SittingRoom.state.in_(_OPEN))
        .order_by(Sitting.planned_start_at, Sitting.id, Room.name)
    ).all()
    seats = _counted(
        session,
        select(Seat.room_id, func.count())
        .where(Seat.room_id.in_({row[2].id for row in rows}), Seat.spare.is_(False))
        .group_by(Seat.room_id),
    )
    taken = _counted(
        session,
        select(Registration.sitting_room_id, func.count())
        .join(Seat, Seat.id == Registration.seat_id)
        .where(Registration.sitting_room_id.in_({row[1].id for row in rows}), Seat.spare.is_(False))
        .group_by(Registration.sitting_room_id),
    )
    hosts: dict[int, set[tuple[int, str]]] = {}
    papers = select(Registration.sitting_id, Registration.blueprint_version_id, Registration.paper)
    for sitting_id, version, paper in session.execute(
        papers.where(Registration.sitting_id.in_({row[0].id for row in rows})).distinct()
    ):
        hosts.setdefault(sitting_id, set()).add((version, paper))
    return [
        RoomOffer(
            sitting,
            sitting_room,
            room,
            centre,
            seats.get(room.id, 0) - taken.get(sitting_room.id, 0),
            frozenset(hosts.get(sitting.id, ())),
        )
        for sitting, sitting_room, room, centre in rows
    ]


def _counted(session: Session, query: Select[int, int]) -> dict[int, int]:
    return {row[0]: row[1] for row in session.execute(query)}


def suggested(
    rooms: Sequence[RoomOffer],
    level: LevelOffer,
    papers: Sequence[Paper],
    *,
    terms: PaperTerms,
    taken: Sequence[Span] = (),
) -> dict[str, RoomOffer]:
    """Return the first room that fits for each paper, by its code; a paper that fits nowhere is not among them.

    It has a free seat and does not overlap with what the person sits already, nor lie too near where another does
    not; a trial or practice is chosen by hand alone; a sitting in which others sit the same paper comes before the
    rest.

    Source: R-7.
    """
    busy, offers = list(taken), dict[str, RoomOffer]()
    full = dict[int, int]()
    for paper in papers:
        fitting = []
        for place, room in enumerate(rooms):
            span = paper_span(room.sitting.planned_start_at, paper, factor=terms.factor, extra=terms.extra)
            left = room.free - full.get(room.sitting_room.id, 0)
            if left <= 0 or room.sitting.mode not in paper.modes or not is_official(room.sitting):
                continue
            if any(overlaps(span, one) for one in busy):
                continue
            near = any(too_close(span, one) for one in busy)
            strange = (level.version_id, paper.code) not in room.hosts
            fitting.append(((near, strange, place), room, span))
        if fitting:
            _, best, span = min(fitting, key=lambda one: one[0])
            offers[paper.code] = best
            busy.append(span)
            full[best.sitting_room.id] = full.get(best.sitting_room.id, 0) + 1
    return offers


def free_seats(session: Session, sitting_room: SittingRoom) -> list[Seat]:
    """Return the seats of a room that nobody of the sitting has, by number, spare ones among them."""
    held = select(Registration.seat_id).where(Registration.sitting_room_id == sitting_room.id)
    query = select(Seat).where(Seat.room_id == sitting_room.room_id, Seat.id.not_in(held))
    return list(session.scalars(query.order_by(Seat.number)))


@dataclass(frozen=True, slots=True)
class PaperWish:
    """A paper and where it is to be taken: "" and None for the first place that fits."""

    paper: str
    room_ref: str = ""
    seat: int | None = None


def places_for(
    session: Session,
    batch: Batch,
    level: LevelOffer,
    wished: Sequence[PaperWish],
    *,
    terms: PaperTerms,
    candidate_id: int | None,
) -> dict[str, LockedRoom]:
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


def fits(place: LockedRoom, paper: Paper) -> None:
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
    offers = suggested(rooms, level, list(papers), terms=terms, taken=taken)
    for paper in papers:
        if paper.code not in offers:
            raise Conflict("person.no_place", field="paper", paper=paper.name)
    return {code: offer.sitting_room.id for code, offer in offers.items()}
