"""The start of a room: by hand (统一开考) or, of an armed room, by the schedule.

A start may go along with what others write, without a transaction of its own: what it was allowed by is asked
again by the statement that writes its line in the room's log.

Source: R-20, R-62.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Integer,
    String,
    UpdateBase,
    and_,
    bindparam,
    exists,
    insert,
    literal,
    or_,
    select,
    true,
)

from cbt.candidates.models import Registration
from cbt.errors import Conflict
from cbt.proctoring import store
from cbt.proctoring.act import (
    Act,
    ActRequest,
    ActResult,
    ActScope,
    By,
    HeadButton,
    Preview,
    runs_room,
    runs_rooms,
)
from cbt.proctoring.board.display import not_ready
from cbt.proctoring.board.live import Board
from cbt.proctoring.board.seat_state import SeatState
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.desk import acting, log_incident
from cbt.proctoring.models import Incident
from cbt.proctoring.readiness import read_readiness
from cbt.rules.canonical import canonical_json
from cbt.rules.states import SittingState
from cbt.runner.models import Attempt
from cbt.sittings import room_clock
from cbt.sittings.models import RoomStaff, Sitting, SittingRoom
from cbt.sittings.store import room_for, room_view_of
from cbt.storage.prepared import PreparedChange
from cbt.storage.types import UtcDateTime
from cbt.storage.unit_of_work import put_down_joined, reading, unit_of_work
from cbt.storage.write_queue.change_set import Rows, one_writes, put_down


def by_hand(room: SittingRoom, by: By, *, now: datetime) -> Rows:
    """Return that of somebody's start, while they run the room."""
    line = _line(room, by.actor, by.names, now)
    return _BY_HAND.of(staff=by.principal.subject_id, chief=by.chief, **line).rows(touches=1)


def by_schedule(room: SittingRoom, actor: str, *, cutoff_at: datetime, now: datetime) -> Rows:
    """Return that of an armed room, while it is armed and nobody who came in time keeps it waiting."""
    return _BY_SCHEDULE.of(cutoff=cutoff_at, **_line(room, actor, "", now)).rows(touches=1)


def _line(room: SittingRoom, actor: str, names: str, now: datetime) -> dict[str, object]:
    return {"room": room.id, "now": now, "by": actor, "params": canonical_json({"who": names})}


_ROOM = bindparam("room", type_=Integer)


def _noted(kind: str, *where: ColumnElement[bool]) -> UpdateBase:
    """Return what adds the line of a start to the room's log, while everybody there has a form."""
    line: dict[str, ColumnElement[Any]] = {
        "sitting_room_id": _ROOM,
        "at": bindparam("now", type_=UtcDateTime),
        "kind": literal(kind),
        "params": bindparam("params", type_=String),
        "by": bindparam("by", type_=String),
    }
    of_room = Registration.sitting_room_id == _ROOM
    drawn = exists().where(Attempt.registration_id == Registration.id)
    all_drawn = and_(exists().where(of_room), ~exists().where(of_room, ~drawn))
    return insert(Incident).from_select(list(line), select(*line.values()).where(all_drawn, *where))


_BY_HAND = PreparedChange(
    lambda _: _noted(
        "start",
        or_(
            bindparam("chief", type_=Boolean) == true(),
            exists().where(
                RoomStaff.sitting_room_id == _ROOM, RoomStaff.staff_id == bindparam("staff", type_=Integer)
            ),
        ),
    )
)
_BY_SCHEDULE = PreparedChange(
    lambda _: _noted(
        "start_armed",
        exists().where(SittingRoom.id == _ROOM, SittingRoom.armed),
        ~exists().where(*store.not_ready(_ROOM, bindparam("cutoff", type_=UtcDateTime))),
    )
)


SCHEDULER = "scheduler"


@dataclass(frozen=True, slots=True)
class Readiness:
    """应考 30 · 已到 28 · 已登录 27 · 未就绪 1, with the names."""

    expected: int
    arrived: int
    signed_in: int
    not_ready: tuple[SeatView, ...]
    missing: tuple[SeatView, ...]

    @property
    def figures(self) -> tuple[tuple[str, int], ...]:
        return (
            ("expected", self.expected),
            ("arrived", self.arrived),
            ("signed_in", self.signed_in),
            ("not_ready", len(self.not_ready)),
        )


def _readiness(board: Board) -> Readiness:
    """Return who would begin and who would not, were the room started now (R-20)."""
    here = [seat for seat in board.seats if seat.arrived_at is not None and seat.absent_at is None]
    return Readiness(
        expected=len(board.seats),
        arrived=len(here),
        signed_in=sum(1 for seat in here if seat.signed_in_at is not None),
        not_ready=tuple(seat for seat in here if not_ready(seat)),
        missing=tuple(seat for seat in board.seats if seat.state is SeatState.NOT_ARRIVED),
    )


def _forms_missing(board: Board) -> int:
    return sum(1 for seat in board.seats if seat.attempt_id is None)


def _shown(preview: Preview) -> Mapping[str, object]:
    """Show who would begin, what the room's check said, and what of it is open now (but for the server's part)."""
    with reading() as session:
        checked = read_readiness(session, room_view_of(session, preview.board.head.ref), now=preview.now)
    return {
        "ready": _readiness(preview.board),
        "forms_missing": _forms_missing(preview.board),
        "checked": checked,
        "hesitate": not (checked.last is not None and checked.last.go and checked.ready),
    }


def _start(request: ActRequest) -> ActResult:
    """统一开考: the room's clock starts now; who is not ready keeps the room's end.

    Raise Conflict while nobody is registered or somebody's form is not drawn, or when the room was started
    meanwhile.

    Source: R-20, R-22.
    """
    result = _start_along_with_others(request) if one_writes() else None
    if result is not None:
        return result
    with acting(request) as desk:
        registered, missing = store.forms_of_room(desk.session, desk.room.id)
        if not registered:
            raise Conflict("proctoring.nobody")
        if missing:
            raise Conflict("proctoring.forms_missing", count=missing)
        room_clock.start_room(desk.session, desk.room, now=request.now, actor=request.by.actor)
        desk.log("start")
        return desk.said()


def _start_along_with_others(request: ActRequest) -> ActResult | None:
    """Start the room without a transaction of one's own; None where it has to be looked at in one.

    What is read before is asked again by what writes: where a form is missing by then, the room is another's or
    evacuated, nothing is written.
    """
    by = request.by
    if not runs_rooms(by.principal) or by.second is not None:
        return None
    with reading() as session:
        room = room_for(session, request.room_ref, by.principal)
        registered, missing = store.forms_of_room(session, room.id)
        if not runs_room(session, room, by.principal) or not registered or missing:
            return None
        going = room_clock.starting_along(room, now=request.now, actor=by.actor)
        noted = by_hand(room, by, now=request.now)
    if going is None or not put_down_joined(*going.rows, noted, lines=[going.line]):
        return None
    return ActResult(request.act.code)


ACTS = (
    Act(
        "start",
        ActScope.ROOM,
        _start,
        fields=("start",),
        shows=_shown,
        blocked=lambda preview: _forms_missing(preview.board) > 0,
        final="start",
        tone="main",
        head=HeadButton(10, lambda head: head.admits and not head.evacuated, kind="main"),
    ),
)


def start_armed_rooms(*, now: datetime) -> int:
    """Start the armed rooms whose planned start has come; return how many this call started.

    A room waits, with one alert in its log, while somebody's form is not drawn or somebody who arrived in time is
    not in the waiting room. One that nobody is registered in does not start.

    Source: R-20.
    """
    with reading() as session:
        due = [room.id for room in store.armed_rooms(session, now=now)]
    return sum(_start_armed(room_id, now=now) for room_id in due)


def _start_armed(room_id: int, *, now: datetime) -> int:
    if one_writes() and _start_armed_along(room_id, now=now):
        return 1
    with unit_of_work() as session:
        room = session.scalars(select(SittingRoom).where(SittingRoom.id == room_id).with_for_update()).one()
        if (
            room.state not in {SittingState.PUBLISHED, SittingState.ADMITTING}
            or not room.armed
            or room.evacuated_at
        ):
            return 0
        sitting = session.get_one(Sitting, room.sitting_id)
        registered, waiting = store.forms_of_room(session, room.id)
        if not registered:
            return 0
        kind = "start_forms"
        if not waiting:
            kind, waiting = (
                "start_waits",
                store.not_ready_in(session, room.id, cutoff_at=sitting.late_cutoff_at),
            )
        if waiting:
            if not store.has_incident(session, room.id, kind, since=sitting.planned_start_at):
                params = {"count": str(waiting), "who": ""}
                log_incident(session, sitting_room_id=room.id, kind=kind, at=now, by=SCHEDULER, params=params)
            return 0
        room_clock.start_room(session, room, now=now, actor=SCHEDULER)
        log_incident(
            session, sitting_room_id=room.id, kind="start_armed", at=now, by=SCHEDULER, params={"who": ""}
        )
        return 1


def _start_armed_along(room_id: int, *, now: datetime) -> bool:
    """Start an armed room along with what others write; return whether it was: else a transaction looks why."""
    with reading() as session:
        room = session.get_one(SittingRoom, room_id)
        cutoff_at = session.get_one(Sitting, room.sitting_id).late_cutoff_at
        registered, missing = store.forms_of_room(session, room.id)
        if not registered or missing or store.not_ready_in(session, room.id, cutoff_at=cutoff_at):
            return False
        going = room_clock.starting_along(room, now=now, actor=SCHEDULER)
        noted = by_schedule(room, SCHEDULER, cutoff_at=cutoff_at, now=now)
    return going is not None and put_down(*going.rows, noted, lines=[going.line])
