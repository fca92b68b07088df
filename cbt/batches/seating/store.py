"""Queries of a batch's rooms: how many sit there, what is drawn, whether their seats were arranged."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from cbt.candidates.models import Registration
from cbt.delivery.models import Attempt
from cbt.rules.states.sitting import SittingState
from cbt.sittings.models import Batch, Room, Sitting, SittingRoom

CHANGEABLE = frozenset({SittingState.DRAFT, SittingState.PUBLISHED})
"""Later the proctors change seats, on their board."""


@dataclass(frozen=True, slots=True)
class BatchRoom:
    """A sitting-room of a batch, with how many sit there and how many forms are drawn for them."""

    sitting: Sitting
    sitting_room: SittingRoom
    room: Room
    people: int
    drawn: int


def _people() -> Select[int]:
    return select(func.count()).where(Registration.sitting_room_id == SittingRoom.id).correlate(SittingRoom)


def _drawn() -> Select[int]:
    return select(func.count()).where(Attempt.sitting_room_id == SittingRoom.id).correlate(SittingRoom)


def rooms_of_batch(session: Session, batch: Batch, *, limit: int, offset: int) -> tuple[list[BatchRoom], int]:
    """Return a page of the rooms of a batch's sittings that are not off, by start, and how many there are."""
    ours = (Sitting.batch_id == batch.id, Sitting.state != SittingState.CANCELLED.value)
    query = (
        select(Sitting, SittingRoom, Room, _people().scalar_subquery(), _drawn().scalar_subquery())
        .join(SittingRoom, SittingRoom.sitting_id == Sitting.id)
        .join(Room, Room.id == SittingRoom.room_id)
        .where(*ours)
        .order_by(Sitting.planned_start_at, Sitting.id, Room.name)
        .limit(limit)
        .offset(offset)
    )
    total = session.scalar(select(func.count(SittingRoom.id)).join(Sitting).where(*ours)) or 0
    return [BatchRoom(*row) for row in session.execute(query)], total


def to_arrange(session: Session, batch: Batch, *, limit: int) -> tuple[list[tuple[str, str]], int]:
    """Return rooms whose seats are still as the roster came, as sitting and room refs, and how many there are.

    Those with people, without a form, and before check-in opens.
    """
    waiting = (
        Sitting.batch_id == batch.id,
        SittingRoom.state.in_([state.value for state in CHANGEABLE]),
        SittingRoom.arranged_at.is_(None),
        _people().scalar_subquery() > 0,
        _drawn().scalar_subquery() == 0,
    )
    query = select(Sitting.ref, SittingRoom.ref).join(SittingRoom, SittingRoom.sitting_id == Sitting.id)
    ordered = query.where(*waiting).order_by(Sitting.planned_start_at, SittingRoom.id).limit(limit)
    count = select(func.count(SittingRoom.id)).join(Sitting, Sitting.id == SittingRoom.sitting_id)
    return [(sitting, room) for sitting, room in session.execute(ordered)], session.scalar(
        count.where(*waiting)
    ) or 0
