"""Queries of the sittings room, and what a sitting is held for (正式, 试考, 练习) with what of it counts.

Whoever reads registrations, attempts or results for something of consequence puts `official_only` into the query,
or has `require_official` refuse the sitting.

Source: R-4, R-60.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, case, func, or_, select
from sqlalchemy.orm import Session

from cbt.accounts.models import Staff
from cbt.audit.chain import record
from cbt.errors import Conflict, NotFound
from cbt.http.auth.login import Principal
from cbt.rules.clock import LateRule, late_rule
from cbt.rules.roles import Role
from cbt.rules.states import Purpose, SittingState
from cbt.sittings.models import Batch, Centre, Room, RoomStaff, Seat, Sitting, SittingChange, SittingRoom

_OFFICIAL: Sequence[str] = tuple(one.value for one in Purpose if one.counts)


def official_only() -> ColumnElement[bool]:
    """Return what holds of the sittings whose results are of consequence, for a query that reads `Sitting`."""
    # Not IN: prepared statements take no lists.
    return or_(*(Sitting.purpose == purpose for purpose in _OFFICIAL))


def is_official(sitting: Sitting) -> bool:
    return Purpose(sitting.purpose).counts


def printed_purpose(purpose: str) -> str:
    """Return what stands on paper about a sitting that is no examination; "" for one that is."""
    return "" if Purpose(purpose).counts else str(_(f"sittings.purpose.{purpose}.printed"))


def require_official(sitting: Sitting) -> None:
    """Raise Conflict("sitting.not_official") for a sitting that has no results: a trial or practice."""
    if not is_official(sitting):
        raise Conflict("sitting.not_official", name=sitting.name)


def set_purpose(session: Session, sitting: Sitting, purpose: Purpose, *, now: datetime, actor: str) -> None:
    """Say what a draft is held for; raise Conflict("sitting.purpose_fixed") once it is published."""
    if sitting.state != SittingState.DRAFT:
        raise Conflict("sitting.purpose_fixed", field="purpose", name=sitting.name)
    before, sitting.purpose = sitting.purpose, purpose.value
    if before != purpose:
        record(
            session,
            at=now,
            actor=actor,
            act="sitting.purpose",
            subject=sitting.logged_as,
            before={"purpose": before},
            after={"purpose": purpose.value},
        )


SEES_ALL_ROOMS = frozenset({Role.CHIEF_PROCTOR, Role.OFFICER, Role.INSPECTOR, Role.ADMIN})
"""Roles that see every room; a proctor sees the rooms they are assigned to."""


@dataclass(frozen=True, slots=True)
class RoomView:
    """A sitting-room with what names it."""

    sitting_room: SittingRoom
    sitting: Sitting
    room: Room
    centre: Centre


@dataclass(frozen=True, slots=True)
class Duty:
    """A person assigned to a sitting-room."""

    sitting_room_id: int
    staff: Staff
    duty: str


@dataclass(frozen=True, slots=True)
class SeatCount:
    """How many seats a room has, how many of them are spare, how many are bound to a machine."""

    seats: int = 0
    spares: int = 0
    bound: int = 0
    alerts: int = 0


def visible_rooms(principal: Principal) -> Select[int]:
    """Return a query of the ids of the sitting-rooms this person may see.

    Source: R-62.
    """
    query = select(SittingRoom.id)
    if principal.kind == "staff" and principal.has(*SEES_ALL_ROOMS):
        return query
    staff_id = principal.subject_id if principal.kind == "staff" else None
    assigned = select(RoomStaff.sitting_room_id).where(RoomStaff.staff_id == staff_id)
    return query.where(SittingRoom.id.in_(assigned))


def room_for(session: Session, ref: str, principal: Principal, *, lock: bool = False) -> SittingRoom:
    """Return the room when this person may see it, held with `lock`; NotFound("sitting.room_unknown") otherwise."""
    query = select(SittingRoom).where(SittingRoom.ref == ref, SittingRoom.id.in_(visible_rooms(principal)))
    query = query.with_for_update(of=SittingRoom) if lock else query
    room = session.scalar(query, execution_options={"populate_existing": lock})
    if room is None:
        raise NotFound("sitting.room_unknown")
    return room


def room_views() -> Select[SittingRoom, Sitting, Room, Centre]:
    return (
        select(SittingRoom, Sitting, Room, Centre)
        .join(Sitting, Sitting.id == SittingRoom.sitting_id)
        .join(Room, Room.id == SittingRoom.room_id)
        .join(Centre, Centre.id == Room.centre_id)
    )


def room_view_for(session: Session, ref: str, principal: Principal) -> RoomView:
    """Return the sitting-room with its sitting, room and centre; raise NotFound like `room_for`."""
    query = room_views().where(SittingRoom.ref == ref, SittingRoom.id.in_(visible_rooms(principal)))
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound("sitting.room_unknown")
    return RoomView(*row)


def room_view_of(session: Session, ref: str) -> RoomView:
    """Return the same of a sitting-room that this person was found to see."""
    return RoomView(*session.execute(room_views().where(SittingRoom.ref == ref)).one())


def rooms_of_sitting(session: Session, sitting_id: int) -> list[RoomView]:
    query = room_views().where(SittingRoom.sitting_id == sitting_id).order_by(Room.name)
    return [RoomView(*row) for row in session.execute(query)]


def sitting_by_ref(session: Session, ref: str, *, lock: bool = False) -> Sitting:
    """Return the sitting, held against others who change it with `lock`; raise NotFound("sitting.unknown")."""
    sitting = Sitting.by_ref(session, ref, unknown="sitting.unknown")
    return hold_sitting(session, sitting.id) if lock else sitting


def hold_sitting(session: Session, sitting_id: int) -> Sitting:
    """Return a sitting as it is now, locked after its rooms (room_state.py says why in this order)."""
    rooms = select(SittingRoom).where(SittingRoom.sitting_id == sitting_id).order_by(SittingRoom.id)
    session.scalars(rooms.with_for_update().execution_options(populate_existing=True)).all()
    return session.get_one(Sitting, sitting_id, with_for_update=True, populate_existing=True)


def batch_by_ref(session: Session, ref: str) -> Batch:
    """Return the batch; raise NotFound("batch.unknown")."""
    return Batch.by_ref(session, ref, unknown="batch.unknown")


def batches(session: Session, *, limit: int, offset: int = 0) -> list[tuple[Batch, int]]:
    """Return batches with their number of sittings, the latest first."""
    counted = select(func.count()).where(Sitting.batch_id == Batch.id).correlate(Batch).scalar_subquery()
    query = select(Batch, counted).order_by(Batch.id.desc()).limit(limit).offset(offset)
    return [(batch, count) for batch, count in session.execute(query)]


def batch_count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Batch)) or 0


def centres(session: Session) -> Sequence[Centre]:
    return session.scalars(select(Centre).order_by(Centre.name)).all()


def centre_by_ref(session: Session, ref: str) -> Centre:
    """Return the centre; raise NotFound("centre.unknown")."""
    return Centre.by_ref(session, ref, unknown="centre.unknown")


def rooms_of_centre(session: Session, centre_id: int) -> Sequence[Room]:
    return session.scalars(select(Room).where(Room.centre_id == centre_id).order_by(Room.name)).all()


def rooms_by_centre(session: Session, centres: Iterable[Centre]) -> dict[str, list[Room]]:
    """Return the rooms of centres, by name: centre ref -> rooms."""
    refs = {centre.id: centre.ref for centre in centres}
    rooms: dict[str, list[Room]] = {ref: [] for ref in refs.values()}
    for room in session.scalars(select(Room).where(Room.centre_id.in_(refs)).order_by(Room.name)):
        rooms[refs[room.centre_id]].append(room)
    return rooms


def second_by_password(session: Session, sitting_id: int) -> bool:
    """Return whether the centre of a sitting lets a second person type their password at the first's browser."""
    query = select(Centre.second_by_password).join(Sitting, Sitting.centre_id == Centre.id)
    return session.scalars(query.where(Sitting.id == sitting_id)).one()


def room_by_ref(session: Session, ref: str) -> Room:
    """Return the room; raise NotFound("room.unknown")."""
    return Room.by_ref(session, ref, unknown="room.unknown")


def seats_of_room(session: Session, room_id: int) -> Sequence[Seat]:
    return session.scalars(select(Seat).where(Seat.room_id == room_id).order_by(Seat.number)).all()


def seat_counts(session: Session, room_ids: Sequence[int]) -> dict[int, SeatCount]:
    """Return the seat counts of rooms: room id -> counts."""
    query = (
        select(
            Seat.room_id,
            func.count(),
            func.sum(case((Seat.spare, 1), else_=0)),
            func.count(Seat.bound_at),
            func.count(Seat.claim_alert_at),
        )
        .where(Seat.room_id.in_(room_ids))
        .group_by(Seat.room_id)
    )
    return {row[0]: SeatCount(*row[1:]) for row in session.execute(query)}


def duties_of_sitting(session: Session, sitting_id: int) -> list[Duty]:
    """Return who is assigned to the rooms of a sitting, by name."""
    query = (
        select(RoomStaff.sitting_room_id, Staff, RoomStaff.duty)
        .join(Staff, Staff.id == RoomStaff.staff_id)
        .join(SittingRoom, SittingRoom.id == RoomStaff.sitting_room_id)
        .where(SittingRoom.sitting_id == sitting_id)
        .order_by(Staff.name)
    )
    return [Duty(*row) for row in session.execute(query)]


def room_counts(session: Session) -> dict[int, int]:
    """Return how many rooms each centre has: centre id -> rooms."""
    query = select(Room.centre_id, func.count()).group_by(Room.centre_id)
    return {row[0]: row[1] for row in session.execute(query)}


def late_rule_of(sitting: Sitting) -> LateRule:
    """Return how the cut-off of a sitting is told on what is printed. Source: R-11."""
    return late_rule(
        planned_start=sitting.planned_start_at,
        report_at=sitting.report_at,
        cutoff_at=sitting.late_cutoff_at,
    )


def changes_of(session: Session, sitting_ids: Collection[int]) -> dict[int, list[SittingChange]]:
    """Return how sittings were moved, withdrawn or cancelled, the latest first: sitting id -> changes."""
    query = select(SittingChange).where(SittingChange.sitting_id.in_(sitting_ids))
    changes: dict[int, list[SittingChange]] = {}
    for change in session.scalars(query.order_by(SittingChange.id.desc())) if sitting_ids else ():
        changes.setdefault(change.sitting_id, []).append(change)
    return changes


def former_starts(sitting: Sitting, changes: Iterable[SittingChange]) -> list[datetime]:
    """Return when a sitting was to start before it was moved (改期), the latest first, each once."""
    starts = (one.former_start_at for one in changes if one.former_start_at is not None)
    return [start for start in dict.fromkeys(starts) if start != sitting.planned_start_at]


def told_change(sitting: Sitting, changes: Sequence[SittingChange]) -> SittingChange | None:
    """Return the change that whoever sees a sitting is told of: why it is off, or a draft again, or moved.

    `changes` are the latest first.
    """
    last = {change.kind: change for change in reversed(changes)}
    if sitting.state == SittingState.CANCELLED:
        return last.get("cancel")
    if sitting.state == SittingState.DRAFT and changes and changes[0].kind == "withdraw":
        return changes[0]
    return last.get("move")
