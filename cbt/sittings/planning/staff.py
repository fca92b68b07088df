"""Who runs which room of a sitting."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.accounts.models import Staff
from cbt.audit.chain import record
from cbt.errors import Conflict, InvalidInput
from cbt.rules.states.sitting import SittingState
from cbt.sittings.models import Room, RoomStaff, Sitting, SittingRoom

CHIEF = "chief_proctor"
DUTIES = ("proctor", CHIEF)
_ATTENDED = frozenset(
    {SittingState.PUBLISHED, SittingState.ADMITTING, SittingState.RUNNING, SittingState.HELD}
)


def assign_staff(
    session: Session, room: SittingRoom, *, staff_id: int, duty: str, now: datetime, actor: str
) -> None:
    """Assign a person to a sitting-room as proctor or chief; a repeat changes the duty.

    Raise InvalidInput("sitting.duty"), Conflict("sitting.last_chief") for the only chief of a sitting from
    publishing to its end.

    Source: R-62.
    """
    if duty not in DUTIES:
        raise InvalidInput("sitting.duty", field="duty")
    found = session.scalar(
        select(RoomStaff).where(RoomStaff.sitting_room_id == room.id, RoomStaff.staff_id == staff_id)
    )
    if found is None:
        session.add(RoomStaff(sitting_room_id=room.id, staff_id=staff_id, duty=duty))
    else:
        if duty != CHIEF:
            _keep_a_chief(session, room, found)
        found.duty = duty
    after = {"staff_id": staff_id, "duty": duty}
    record(session, at=now, actor=actor, act="room.assign", subject=f"sitting_room:{room.ref}", after=after)


def release_staff(session: Session, room: SittingRoom, *, staff_id: int, now: datetime, actor: str) -> None:
    """Take a person off a sitting-room; a repeat changes nothing.

    Raise Conflict("sitting.last_proctor") for the last one of a room between publishing and its end, and
    ("sitting.last_chief") for the only chief of a sitting.

    Source: R-60, R-62.
    """
    # With the sitting locked, publishing sees the person gone, or this sees it published.
    session.get_one(Sitting, room.sitting_id, with_for_update=True)
    session.refresh(room)
    found = session.scalar(
        select(RoomStaff).where(RoomStaff.sitting_room_id == room.id, RoomStaff.staff_id == staff_id)
    )
    if found is not None:
        if SittingState(room.state) in _ATTENDED and not _others(session, room, staff_id):
            raise Conflict("sitting.last_proctor", room=session.get_one(Room, room.room_id).name)
        _keep_a_chief(session, room, found)
        session.delete(found)
        before = {"staff_id": staff_id, "duty": found.duty}
        record(
            session,
            at=now,
            actor=actor,
            act="room.unassign",
            subject=f"sitting_room:{room.ref}",
            before=before,
        )


def _others(session: Session, room: SittingRoom, staff_id: int) -> int:
    """Return how many others, whose accounts are not disabled, run a room."""
    query = (
        select(func.count())
        .select_from(RoomStaff)
        .join(Staff, Staff.id == RoomStaff.staff_id)
        .where(
            RoomStaff.sitting_room_id == room.id, RoomStaff.staff_id != staff_id, Staff.disabled_at.is_(None)
        )
    )
    return session.scalar(query) or 0


def _keep_a_chief(session: Session, room: SittingRoom, leaving: RoomStaff) -> None:
    """Raise Conflict("sitting.last_chief") when a published sitting would be left without one."""
    if leaving.duty != CHIEF or SittingState(room.state) not in _ATTENDED:
        return
    others = (
        select(RoomStaff.id)
        .join(Staff, Staff.id == RoomStaff.staff_id)
        .join(SittingRoom, SittingRoom.id == RoomStaff.sitting_room_id)
        .where(
            SittingRoom.sitting_id == room.sitting_id,
            RoomStaff.duty == CHIEF,
            RoomStaff.id != leaving.id,
            Staff.disabled_at.is_(None),
        )
    )
    if session.scalar(others.limit(1)) is None:
        raise Conflict("sitting.last_chief")
