"""What lies too near: papers of one candidate, sittings of one room.

A span runs from the planned start to the longest individual deadline.

Source: R-7.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.candidates.models import Registration
from cbt.exams.store import paper_of
from cbt.rules.door.admission import Span, too_close
from cbt.rules.exam.paper import Paper
from cbt.rules.states.sitting import SittingState
from cbt.sittings.models import Room, Sitting, SittingRoom

_NEAR = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Booked:
    """A candidate's paper in a sitting that has not been cancelled."""

    candidate_id: int
    sitting: Sitting
    paper: str
    span: Span


@dataclass(frozen=True, slots=True)
class NearRoom:
    """Another sitting that comes within 15 minutes of this one in the same room."""

    room: Room
    sitting: Sitting
    ends_at: datetime
    overlapping: bool


def paper_span(start_at: datetime, paper: Paper, *, factor: Decimal, extra: timedelta) -> Span:
    """Return when a paper runs for one candidate, their accommodation included (R-30)."""
    ratio = Fraction(factor)
    length = paper.duration * ratio.numerator / ratio.denominator + extra
    return start_at, start_at + length


def _span_of(session: Session, registration: Registration, sitting: Sitting) -> Span:
    paper = paper_of(session, registration.blueprint_version_id, registration.paper)
    return paper_span(sitting.planned_start_at, paper, factor=registration.factor, extra=registration.extra)


def booked(session: Session, candidate_ids: Iterable[int]) -> list[Booked]:
    """Return the papers these candidates are registered for, cancelled sittings left out."""
    wanted = list(candidate_ids)
    if not wanted:
        return []
    query = (
        select(Registration, Sitting)
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .where(Registration.candidate_id.in_(wanted), Sitting.state != SittingState.CANCELLED.value)
    )
    return [
        Booked(
            registration.candidate_id, sitting, registration.paper, _span_of(session, registration, sitting)
        )
        for registration, sitting in session.execute(query)
    ]


def near_rooms(session: Session, sitting: Sitting) -> list[NearRoom]:
    """Return the sittings that come too near to this one in one of its rooms; rooms nobody sits in yet
    have no end and are left out.
    """
    rooms = select(SittingRoom.room_id).where(SittingRoom.sitting_id == sitting.id)
    query = (
        select(Registration, Sitting, Room)
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
        .join(Room, Room.id == SittingRoom.room_id)
        .where(
            SittingRoom.room_id.in_(rooms),
            SittingRoom.state != SittingState.CANCELLED.value,
            Sitting.planned_start_at.between(
                sitting.planned_start_at - _NEAR, sitting.planned_start_at + _NEAR
            ),
        )
    )
    spans: dict[tuple[int, int], tuple[Room, Sitting, Span]] = {}
    for registration, other, room in session.execute(query):
        start_at, end_at = _span_of(session, registration, other)
        known = spans.get((room.id, other.id))
        latest = end_at if known is None else max(end_at, known[2][1])
        spans[room.id, other.id] = (room, other, (start_at, latest))
    return sorted(
        (
            NearRoom(room, other, span[1], overlapping=span[0] < mine[1] and mine[0] < span[1])
            for (room_id, other_id), (room, other, span) in spans.items()
            if other_id != sitting.id and (own := spans.get((room_id, sitting.id))) is not None
            for mine in [own[2]]
            if too_close(mine, span)
        ),
        key=lambda near: (near.room.name, near.sitting.planned_start_at),
    )
