"""Queries of the proctoring room; those of the board are one fixed set, whatever the number of seats."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Integer, Row, bindparam, case, func, or_, select
from sqlalchemy.orm import Session, aliased

from cbt.accounts.models import Staff
from cbt.audit.models import AuditHead
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.errors import NotFound
from cbt.http.auth.login import Principal
from cbt.http.auth.rate_limit import LONGEST
from cbt.http.auth.throttle import LATELY_TRIED, TryCount, worth_a_look
from cbt.proctoring.models import AlertSeen, GoSheet, Incident, LeaveRecord, RaisedHand, UndoableAct
from cbt.rules.clock import Pause
from cbt.rules.states import OVER, SittingState
from cbt.rules.violations import EVACUATION
from cbt.runner.models import Attempt, AttemptAdjustment, AttemptLive, AttemptSuspension, Gap, Message
from cbt.sittings.models import Room, RoomHold, RoomStaff, Seat, Sitting, SittingRoom
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
    """Return a disconnection with its attempt, both locked behind their person; NotFound for another room's."""
    of_room = Gap.id == gap_id, Attempt.sitting_room_id == sitting_room_id
    person = (
        select(Registration.id)
        .join(Attempt, Attempt.registration_id == Registration.id)
        .join(Gap, Gap.attempt_id == Attempt.id)
        .where(*of_room)
    )
    session.execute(person.with_for_update(of=Registration)).all()
    query = select(Gap, Attempt).join(Attempt, Attempt.id == Gap.attempt_id).where(*of_room).with_for_update()
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


_SEAT_COLUMNS = (
    Seat.id.label("seat_id"),
    Seat.number,
    Seat.spare,
    Seat.bound_at,
    Seat.undelivered,
    Seat.claim_alert_at,
    Seat.claim_hash,
    Seat.claim_address,
    Registration.id.label("registration_id"),
    Registration.ref.label("ref"),
    Registration.candidate_id,
    Registration.blueprint_version_id,
    Registration.paper,
    Registration.kind,
    Registration.factor,
    Registration.extra,
    Registration.arrived_at,
    Registration.checked_in_at,
    Registration.absent_at,
    Registration.signed_in_at,
    Registration.query_at,
    Registration.pledged_at,
    Registration.sign_in_allowed_at,
    Registration.left_at,
    Registration.violation_code,
    Registration.elsewhere_at,
    Registration.elsewhere_address,
    Candidate.name,
    AdmissionTicket.number.label("ticket"),
    Attempt.id.label("attempt_id"),
    Attempt.ref.label("attempt_ref"),
    Attempt.state.label("attempt_state"),
    Attempt.started_at,
    Attempt.closes_at,
    Attempt.open_unit,
    Attempt.closed_at,
    Attempt.closed_by,
    Attempt.move_allowed_at,
    func.length(AttemptLive.answered_map).label("places"),
    AttemptLive.blurs,
)
_NUMBERS = (AttemptLive.answered, AttemptLive.seen_at, AttemptLive.saved_at)
"""What saves and heartbeats change of a seat, and little else does: the last columns of its row."""
NUMBERS = len(_NUMBERS)

STILL = select(*_SEAT_COLUMNS)
"""The columns of a seat without its numbers, for whoever reads the two apart; it is never asked."""
ROWS = (
    select(*_SEAT_COLUMNS, *_NUMBERS)
    .select_from(Seat)
    .outerjoin(
        Registration,
        (Registration.seat_id == Seat.id) & (Registration.sitting_room_id == bindparam("sitting_room")),
    )
    .outerjoin(Candidate, Candidate.id == Registration.candidate_id)
    .outerjoin(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
    .outerjoin(Attempt, Attempt.registration_id == Registration.id)
    .outerjoin(AttemptLive, AttemptLive.attempt_id == Attempt.id)
    .where(Seat.room_id == bindparam("room"))
    .order_by(Seat.number)
)
"""Every open board asks this every two seconds: put together once."""
_ROWS, _TRIED = PreparedSelect(ROWS), PreparedSelect(LATELY_TRIED)


def board_rows(session: Session, sitting_room_id: int, room_id: int) -> Sequence[Row[Any]]:
    """Return every seat of the room with who sits there, their attempt and its presence, by number.

    Seats nobody of this sitting has come with NULLs: they are where a candidate can be moved to.
    """
    return _ROWS.rows(session, sitting_room=sitting_room_id, room=room_id)


def counters_of(session: Session, *, now: datetime) -> list[TryCount]:
    """Return what is guessed at too often just now, whatever it is. Source: R-14."""
    try_counts = [TryCount(*row) for row in _TRIED.rows(session, since=now - LONGEST)]
    return [one for one in try_counts if worth_a_look(one, now)]


_IN_ROOM = Attempt.sitting_room_id == bindparam("room")
_GRANTS = PreparedSelect(
    select(AttemptAdjustment.attempt_id, AttemptAdjustment.kind, AttemptAdjustment.amount)
    .join(Attempt, Attempt.id == AttemptAdjustment.attempt_id)
    .where(_IN_ROOM, AttemptAdjustment.withdrawn_at.is_(None))
)


def grants_of_room(session: Session, sitting_room_id: int) -> Mapping[int, Mapping[str, timedelta]]:
    """Return the time given to single candidates: attempt id -> kind -> sum."""
    sums: dict[int, dict[str, timedelta]] = defaultdict(dict)
    for attempt_id, kind, amount in _GRANTS.rows(session, room=sitting_room_id):
        sums[attempt_id][kind] = sums[attempt_id].get(kind, timedelta(0)) + amount
    return sums


PULSE = select(
    select(AuditHead.last_id).scalar_subquery(),
    select(func.max(Gap.id))
    .join(Attempt, Attempt.id == Gap.attempt_id)
    .where(Attempt.sitting_room_id == bindparam("room"))
    .scalar_subquery(),
    select(func.count(Message.delivered_at) + func.count(Message.read_at))
    .join(Attempt, Attempt.id == Message.attempt_id)
    .where(Attempt.sitting_room_id == bindparam("room"))
    .scalar_subquery(),
)
"""The log's last number, and what else tells whether more than seats changed.

What saves bring is no entry of the log: a silence that is over, the receipts of 提醒.
"""


_GAPS = PreparedSelect(
    select(*Gap.__table__.c)
    .join(Attempt, Attempt.id == Gap.attempt_id)
    .where(_IN_ROOM)
    .order_by(Gap.to_at.desc(), Gap.id.desc())
)


def gaps_of_room(session: Session, sitting_room_id: int) -> Sequence[Gap]:
    """Return the disconnections of a room's attempts, the latest first."""
    return _GAPS.rows(session, room=sitting_room_id)


_PAUSED = PreparedSelect(
    select(AttemptSuspension.attempt_id, AttemptSuspension.from_at, AttemptSuspension.to_at)
    .join(Attempt, Attempt.id == AttemptSuspension.attempt_id)
    .where(_IN_ROOM)
)
_OUT = PreparedSelect(
    select(Attempt.id, LeaveRecord.out_at, LeaveRecord.in_at)
    .join(LeaveRecord, LeaveRecord.registration_id == Attempt.registration_id)
    .where(_IN_ROOM)
)


def stood_in_room(session: Session, sitting_room_id: int) -> Mapping[int, Sequence[Pause]]:
    """Return when single candidates were paused or out of the room: attempt id -> spans."""
    spans: dict[int, list[Pause]] = defaultdict(list)
    for query in (_PAUSED, _OUT):
        for attempt_id, from_at, to_at in query.rows(session, room=sitting_room_id):
            spans[attempt_id].append(Pause(from_at, to_at))
    return spans


EVACUATED, COUNTERSIGNED = "evacuate", "countersign"
"""Kinds of lines: 紧急疏散, and that the chief stands for it."""
_SIGNED = aliased(Incident)
_INCIDENTS = PreparedSelect(
    select(
        *Incident.__table__.c,
        select(_SIGNED.kind)
        .where(
            _SIGNED.sitting_room_id == bindparam("room"),
            or_(_SIGNED.kind == EVACUATED, _SIGNED.kind == COUNTERSIGNED),
        )
        .order_by(_SIGNED.at.desc(), _SIGNED.id.desc())
        .limit(1)
        .scalar_subquery()
        .label("last_signed"),
    )
    .where(Incident.sitting_room_id == bindparam("room"))
    .order_by(Incident.at.desc(), Incident.id.desc())
    .limit(bindparam("most", type_=Integer))
)


def incidents_of_room(
    session: Session, sitting_room_id: int, *, limit: int
) -> tuple[Sequence[Incident], bool]:
    """Return the latest lines of a room's log, the newest first, and whether an evacuation is to be countersigned.

    It stays to be countersigned after the room was entered again, or ended. Source: R-62.
    """
    lines = _INCIDENTS.rows(session, room=sitting_room_id, most=limit)
    return lines, bool(lines) and lines[0].last_signed == EVACUATED


@dataclass(frozen=True, slots=True)
class SignedCheck:
    """What the last check of a room before its start said: its verdict, when, and how much it left open (R-20)."""

    go: bool
    at: datetime
    left_open: int


_CHECKED = PreparedSelect(
    select(GoSheet.go, GoSheet.at, GoSheet.found)
    .where(GoSheet.sitting_room_id == bindparam("room"))
    .order_by(GoSheet.id.desc())
    .limit(1)
)


def check_of_room(session: Session, sitting_room_id: int) -> SignedCheck | None:
    rows = _CHECKED.rows(session, room=sitting_room_id)
    checks = (SignedCheck(row.go, row.at, len(json.loads(row.found)["faults"])) for row in rows)
    return next(checks, None)


_SEEN = PreparedSelect(
    select(AlertSeen.seat_id, AlertSeen.kind, AlertSeen.mark).where(
        AlertSeen.sitting_room_id == bindparam("room")
    )
)


def alerts_seen(session: Session, sitting_room_id: int) -> Mapping[tuple[int, str], int]:
    """Return which alerts somebody has looked into: (seat id, kind) -> mark."""
    return {(seat_id, kind): mark for seat_id, kind, mark in _SEEN.rows(session, room=sitting_room_id)}


@dataclass(frozen=True, slots=True)
class HandUp:
    """A hand that is up: since when, for what, at which item as the candidate counts it."""

    at: datetime
    reason: str
    place: str


_HANDS_UP = PreparedSelect(
    select(RaisedHand.attempt_id, RaisedHand.at, RaisedHand.reason, RaisedHand.place).where(
        RaisedHand.sitting_room_id == bindparam("room"),
        RaisedHand.lowered_at.is_(None),
        RaisedHand.answered_at.is_(None),
    )
)


def hands_up(session: Session, sitting_room_id: int) -> Mapping[int, HandUp]:
    """Return the hands that are up in a room: attempt id -> hand."""
    return {row.attempt_id: HandUp(*row[1:]) for row in _HANDS_UP.rows(session, room=sitting_room_id)}


_UNDOABLE = PreparedSelect(
    select(*UndoableAct.__table__.c)
    .where(
        UndoableAct.sitting_room_id == bindparam("room"),
        UndoableAct.at > bindparam("since"),
        UndoableAct.undone_at.is_(None),
        UndoableAct.undoable,
    )
    .order_by(UndoableAct.at.desc(), UndoableAct.id.desc())
)


def undoable_acts(session: Session, sitting_room_id: int, *, since: datetime) -> Sequence[UndoableAct]:
    """Return the acts that can still be taken back, the newest first."""
    return _UNDOABLE.rows(session, room=sitting_room_id, since=since)


_PROCTORS = PreparedSelect(
    select(Staff.name)
    .join(RoomStaff, RoomStaff.staff_id == Staff.id)
    .where(RoomStaff.sitting_room_id == bindparam("room"))
    .order_by(RoomStaff.duty, RoomStaff.id)
)


def proctors_of_room(session: Session, sitting_room_id: int) -> Sequence[str]:
    """Return the names of those assigned to a sitting-room, chiefs first."""
    return [name for (name,) in _PROCTORS.rows(session, room=sitting_room_id)]


_NEXT_START = PreparedSelect(
    select(Sitting.planned_start_at)
    .join(SittingRoom, SittingRoom.sitting_id == Sitting.id)
    .where(
        SittingRoom.room_id == bindparam("room"),
        SittingRoom.id != bindparam("this"),
        or_(SittingRoom.state == SittingState.PUBLISHED, SittingRoom.state == SittingState.ADMITTING),
        Sitting.planned_start_at > bindparam("after"),
    )
    .order_by(Sitting.planned_start_at)
    .limit(1)
)


def next_start_in(session: Session, room: SittingRoom, *, after: datetime) -> datetime | None:
    rows = _NEXT_START.rows(session, room=room.room_id, this=room.id, after=after)
    return next((planned for (planned,) in rows), None)
