"""What moving a sitting does to it and to its people, in the session of whoever previews it or does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.batches.checks.concern import Concern
from cbt.batches.checks.reading import checks_of_sitting
from cbt.batches.moving.told import Told, told_of
from cbt.batches.seating.cases import drawn_in
from cbt.candidates.models import Candidate, Registration
from cbt.candidates.seating.room import seated_room
from cbt.candidates.steps import give_seats
from cbt.errors import Conflict, InvalidInput
from cbt.rules.planning.beside import alike
from cbt.rules.planning.moving import GoalSeat, reseated, unmovable
from cbt.rules.states.sitting import SittingState
from cbt.sittings import store
from cbt.sittings.models import Room, Seat, Sitting, SittingRoom
from cbt.sittings.planning.changing import set_room, set_time
from cbt.web.texts import required


@dataclass(frozen=True, slots=True)
class MoveWish:
    """Where a sitting is to be: `rooms` are refs of rooms by those of the sitting's rooms, `reason` is why."""

    name: str
    start_at: datetime
    rooms: Mapping[str, str]
    reason: str


@dataclass(frozen=True, slots=True)
class NewSeat:
    """Somebody whose seat has another number in another room."""

    name: str
    registration_ref: str
    room: str
    former: int
    number: int


@dataclass(frozen=True, slots=True)
class MovedPlan:
    """What a move does: what was and what will be, who sits elsewhere, who must hear, what speaks against it."""

    sitting: Sitting
    former_name: str
    former_start_at: datetime
    rooms: tuple[tuple[str, str], ...]
    """Former and new name of each room that changes."""
    new_seats: tuple[NewSeat, ...]
    kept_seats: int
    told: Told
    concerns: tuple[Concern, ...]
    """What speaks against the plan after the move and did not before."""

    @property
    def moved_in_time(self) -> bool:
        """Whether it starts at another instant."""
        return self.former_start_at != self.sitting.planned_start_at

    @property
    def stops(self) -> list[Concern]:
        """What the move cannot be done with."""
        return [one for one in self.concerns if one.stops]


def carry_out(session: Session, sitting: Sitting, wish: MoveWish, *, now: datetime) -> MovedPlan:
    """Move a sitting that is locked, and say what that does; forms, people, staff and armed rooms stay.

    Raise Conflict("moving.admitting"|"moving.running"|"moving.over"|"moving.nothing"|"moving.seats"),
    InvalidInput for a name, a time or a room that cannot be.

    Source: R-7, R-11, R-16, R-60.
    """
    may_change(sitting, now=now)
    before = {_seen(one) for one in checks_of_sitting(session, sitting)}
    former_name, former_start_at = sitting.name, sitting.planned_start_at
    sitting.name = required(wish.name, "sitting.name", "name")
    set_time(sitting, wish.start_at, now=now)
    alike_before = _same_cases(session, sitting, wish.rooms)
    rooms, new_seats, kept = _move_rooms(session, sitting, wish.rooms)
    session.flush()
    if not rooms and sitting.name == former_name and sitting.planned_start_at == former_start_at:
        raise Conflict("moving.nothing", field="start")
    concerns = [one for one in checks_of_sitting(session, sitting) if _seen(one) not in before]
    concerns += _cases_meet(session, sitting, alike_before)
    return MovedPlan(
        sitting=sitting,
        former_name=former_name,
        former_start_at=former_start_at,
        rooms=tuple(rooms),
        new_seats=tuple(new_seats),
        kept_seats=kept,
        told=told_of(session, sitting),
        concerns=tuple(concerns),
    )


def may_change(sitting: Sitting, *, now: datetime) -> None:
    """Raise Conflict("moving.admitting"|"moving.running"|"moving.over") once it is too late. Source: R-60."""
    why = unmovable(SittingState(sitting.state), check_in_opens_at=sitting.check_in_opens_at, now=now)
    if why is not None:
        raise Conflict(f"moving.{why.value}", at=sitting.check_in_opens_at)


def _same_cases(session: Session, sitting: Sitting, wished: Mapping[str, str]) -> dict[str, int]:
    """Return how many pairs of neighbours have one skills case in the rooms a move is about, by their refs."""
    views = {view.sitting_room.ref: view for view in store.rooms_of_sitting(session, sitting.id)}
    changed = [ref for ref, room in wished.items() if ref in views and views[ref].room.ref != room]
    return {ref: _pairs(session, sitting, ref) for ref in changed}


def _pairs(session: Session, sitting: Sitting, ref: str) -> int:
    room = seated_room(session, sitting, ref)
    return len(alike(room.board(drawn_in(session, room).cases), room.plan).cases)


def _cases_meet(session: Session, sitting: Sitting, before: Mapping[str, int]) -> list[Concern]:
    """Return where neighbours of another room have one case, who had not: forms stay with their people. R-8."""
    names = {view.sitting_room.ref: view.room.name for view in store.rooms_of_sitting(session, sitting.id)}
    return [
        Concern("cases_beside", sitting.ref, {"room": names[ref], "pairs": pairs})
        for ref in before
        if (pairs := _pairs(session, sitting, ref)) > before[ref]
    ]


def _seen(concern: Concern) -> tuple[str, str]:
    return concern.code, concern.text


def _move_rooms(
    session: Session, sitting: Sitting, wished: Mapping[str, str]
) -> tuple[list[tuple[str, str]], list[NewSeat], int]:
    views = {view.sitting_room.ref: view for view in store.rooms_of_sitting(session, sitting.id)}
    if wished.keys() - views.keys():
        raise InvalidInput("moving.room_gone", field="rooms")
    goals = {ref: store.room_by_ref(session, wished.get(ref) or view.room.ref) for ref, view in views.items()}
    taken = {view.room.id for view in views.values()}
    for ref, goal in goals.items():
        if goal.id in taken and goal.id != views[ref].room.id:
            raise Conflict("sitting.has_room", field="rooms", room=goal.name)
    _one_place(sitting, list(goals.values()))
    rooms: list[tuple[str, str]] = []
    new_seats: list[NewSeat] = []
    kept = 0
    for ref, view in views.items():
        goal = goals[ref]
        if goal.id == view.room.id:
            continue
        moved, stayed = _reseat(session, view.sitting_room, goal)
        set_room(session, view.sitting_room, goal)
        rooms.append((view.room.name, goal.name))
        new_seats += moved
        kept += stayed
    return rooms, new_seats, kept


def _one_place(sitting: Sitting, goals: Sequence[Room]) -> None:
    """Have a sitting follow its rooms to another centre, all of them together."""
    if len({room.id for room in goals}) < len(goals):
        raise InvalidInput("moving.room_twice", field="rooms")
    centres = {room.centre_id for room in goals}
    if len(centres) > 1:
        raise InvalidInput("moving.two_centres", field="rooms")
    if centres:
        sitting.centre_id = centres.pop()


def _reseat(session: Session, sitting_room: SittingRoom, goal: Room) -> tuple[list[NewSeat], int]:
    held = session.execute(
        select(Registration, Seat.number, Candidate.name)
        .join(Seat, Seat.id == Registration.seat_id)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .where(Registration.sitting_room_id == sitting_room.id)
        .order_by(Seat.number)
    ).all()
    seats = {seat.number: seat for seat in store.seats_of_room(session, goal.id)}
    numbers = reseated(
        (number for _, number, _ in held), (GoalSeat(seat.number, seat.spare) for seat in seats.values())
    )
    if numbers is None:
        raise Conflict("moving.seats", field="rooms", room=goal.name, people=len(held), seats=len(seats))
    give_seats(session, {row.id: seats[numbers[number]] for row, number, _ in held})
    new = [
        NewSeat(name, row.ref, goal.name, number, numbers[number])
        for row, number, name in held
        if numbers[number] != number
    ]
    return new, len(held) - len(new)
