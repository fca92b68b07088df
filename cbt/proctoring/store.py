"""Queries of the proctoring room; those of the board lie with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, case, func, or_, select
from sqlalchemy.orm import Session

from cbt.candidates.models import Registration
from cbt.errors import NotFound
from cbt.http.auth.login import Principal
from cbt.proctoring.models import Incident, UndoableAct
from cbt.rules.states import OVER, SittingState
from cbt.rules.violations import EVACUATION
from cbt.runner.models import Attempt, Gap, Message
from cbt.sittings.models import Room, RoomHold, RoomStaff, Sitting, SittingRoom
from cbt.sittings.store import RoomView, room_views, seat_counts, visible_rooms
from cbt.storage.prepared import PreparedSelect


def open_hold(session: Session, sitting_room_id: int) -> RoomHold | None:
    query = select(RoomHold).where(RoomHold.sitting_room_id == sitting_room_id, RoomHold.to_at.is_(None))
    return session.scalar(query.order_by(RoomHold.id.desc()).limit(1))


def incidents_of_registration(session: Session, registration_id: int) -> Sequence[Incident]:
    """Return everything the log says about one candidate, the newest first."""
    query = select(Incident).where(Incident.registration_id == registration_id)
    return session.scalars(query.order_by(Incident.at.desc(), Incident.id.desc())).all()


def has_incident(session: Session, sitting_room_id: int, kind: str, *, since: datetime) -> bool:
    query = select(Incident.id).where(
        Incident.sitting_room_id == sitting_room_id, Incident.kind == kind, Incident.at >= since
    )
    return session.scalar(query.limit(1)) is not None


def is_assigned(session: Session, sitting_room_id: int, staff_id: int) -> bool:
    query = select(RoomStaff.id).where(
        RoomStaff.sitting_room_id == sitting_room_id, RoomStaff.staff_id == staff_id
    )
    return session.scalar(query) is not None


def assigned_rooms(session: Session, staff_id: int) -> set[int]:
    return set(session.scalars(select(RoomStaff.sitting_room_id).where(RoomStaff.staff_id == staff_id)))


def evacuated_rooms(session: Session, sitting_room_ids: Sequence[int]) -> set[int]:
    """Return which of some rooms are held because they were evacuated."""
    last = (
        select(func.max(RoomHold.id))
        .where(RoomHold.sitting_room_id.in_(sitting_room_ids), RoomHold.to_at.is_(None))
        .group_by(RoomHold.sitting_room_id)
    )
    query = select(RoomHold.sitting_room_id)
    return set(session.scalars(query.where(RoomHold.id.in_(last), RoomHold.reason_code == EVACUATION)))


def armed_rooms(session: Session, *, now: datetime) -> Sequence[SittingRoom]:
    """Return the rooms the schedule should start: armed, not started, their planned start reached."""
    query = (
        select(SittingRoom)
        .join(Sitting, Sitting.id == SittingRoom.sitting_id)
        .where(
            SittingRoom.armed,
            SittingRoom.state.in_([SittingState.PUBLISHED, SittingState.ADMITTING]),
            Sitting.planned_start_at <= now,
        )
        .order_by(SittingRoom.id)
    )
    return session.scalars(query).all()


def not_ready_in(session: Session, sitting_room_id: int, *, cutoff_at: datetime) -> int:
    """Return how many who arrived in time are not in the waiting room yet (R-20)."""
    query = select(func.count()).select_from(Registration).where(*not_ready(sitting_room_id, cutoff_at))
    return session.scalar(query) or 0


def not_ready(sitting_room_id: Any, cutoff_at: Any) -> tuple[ColumnElement[bool], ...]:
    """Return what is so of a registration that keeps an armed room waiting; either may be a value of a query."""
    return (
        Registration.sitting_room_id == sitting_room_id,
        Registration.arrived_at < cutoff_at,
        Registration.absent_at.is_(None),
        Registration.pledged_at.is_(None),
    )


_FORMS = PreparedSelect(
    select(func.count(Registration.id).label("registered"), func.count(Attempt.id).label("drawn"))
    .select_from(Registration)
    .outerjoin(Attempt, Attempt.registration_id == Registration.id)
    .where(Registration.sitting_room_id == bindparam("room"))
)


def forms_of_room(session: Session, sitting_room_id: int) -> tuple[int, int]:
    """Return how many are registered in a sitting-room, and how many of them have no form yet. Source: R-43."""
    ((registered, drawn),) = _FORMS.rows(session, room=sitting_room_id)
    return registered, registered - drawn


def counts_of_rooms(session: Session, sitting_room_ids: Sequence[int]) -> Mapping[int, Mapping[str, int]]:
    """Return for each sitting-room how many are registered, arrived, signed in, handed in, absent."""
    query = (
        select(
            Registration.sitting_room_id,
            func.count().label("expected"),
            func.count(Registration.arrived_at).label("arrived"),
            func.count(Registration.signed_in_at).label("signed_in"),
            func.count(Registration.absent_at).label("absent"),
            func.count(Attempt.closed_at).label("closed"),
        )
        .outerjoin(Attempt, Attempt.registration_id == Registration.id)
        .where(Registration.sitting_room_id.in_(sitting_room_ids))
        .group_by(Registration.sitting_room_id)
    )
    return {row.sitting_room_id: row._asdict() for row in session.execute(query)}


def messages_of(session: Session, attempt_id: int) -> Sequence[Message]:
    """Return the 提醒 sent to one candidate with their receipts, the newest first."""
    query = select(Message).where(Message.attempt_id == attempt_id).order_by(Message.id.desc())
    return session.scalars(query).all()


def gap_in_room(session: Session, sitting_room_id: int, gap_id: int) -> tuple[Gap, Attempt]:
    """Return a disconnection with its attempt, both locked; raise NotFound for another room's."""
    query = (
        select(Gap, Attempt)
        .join(Attempt, Attempt.id == Gap.attempt_id)
        .where(Gap.id == gap_id, Attempt.sitting_room_id == sitting_room_id)
        .with_for_update()
    )
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound("proctoring.no_gap")
    return row[0], row[1]


def last_act_in(session: Session, sitting_room_id: int) -> int:
    """Return the id of the last act kept of a room; 0 for none."""
    query = select(func.max(UndoableAct.id)).where(UndoableAct.sitting_room_id == sitting_room_id)
    return session.scalar(query) or 0


@dataclass(frozen=True, slots=True)
class FreeRoom:
    """A room that a sitting-room could go on in, with its seats and how many of them have a machine."""

    room: Room
    seats: int
    bound: int


def free_rooms(
    session: Session, sitting_room_ref: str, *, until: datetime, lock: bool = False
) -> Sequence[FreeRoom]:
    """Return the rooms of the same centre that no sitting needs before `until`, by name; `lock` locks them.

    Source: R-7, R-16.
    """
    mine = session.scalars(select(SittingRoom).where(SittingRoom.ref == sitting_room_ref)).one()
    sitting = session.get_one(Sitting, mine.sitting_id)
    in_use = [SittingState.ADMITTING, SittingState.RUNNING, SittingState.HELD]
    soon = (SittingRoom.state == SittingState.PUBLISHED) & (Sitting.check_in_opens_at < until)
    needed = (
        select(SittingRoom.room_id)
        .join(Sitting, Sitting.id == SittingRoom.sitting_id)
        .where(or_(SittingRoom.sitting_id == sitting.id, SittingRoom.state.in_(in_use), soon))
    )
    query = (
        select(Room).where(Room.centre_id == sitting.centre_id, Room.id.not_in(needed)).order_by(Room.name)
    )
    rooms = session.scalars(query.with_for_update() if lock else query).all()
    counts = seat_counts(session, [room.id for room in rooms])
    return [
        FreeRoom(room, counts[room.id].seats, counts[room.id].bound) for room in rooms if room.id in counts
    ]


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
    query = select(func.count()).select_from(SittingRoom)
    query = query.join(Sitting, Sitting.id == SittingRoom.sitting_id)
    return session.scalar(query.where(*_seen_by(principal), *conditions)) or 0


def near_rooms(*, until: datetime) -> tuple[ColumnElement[bool], ...]:
    return SittingRoom.state.not_in(_OVER), Sitting.planned_start_at <= until


def _seen_by(principal: Principal) -> tuple[ColumnElement[bool], ...]:
    return SittingRoom.id.in_(visible_rooms(principal)), SittingRoom.state != SittingState.DRAFT.value
