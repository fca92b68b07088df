"""Queries of the board: one fixed set, whatever the number of seats."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Integer, Row, bindparam, func, or_, select
from sqlalchemy.orm import Session

from cbt.accounts.models import Staff
from cbt.audit.models import AuditHead
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.http.auth.throttle import LATELY_TRIED, TryCount, since_when, worth_a_look
from cbt.proctoring.models import AlertSeen, Incident, LeaveRecord, UndoableAct
from cbt.rules.clock import Pause
from cbt.rules.states import SittingState
from cbt.runner.models import Attempt, AttemptAdjustment, AttemptLive, AttemptSuspension, Gap, Message
from cbt.sittings.models import RoomStaff, Seat, Sitting, SittingRoom
from cbt.storage.prepared import PreparedSelect

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
    try_counts = [TryCount(*row) for row in _TRIED.rows(session, since=since_when(now))]
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


_INCIDENTS = PreparedSelect(
    select(*Incident.__table__.c)
    .where(Incident.sitting_room_id == bindparam("room"))
    .order_by(Incident.at.desc(), Incident.id.desc())
    .limit(bindparam("most", type_=Integer))
)


def incidents_of_room(session: Session, sitting_room_id: int, *, limit: int) -> Sequence[Incident]:
    """Return the latest lines of a room's log, the newest first."""
    return _INCIDENTS.rows(session, room=sitting_room_id, most=limit)


_SEEN = PreparedSelect(
    select(AlertSeen.seat_id, AlertSeen.kind, AlertSeen.mark).where(
        AlertSeen.sitting_room_id == bindparam("room")
    )
)


def alerts_seen(session: Session, sitting_room_id: int) -> Mapping[tuple[int, str], int]:
    """Return which alerts somebody has looked into: (seat id, kind) -> mark."""
    return {(seat_id, kind): mark for seat_id, kind, mark in _SEEN.rows(session, room=sitting_room_id)}


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
