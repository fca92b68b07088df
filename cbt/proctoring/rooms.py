"""The sitting-rooms somebody sees, a page of them at a time."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from cbt.rules.states.sitting import OVER, SittingState
from cbt.sittings.models import Room, Sitting, SittingRoom
from cbt.sittings.store import RoomView, room_views, visible_rooms
from cbt.web.who.login import Principal

_OVER = [state.value for state in OVER]


def rooms_for(
    session: Session, principal: Principal, *conditions: ColumnElement[bool], limit: int, offset: int = 0
) -> list[RoomView]:
    """Return the sitting-rooms this person may see: those to come by planned start, then those that are over."""
    over = case((SittingRoom.state.in_(_OVER), 1), else_=0)
    coming = case((SittingRoom.state.not_in(_OVER), Sitting.planned_start_at))
    query = (
        room_views()
        .where(*_seen_by(principal), *conditions)
        .order_by(over, coming, Sitting.planned_start_at.desc(), Room.name, SittingRoom.id)
    )
    return [RoomView(*row) for row in session.execute(query.limit(limit).offset(offset))]


def count_rooms_for(session: Session, principal: Principal, *conditions: ColumnElement[bool]) -> int:
    """Return how many sitting-rooms `rooms_for` would find."""
    query = select(func.count()).select_from(SittingRoom)
    query = query.join(Sitting, Sitting.id == SittingRoom.sitting_id)
    return session.scalar(query.where(*_seen_by(principal), *conditions)) or 0


def near_rooms(*, until: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return what finds the rooms that are not over and were to start by `until`."""
    return SittingRoom.state.not_in(_OVER), Sitting.planned_start_at <= until


def _seen_by(principal: Principal) -> tuple[ColumnElement[bool], ...]:
    return SittingRoom.id.in_(visible_rooms(principal)), SittingRoom.state != SittingState.DRAFT.value
