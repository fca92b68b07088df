"""What moving a sitting does to it and to its people: worked out on a snapshot, then done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from cbt.batches.checks.concern import Concern
from cbt.batches.checks.reading import checks_of_sitting
from cbt.batches.moving.told import Told, told_of
from cbt.batches.seating.cases import drawn_in
from cbt.candidates.models import Candidate, Registration
from cbt.candidates.seating.room import seated_room
from cbt.errors import Conflict, InvalidInput
from cbt.rules.planning.beside import alike
from cbt.rules.planning.moving import GoalSeat, reseated, unmovable
from cbt.rules.planning.room_plan import plan_of
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
class MovedRoom:
    """A room's part of a sitting that is to be held in another room, with everybody's seat there."""

    sitting_room_id: int
    former: Room
    goal: Room
    seats: Mapping[int, int]
    """The id of the new seat by that of the registration."""
    new_seats: tuple[NewSeat, ...]


@dataclass(frozen=True, slots=True)
class MovedPlan:
    """What a move does: what was and what will be, who sits elsewhere, who must hear, what speaks against it."""

    sitting: Sitting
    """As it will be; it is not stored."""
    former_name: str
    former_start_at: datetime
    moved: tuple[MovedRoom, ...]
    told: Told
    concerns: tuple[Concern, ...]
    """What speaks against the plan after the move and did not before."""

    @property
    def rooms(self) -> tuple[tuple[str, str], ...]:
        """Former and new name of each room that changes."""
        return tuple((one.former.name, one.goal.name) for one in self.moved)

    @property
    def new_seats(self) -> tuple[NewSeat, ...]:
        """Who gets a seat of another number."""
        return tuple(seat for one in self.moved for seat in one.new_seats)

    @property
    def kept_seats(self) -> int:
        """How many keep the number of their seat in another room."""
        return sum(len(one.seats) for one in self.moved) - len(self.new_seats)

    @property
    def moved_in_time(self) -> bool:
        """Whether it starts at another instant."""
        return self.former_start_at != self.sitting.planned_start_at

    @property
    def stops(self) -> list[Concern]:
        """What the move cannot be done with."""
        return [one for one in self.concerns if one.stops]


def plan_move(session: Session, ref: str, wish: MoveWish, *, now: datetime) -> MovedPlan:
    """Say what moving a sitting does; nothing is written. Forms, people, staff and armed rooms stay.

    Raise Conflict("moving.admitting"|"moving.running"|"moving.over"|"moving.nothing"|"moving.seats"),
    InvalidInput for a name, a time or a room that cannot be.

    Source: R-7, R-11, R-16, R-60.
    """
    with session.no_autoflush:  # the sitting becomes what it is to be, to be looked at
        sitting = store.sitting_by_ref(session, ref)
        may_change(sitting, now=now)
        before = {_seen(one) for one in checks_of_sitting(session, sitting)}
        former_name, former_start_at = sitting.name, sitting.planned_start_at
        sitting.name = required(wish.name, "sitting.name", "name")
        set_time(sitting, wish.start_at, now=now)
        moved = _moved_rooms(session, sitting, wish.rooms)
        if not moved and sitting.name == former_name and sitting.planned_start_at == former_start_at:
            raise Conflict("moving.nothing", field="start")
        goals = {one.sitting_room_id: one.goal for one in moved}
        after = checks_of_sitting(session, sitting, goals)
        concerns = [one for one in after if _seen(one) not in before]
        concerns += _cases_meet(session, sitting, moved)
        told = told_of(session, sitting)
        session.expunge_all()
    return MovedPlan(sitting, former_name, former_start_at, tuple(moved), told, tuple(concerns))


def carry_out(session: Session, sitting: Sitting, plan: MovedPlan, *, now: datetime) -> None:
    """Move a sitting, which is locked and as it was when the move was worked out. Source: R-7, R-11, R-16."""
    may_change(sitting, now=now)
    set_time(sitting, plan.sitting.planned_start_at, now=now)
    sitting.name, sitting.centre_id = plan.sitting.name, plan.sitting.centre_id
    for one in plan.moved:
        set_room(session, session.get_one(SittingRoom, one.sitting_room_id), one.goal)
        if one.seats:
            session.connection().execute(
                update(Registration)
                .where(Registration.id == bindparam("who"))
                .values(seat_id=bindparam("seat")),
                [{"who": who, "seat": seat} for who, seat in one.seats.items()],
            )


def may_change(sitting: Sitting, *, now: datetime) -> None:
    """Raise Conflict("moving.admitting"|"moving.running"|"moving.over") once it is too late. Source: R-60."""
    why = unmovable(SittingState(sitting.state), check_in_opens_at=sitting.check_in_opens_at, now=now)
    if why is not None:
        raise Conflict(f"moving.{why.value}", at=sitting.check_in_opens_at)


def _cases_meet(session: Session, sitting: Sitting, moved: Sequence[MovedRoom]) -> list[Concern]:
    """Return where neighbours of another room have one case, who had not: forms stay with their people. R-8."""
    found = []
    for one in moved:
        view = next(
            view
            for view in store.rooms_of_sitting(session, sitting.id)
            if view.sitting_room.id == one.sitting_room_id
        )
        room = seated_room(session, sitting, view.sitting_room.ref)
        cases = drawn_in(session, room).cases
        seats = {seat.id: seat for seat in store.seats_of_room(session, one.goal.id)}
        numbers = tuple(seat.number for seat in seats.values())
        there = replace(
            room,
            plan=plan_of(one.goal.plan, one.goal.door, numbers),
            entries={
                seats[one.seats[entry.registration.id]].number: entry for entry in room.entries.values()
            },
        )
        pairs = len(alike(there.board(cases), there.plan).cases)
        if pairs > len(alike(room.board(cases), room.plan).cases):
            found.append(Concern("cases_beside", sitting.ref, {"room": one.goal.name, "pairs": pairs}))
    return found


def _seen(concern: Concern) -> tuple[str, str]:
    return concern.code, concern.text


def _moved_rooms(session: Session, sitting: Sitting, wished: Mapping[str, str]) -> list[MovedRoom]:
    views = {view.sitting_room.ref: view for view in store.rooms_of_sitting(session, sitting.id)}
    if wished.keys() - views.keys():
        raise InvalidInput("moving.room_gone", field="rooms")
    goals = {ref: store.room_by_ref(session, wished.get(ref) or view.room.ref) for ref, view in views.items()}
    taken = {view.room.id for view in views.values()}
    for ref, goal in goals.items():
        if goal.id in taken and goal.id != views[ref].room.id:
            raise Conflict("sitting.has_room", field="rooms", room=goal.name)
    _one_place(sitting, list(goals.values()))
    return [
        _moved_room(session, view.sitting_room, view.room, goals[ref])
        for ref, view in views.items()
        if goals[ref].id != view.room.id
    ]


def _one_place(sitting: Sitting, goals: Sequence[Room]) -> None:
    """Have a sitting follow its rooms to another centre, all of them together."""
    if len({room.id for room in goals}) < len(goals):
        raise InvalidInput("moving.room_twice", field="rooms")
    centres = {room.centre_id for room in goals}
    if len(centres) > 1:
        raise InvalidInput("moving.two_centres", field="rooms")
    if centres:
        sitting.centre_id = centres.pop()


def _moved_room(session: Session, sitting_room: SittingRoom, former: Room, goal: Room) -> MovedRoom:
    held = session.execute(
        select(Registration.id, Registration.ref, Seat.number, Candidate.name)
        .join(Seat, Seat.id == Registration.seat_id)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .where(Registration.sitting_room_id == sitting_room.id)
        .order_by(Seat.number)
    ).all()
    seats = {seat.number: seat for seat in store.seats_of_room(session, goal.id)}
    numbers = reseated(
        (number for _, _, number, _ in held), (GoalSeat(seat.number, seat.spare) for seat in seats.values())
    )
    if numbers is None:
        raise Conflict("moving.seats", field="rooms", room=goal.name, people=len(held), seats=len(seats))
    new = [
        NewSeat(name, ref, goal.name, number, numbers[number])
        for _, ref, number, name in held
        if numbers[number] != number
    ]
    by_person = {who: seats[numbers[number]].id for who, _, number, _ in held}
    return MovedRoom(sitting_room.id, former, goal, by_person, tuple(new))
