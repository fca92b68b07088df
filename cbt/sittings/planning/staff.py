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

DUTIES = ("proctor", "chief_proctor")
_ATTENDED = frozenset(
    {SittingState.PUBLISHED, SittingState.ADMITTING, SittingState.RUNNING, SittingState.HELD}
)


def assign_staff(
    session: Session, room: SittingRoom, *, staff_id: int, duty: str, now: datetime, actor: str
) -> None:
    """Assign a person to a sitting-room as proctor or chief; a repeat changes the duty.

    Raise InvalidInput("sitting.duty").
    """
    if duty not in DUTIES:
        raise InvalidInput("sitting.duty", field="duty")
    found = session.scalar(
        select(RoomStaff).where(RoomStaff.sitting_room_id == room.id, RoomStaff.staff_id == staff_id)
    )
    if found is None:
        session.add(RoomStaff(sitting_room_id=room.id, staff_id=staff_id, duty=duty))
    else:
        found.duty = duty
    after = {"staff_id": staff_id, "duty": duty}
    record(session, at=now, actor=actor, act="room.assign", subject=f"sitting_room:{room.ref}", after=after)


def release_staff(session: Session, room: SittingRoom, *, staff_id: int, now: datetime, actor: str) -> None:
    """Take a person off a sitting-room; a repeat changes nothing.

    Raise Conflict("sitting.last_proctor") for the last one of a room between publishing and its end.

    Source: R-60.
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
