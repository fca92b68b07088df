"""Queries of a room's papers: everything the board cuts short, in the order it happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.accounts.models import Staff
from cbt.delivery.models import Attempt, AttemptAdjustment
from cbt.proctoring.models import GrantedTime, Incident, InspectorComment, LeaveRecord
from cbt.sittings.models import RoomAdjustment, RoomHold, RoomStaff


def incidents(session: Session, sitting_room_id: int) -> Sequence[Incident]:
    """Return every line of a room's log, the first one first."""
    query = select(Incident).where(Incident.sitting_room_id == sitting_room_id)
    return session.scalars(query.order_by(Incident.at, Incident.id)).all()


def comments(session: Session, sitting_room_id: int) -> Sequence[InspectorComment]:
    """Return what inspectors noted about a room, with the chief's answers, in their order."""
    query = select(InspectorComment).where(InspectorComment.sitting_room_id == sitting_room_id)
    return session.scalars(query.order_by(InspectorComment.id)).all()


def holds(session: Session, sitting_room_id: int) -> Sequence[RoomHold]:
    """Return when the whole room stood still."""
    query = select(RoomHold).where(RoomHold.sitting_room_id == sitting_room_id)
    return session.scalars(query.order_by(RoomHold.from_at, RoomHold.id)).all()


def given_to_room(session: Session, sitting_room_id: int) -> Sequence[RoomAdjustment]:
    """Return what the whole room was given."""
    query = select(RoomAdjustment).where(RoomAdjustment.sitting_room_id == sitting_room_id)
    return session.scalars(query.order_by(RoomAdjustment.at, RoomAdjustment.id)).all()


def given_to_people(session: Session, sitting_room_id: int) -> Sequence[tuple[AttemptAdjustment, int]]:
    """Return what single candidates were given: the adjustment and whose registration."""
    query = (
        select(AttemptAdjustment, Attempt.registration_id)
        .join(Attempt, Attempt.id == AttemptAdjustment.attempt_id)
        .where(Attempt.sitting_room_id == sitting_room_id)
        .order_by(AttemptAdjustment.at, AttemptAdjustment.id)
    )
    return [(one, registration_id) for one, registration_id in session.execute(query)]


def seconds_of(session: Session, sitting_room_id: int) -> Mapping[tuple[int | None, datetime], str]:
    """Return who signed together with whoever gave time: (registration or None for the room, when) -> actor."""
    query = select(GrantedTime.registration_id, GrantedTime.at, GrantedTime.second).where(
        GrantedTime.sitting_room_id == sitting_room_id, GrantedTime.second.is_not(None)
    )
    return {(row.registration_id, row.at): row.second for row in session.execute(query)}


def leaves(session: Session, registration_ids: Sequence[int]) -> Sequence[LeaveRecord]:
    """Return who went out under escort, and when they were back."""
    query = select(LeaveRecord).where(LeaveRecord.registration_id.in_(registration_ids))
    return session.scalars(query.order_by(LeaveRecord.out_at, LeaveRecord.id)).all()


def staff_of(session: Session, sitting_room_id: int) -> Sequence[tuple[str, str]]:
    """Return (name, duty) of those assigned to a room, by duty and name."""
    query = (
        select(Staff.name, RoomStaff.duty)
        .join(RoomStaff, RoomStaff.staff_id == Staff.id)
        .where(RoomStaff.sitting_room_id == sitting_room_id)
        .order_by(RoomStaff.duty, Staff.name)
    )
    return [(name, duty) for name, duty in session.execute(query)]
