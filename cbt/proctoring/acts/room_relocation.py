"""整场换机房: a whole room goes on in another one, everybody at the number they had where that is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.candidates.models import Registration
from cbt.candidates.registration import give_seats, to_print_again
from cbt.errors import Conflict, InvalidInput
from cbt.proctoring.act import Act, ActRequest, ActResult, ActScope, Preview, read_reason
from cbt.proctoring.acts.room_hold import stop_clocks, take_back_hold
from cbt.proctoring.board.live import Board
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.desk import Desk, acting, kept, restored
from cbt.proctoring.store import FreeRoom, free_rooms
from cbt.rules.planning.changes import GoalSeat, reseated
from cbt.rules.states import SittingState
from cbt.rules.violations import OTHER
from cbt.runner import attempt_changes as delivery
from cbt.runner.attempt_changes import withdraw_permit
from cbt.runner.attempt_states import OVER
from cbt.runner.models import Attempt
from cbt.sittings.models import Room, Seat
from cbt.sittings.room_clock import lock_sitting
from cbt.sittings.service import set_room
from cbt.sittings.store import seats_of_room
from cbt.storage.unit_of_work import reading

CLOCKS = ("hold", "run")


@dataclass(frozen=True, slots=True)
class NewPlaces:
    """Who sits where in another room: everybody with the seat they get."""

    room: Room
    seats: tuple[tuple[SeatView, Seat], ...]

    @property
    def moved(self) -> tuple[tuple[SeatView, Seat], ...]:
        return tuple((seat, new) for seat, new in self.seats if seat.number != new.number)

    @property
    def unbound(self) -> tuple[int, ...]:
        """The numbers of seats they get that no machine stands at yet."""
        return tuple(new.number for _seat, new in self.seats if new.bound_at is None)


def _until(board: Board) -> datetime:
    """Return until when the room is needed, as far as anybody can tell."""
    ends = [seat.may_run_until for seat in board.seats if seat.may_run_until is not None]
    longest = max(
        (paper.duration for paper in board.papers), default=board.head.planned_start_at - board.head.report_at
    )
    return max((*ends, board.head.planned_start_at + longest))


def _places(session: Session, board: Board, goal: Room) -> NewPlaces:
    """Return who would sit where; raise Conflict("proctoring.relocate_seats") where the room has too few."""
    there = {seat.number: seat for seat in seats_of_room(session, goal.id)}
    wanted = reseated(
        (seat.number for seat in board.seats), (GoalSeat(seat.number, seat.spare) for seat in there.values())
    )
    if wanted is None:
        raise Conflict(
            "proctoring.relocate_seats",
            field="to_room",
            room=goal.name,
            people=len(board.seats),
            seats=len(there),
        )
    return NewPlaces(goal, tuple((seat, there[wanted[seat.number]]) for seat in board.seats))


def _chosen(rooms: Sequence[FreeRoom], ref: str) -> FreeRoom:
    """Return the room that was chosen; raise InvalidInput for one that is none, or is needed by others."""
    room = next((one for one in rooms if one.room.ref == ref), None)
    if room is None:
        raise InvalidInput("proctoring.relocate_room", field="to_room")
    return room


def _shown(preview: Preview) -> Mapping[str, object]:
    board, ref = preview.board, preview.form.get("to_room", "")
    with reading() as session:
        rooms = free_rooms(session, board.head.ref, until=_until(board))
        fitting = [one for one in rooms if one.seats >= len(board.seats)]
        goal = next((one for one in fitting if one.room.ref == ref), None)
        places = None if goal is None else _places(session, board, goal.room)
    return {"rooms": fitting, "places": places, "small": len(rooms) - len(fitting)}


def _relocate(request: ActRequest) -> ActResult:
    """整场换机房, before the start or in the middle: seats, and who may take a paper to a new machine, in one act.

    A running clock is held unless the form says otherwise; the room is resumed when everybody sits. Raise
    InvalidInput for no room that is free, Conflict("proctoring.relocate_seats") for one that is too small.

    Source: R-16, R-25, R-42.
    """
    now, reason = request.now, read_reason(request.form)
    clock = request.form.get("clock") or "hold"
    if clock not in CLOCKS:
        raise InvalidInput("proctoring.relocate_clock", field="clock")
    with acting(request) as desk:
        head = desk.board.head
        if not (head.open or head.admits):
            raise Conflict("proctoring.relocate_over")
        if desk.view.room.ref == request.form.get("to_room", ""):
            raise Conflict("proctoring.relocate_there")
        lock_sitting(desk.session, desk.room)
        rooms = free_rooms(desk.session, desk.room.ref, until=_until(desk.board), lock=True)
        places = _places(desk.session, desk.board, _chosen(rooms, request.form.get("to_room", "")).room)
        desk.hold_people(desk.board.seats)
        before: dict[str, Any] = {"room": desk.room.room_id, "to": places.room.id}
        if head.state is SittingState.RUNNING and clock == "hold":
            hold = stop_clocks(desk, from_at=now, reason_code=OTHER, reason=reason)
            before["hold"] = {"hold": hold.id, "at": kept(now), "counted": []}
        before["seats"] = [[seat.registration_id, seat.seat_id] for seat in desk.board.seats]
        before["permits"] = _permit(desk, reason)
        set_room(desk.session, desk.room, places.room)
        give_seats(desk.session, {seat.registration_id: new for seat, new in places.seats})
        if head.admits:
            to_print_again(desk.session, _tickets(desk), "place", now=now)
        _record(desk, places, reason, held="hold" in before)
        desk.remember([(None, before)])
        return desk.said()


def _permit(desk: Desk, reason: str) -> list[dict[str, Any]]:
    """Let everybody whose paper is not over go on at another machine; return what stood there."""
    permits = []
    for attempt in desk.attempts(desk.board.seats).values():
        if attempt.state in OVER:
            continue
        permits.append(
            {
                "attempt": attempt.id,
                "epoch": attempt.lease_epoch,
                "allowed": kept(attempt.move_allowed_at),
            }
        )
        delivery.allow_move(desk.session, attempt, now=desk.now, actor=desk.by.actor, reason=reason)
    return permits


def _tickets(desk: Desk) -> list[int]:
    query = select(Registration.ticket_id).where(Registration.sitting_room_id == desk.room.id)
    return list(desk.session.scalars(query))


def _record(desk: Desk, places: NewPlaces, reason: str, *, held: bool) -> None:
    former = desk.view.room.name
    desk.audit(
        "room.relocate",
        f"sitting_room:{desk.room.ref}",
        reason=reason,
        after={
            "former_room": former,
            "room": places.room.name,
            "people": len(places.seats),
            "new_seats": {seat.ref: f"{seat.number} → {new.number}" for seat, new in places.moved},
            "held": held,
        },
    )
    desk.log("relocate", room=former, to=places.room.name, count=str(len(places.seats)), reason=reason)


def _take_back(desk: Desk, before: dict[str, Any]) -> bool:
    """Go back to the former room while nobody has gone on at a machine of the new one; the clock goes on, too."""
    session = desk.session
    if desk.room.room_id != before["to"]:
        return False
    lock_sitting(session, desk.room)
    set_room(session, desk.room, session.get_one(Room, before["room"]))
    desk.hold_people(desk.board.seats)
    wanted = [one["attempt"] for one in before["permits"]]
    query = select(Attempt).where(Attempt.id.in_(wanted)).order_by(Attempt.id).with_for_update()
    attempts = {one.id: one for one in session.scalars(query.execution_options(populate_existing=True))}
    for permit in before["permits"]:
        attempt, allowed_at = attempts[permit["attempt"]], restored(permit["allowed"])
        if not withdraw_permit(session, attempt, was_allowed_at=allowed_at, epoch=permit["epoch"]):
            raise Conflict("proctoring.undo_moved_on")
    give_seats(session, {who: session.get_one(Seat, seat) for who, seat in before["seats"]})
    if "hold" in before and not take_back_hold(desk, before["hold"]):
        raise Conflict("proctoring.undo_moved_on")
    return True


ACTS = (
    Act(
        "relocate",
        ActScope.ROOM,
        _relocate,
        fields=("relocate", "reason"),
        shows=_shown,
        undo_room=_take_back,
        tone="main",
    ),
)
