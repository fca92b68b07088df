"""What somebody of a batch can be registered for: its levels and papers, its rooms with free seats.

Source: R-7, R-16.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from cbt.candidates.models import Registration
from cbt.candidates.spacing import paper_span
from cbt.candidates.steps import PaperTerms
from cbt.exams.store import blueprint_of, current_versions
from cbt.rules.door.admission import Span, overlaps, too_close
from cbt.rules.door.changing import OPEN
from cbt.rules.exam.blueprint import ExamBlueprint, Paper
from cbt.sittings.models import Batch, BatchLevel, Centre, Room, Seat, Sitting, SittingRoom
from cbt.sittings.planning.purposes import is_official

_OPEN = [state.value for state in OPEN]


@dataclass(frozen=True, slots=True)
class LevelOffer:
    """A level of a batch: the version of its blueprint and the papers it examines."""

    version_id: int
    blueprint: ExamBlueprint
    papers: tuple[Paper, ...]

    @property
    def title(self) -> str:
        """Occupation and level."""
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


def _offer(session: Session, version_id: int, papers: Collection[str] | None) -> LevelOffer:
    blueprint = blueprint_of(session, version_id)
    found = [paper for paper in blueprint.papers.values() if papers is None or paper.code in papers]
    return LevelOffer(version_id, blueprint, tuple(found))


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
    busy, found = list(taken), dict[str, RoomOffer]()
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
            found[paper.code] = best
            busy.append(span)
            full[best.sitting_room.id] = full.get(best.sitting_room.id, 0) + 1
    return found


def free_seats(session: Session, sitting_room: SittingRoom) -> list[Seat]:
    """Return the seats of a room that nobody of the sitting has, by number, spare ones among them."""
    held = select(Registration.seat_id).where(Registration.sitting_room_id == sitting_room.id)
    query = select(Seat).where(Seat.room_id == sitting_room.room_id, Seat.id.not_in(held))
    return list(session.scalars(query.order_by(Seat.number)))
