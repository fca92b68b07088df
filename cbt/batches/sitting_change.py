"""A sitting moved, withdrawn or cancelled before it starts: what that does, and who has to hear of it.

A move is worked out before its unit of work, and anew where somebody changed plans meanwhile.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.audit.store import last_number, told_since
from cbt.batches.checks.concern import Concern
from cbt.batches.checks.sittings import checks_of_sitting
from cbt.batches.seat_assignment import drawn_in, seated_room
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.candidates.registration import to_print_again
from cbt.errors import Conflict, InvalidInput
from cbt.http.form_values import required
from cbt.http.i18n import local_day, local_zone
from cbt.rules.planning.changes import GoalSeat, following_name, reseated, unmovable
from cbt.rules.planning.seat_plan import alike, plan_of
from cbt.rules.states import SittingState
from cbt.sittings import service, store
from cbt.sittings.models import Batch, Centre, Room, Seat, Sitting, SittingRoom
from cbt.sittings.service import set_room, set_time
from cbt.sittings.store import Duty, RoomView, SeatCount, duties_of_sitting
from cbt.storage.unit_of_work import DIRECTLY, LongWork, pieces_of, reading, unit_of_work
from cbt.storage.write_queue.change_set import put_down_in

LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class PeopleToInform:
    """How many people, how many of them with a phone number; their units by size; who runs a room; tickets."""

    people: int
    phones: int
    units: tuple[tuple[str, int], ...]
    """Name and people; "" for those without one."""
    staff: tuple[Duty, ...]
    tickets: tuple[int, ...]
    """The ids of their tickets, each once."""
    printed: int
    """How many of these were printed and will have to be again."""

    @property
    def counts(self) -> dict[str, int]:
        return {"people": self.people, "phones": self.phones, "staff": len(self.staff)}


def told_of(session: Session, sitting: Sitting) -> PeopleToInform:
    """Return who has to hear of a change of a sitting."""
    query = (
        select(Candidate.id, Candidate.employer, Candidate.phone_sealed.is_not(None), AdmissionTicket)
        .join(Registration, Registration.candidate_id == Candidate.id)
        .join(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
        .where(Registration.sitting_id == sitting.id)
    )
    rows = {who: (employer, phone, ticket) for who, employer, phone, ticket in session.execute(query)}
    units = Counter(employer for employer, _, _ in rows.values())
    return PeopleToInform(
        people=len(rows),
        phones=sum(bool(phone) for _, phone, _ in rows.values()),
        units=tuple(sorted(units.items(), key=lambda one: (one[0] == "", -one[1], one[0]))),
        staff=_once(duties_of_sitting(session, sitting.id)),
        tickets=tuple(ticket.id for _, _, ticket in rows.values()),
        printed=sum(ticket.printed_at is not None for _, _, ticket in rows.values()),
    )


def _once(duties: Sequence[Duty]) -> tuple[Duty, ...]:
    return tuple({duty.staff.id: duty for duty in duties}.values())


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
class FollowingBatch:
    """A batch that says the day of its only sitting then: what it is called afterwards, and of which day it is."""

    former_name: str
    name: str
    day: date | None
    """The day it is of from now on, where it was of the former one alone; None where its days stay."""


@dataclass(frozen=True, slots=True)
class MovedPlan:
    """What a move does: what was and what will be, who sits elsewhere, who must hear, what speaks against it."""

    sitting: Sitting
    """As it will be; it is not stored."""
    former_name: str
    former_start_at: datetime
    moved: tuple[MovedRoom, ...]
    told: PeopleToInform
    concerns: tuple[Concern, ...]
    """What speaks against the plan after the move and did not before."""
    batch: FollowingBatch | None
    """What becomes of the batch's own name and day; None where they stay."""

    @property
    def rooms(self) -> tuple[tuple[str, str], ...]:
        """Former and new name of each room that changes."""
        return tuple((one.former.name, one.goal.name) for one in self.moved)

    @property
    def new_seats(self) -> tuple[NewSeat, ...]:
        return tuple(seat for one in self.moved for seat in one.new_seats)

    @property
    def kept_seats(self) -> int:
        """How many keep the number of their seat in another room."""
        return sum(len(one.seats) for one in self.moved) - len(self.new_seats)

    @property
    def moved_in_time(self) -> bool:
        return self.former_start_at != self.sitting.planned_start_at

    @property
    def stops(self) -> list[Concern]:
        return [one for one in self.concerns if one.stops]


def plan_move(session: Session, ref: str, wish: MoveWish, *, now: datetime) -> MovedPlan:
    """Say what moving a sitting does; nothing is written. Forms, people, staff and armed rooms stay.

    A name that is left as it was says the new day where it said the former one.

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
        if sitting.name == former_name:
            sitting.name = _following(former_name, former_start_at, sitting.planned_start_at)
        batch = _following_batch(session, sitting, former_start_at)
        moved = _moved_rooms(session, sitting, wish.rooms)
        if not moved and sitting.name == former_name and sitting.planned_start_at == former_start_at:
            raise Conflict("moving.nothing", field="start")
        goals = {one.sitting_room_id: one.goal for one in moved}
        after = checks_of_sitting(session, sitting, goals)
        concerns = [one for one in after if _seen(one) not in before]
        concerns += _cases_meet(session, sitting, moved)
        notified = told_of(session, sitting)
        session.expunge_all()
    return MovedPlan(sitting, former_name, former_start_at, tuple(moved), notified, tuple(concerns), batch)


def _following(name: str, former: datetime, start: datetime) -> str:
    zone = local_zone()
    following = following_name(name, former=former.astimezone(zone), start=start.astimezone(zone))
    return following[:LONGEST_NAME]


def _following_batch(session: Session, sitting: Sitting, former_start_at: datetime) -> FollowingBatch | None:
    """Return what becomes of a batch none of whose other sittings is on the former day; None where nothing does."""
    former_day, day = local_day(former_start_at), local_day(sitting.planned_start_at)
    batch = session.get_one(Batch, sitting.batch_id)
    name = _following(batch.name, former_start_at, sitting.planned_start_at)
    of_the_day = batch.starts_on == batch.ends_on == former_day
    if former_day == day or (name == batch.name and not of_the_day):
        return None
    others = select(Sitting.planned_start_at).where(
        Sitting.batch_id == batch.id,
        Sitting.id != sitting.id,
        Sitting.state != SittingState.CANCELLED.value,
        Sitting.planned_start_at.between(
            former_start_at - timedelta(days=1), former_start_at + timedelta(days=1)
        ),
    )
    if any(local_day(start) == former_day for start in session.scalars(others)):
        return None
    return FollowingBatch(batch.name, name, day if of_the_day else None)


def carry_out(session: Session, sitting: Sitting, plan: MovedPlan, *, now: datetime) -> None:
    """Move a sitting, which is locked and as it was when the move was worked out. Source: R-7, R-11, R-16."""
    may_change(sitting, now=now)
    set_time(sitting, plan.sitting.planned_start_at, now=now)
    sitting.name, sitting.centre_id = plan.sitting.name, plan.sitting.centre_id
    for room in plan.moved:
        set_room(session, session.get_one(SittingRoom, room.sitting_room_id), room.goal)
        if room.seats:
            session.connection().execute(
                update(Registration)
                .where(Registration.id == bindparam("who"))
                .values(seat_id=bindparam("seat")),
                [{"who": who, "seat": seat} for who, seat in room.seats.items()],
            )


def may_change(sitting: Sitting, *, now: datetime) -> None:
    """Raise Conflict("moving.admitting"|"moving.running"|"moving.over") once it is too late. Source: R-60."""
    why = unmovable(SittingState(sitting.state), check_in_opens_at=sitting.check_in_opens_at, now=now)
    if why is not None:
        raise Conflict(f"moving.{why.value}", at=sitting.check_in_opens_at)


def _cases_meet(session: Session, sitting: Sitting, moved: Sequence[MovedRoom]) -> list[Concern]:
    """Return where neighbours of another room have one case, who had not: forms stay with their people. R-8."""
    concerns = []
    for moved_room in moved:
        view = next(
            view
            for view in store.rooms_of_sitting(session, sitting.id)
            if view.sitting_room.id == moved_room.sitting_room_id
        )
        room = seated_room(session, sitting, view.sitting_room.ref)
        cases = drawn_in(session, room).cases
        seats = {seat.id: seat for seat in store.seats_of_room(session, moved_room.goal.id)}
        numbers = tuple(seat.number for seat in seats.values())
        there = replace(
            room,
            plan=plan_of(moved_room.goal.plan, moved_room.goal.door, numbers),
            entries={
                seats[moved_room.seats[entry.registration.id]].number: entry
                for entry in room.entries.values()
            },
        )
        pairs = len(alike(there.board(cases), there.plan).cases)
        if pairs > len(alike(room.board(cases), room.plan).cases):
            concerns.append(
                Concern("cases_beside", sitting.ref, {"room": moved_room.goal.name, "pairs": pairs})
            )
    return concerns


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


TRIES = 3
"""A move that is worked out while somebody changes plans is worked out so often."""


def preview(*, sitting_ref: str, wish: MoveWish, now: datetime) -> MovedPlan:
    """Return what moving a sitting would do. Raise as `move` does."""
    with reading() as session:
        plan = plan_move(session, sitting_ref, wish, now=now)
    service.reason_of(wish.reason)
    return plan


def move(
    *, sitting_ref: str, wish: MoveWish, now: datetime, actor: str, work: LongWork = DIRECTLY
) -> MovedPlan:
    """Move a sitting to another time, other rooms or another name, with all that belongs to it.

    Raise Conflict("planning.stopped") for what the plan may not hold, InvalidInput("sitting.reason") without a
    reason, Conflict("sitting.moving") while plans go on being changed, and as `plan_move` does.

    Source: R-7, R-60.
    """
    reason = service.reason_of(wish.reason)

    def move_unchanged(plan: MovedPlan, number: int) -> bool:
        with unit_of_work() as session:
            sitting = store.sitting_by_ref(session, sitting_ref, lock=True)
            if told_since(session, number):
                return False
            carry_out(session, sitting, plan, now=now)
            _note(session, sitting, plan, reason=reason, now=now, actor=actor)
            if plan.batch is not None:
                _follow(session, sitting.batch_id, plan.batch, reason=reason, now=now, actor=actor)
            put_down_in(session, *work.keeping(**plan.told.counts))
            return True

    for _ in range(TRIES):
        with reading() as session:
            number = last_number(session)
            plan = plan_move(session, sitting_ref, wish, now=now)
        for stop in plan.stops:
            raise Conflict("planning.stopped", found=stop.text, clause=stop.clause, fix=stop.fix)
        _tickets_again(plan, now=now, work=work)
        if work.in_front(partial(move_unchanged, plan, number)):
            return plan
    raise Conflict("sitting.moving")


def _follow(
    session: Session, batch_id: int, following: FollowingBatch, *, reason: str, now: datetime, actor: str
) -> None:
    """Have a batch say the day of its sitting."""
    batch = session.get_one(Batch, batch_id, with_for_update=True)
    before, after = {"name": batch.name}, {"name": following.name}
    batch.name = following.name
    if following.day is not None:
        before |= {"starts_on": str(batch.starts_on), "ends_on": str(batch.ends_on)}
        after |= {"starts_on": str(following.day), "ends_on": str(following.day)}
        batch.starts_on = batch.ends_on = following.day
    record(
        session,
        at=now,
        actor=actor,
        act="batch.change",
        subject=batch.logged_as,
        reason=reason,
        before=before,
        after=after,
    )


def _note(
    session: Session, sitting: Sitting, plan: MovedPlan, *, reason: str, now: datetime, actor: str
) -> None:
    former = {"name": plan.former_name, "planned_start_at": plan.former_start_at.isoformat()}
    after: dict[str, object] = {
        "name": sitting.name,
        "planned_start_at": sitting.planned_start_at.isoformat(),
        "people": plan.told.people,
        "new_seats": {one.registration_ref: f"{one.former} → {one.number}" for one in plan.new_seats},
    }
    if plan.rooms:
        former["rooms"] = ", ".join(former_room for former_room, _ in plan.rooms)
        after["rooms"] = ", ".join(room for _, room in plan.rooms)
    service.note_change(
        session,
        sitting,
        "move",
        reason=reason,
        now=now,
        actor=actor,
        former=former,
        after=after,
        former_start_at=plan.former_start_at if plan.moved_in_time else None,
        former_name=plan.former_name if plan.former_name != sitting.name else "",
        rooms="\n".join(f"{former_room} → {room}" for former_room, room in plan.rooms),
    )


def _tickets_again(plan: MovedPlan, *, now: datetime, work: LongWork) -> None:
    """Mark the tickets that will say what is no longer so: the time of everybody, the place of those in new rooms.

    Before the move: one that is marked and right after all is printed once more, which harms nobody.
    """
    if plan.moved_in_time:
        _print_again(plan.told.tickets, "time", now=now, work=work)
    if plan.moved:
        people = [who for one in plan.moved for who in one.seats]
        tickets: set[int] = set()
        with reading() as session:
            for some in pieces_of(people):
                query = select(Registration.ticket_id).where(Registration.id.in_(some))
                tickets |= set(session.scalars(query))
        _print_again(tickets, "place", now=now, work=work)


def _print_again(tickets: Collection[int], why: str, *, now: datetime, work: LongWork) -> None:
    def mark(some: Sequence[int]) -> None:
        with unit_of_work() as session:
            to_print_again(session, some, why, now=now)

    done = 0
    for some in pieces_of(sorted(tickets)):
        work.in_front(partial(mark, some))
        done += len(some)
        work.tell(done, len(tickets))


def withdraw(*, sitting_ref: str, reason: str, now: datetime, actor: str) -> None:
    """Withdraw the publishing of a sitting until its check-in opens (撤回发布).

    Raise Conflict("moving.admitting") from then on, ("sitting.transition") for one that is not published.

    Source: R-60.
    """
    with unit_of_work() as session:
        sitting = store.sitting_by_ref(session, sitting_ref, lock=True)
        may_change(sitting, now=now)
        service.withdraw_sitting(session, sitting, reason=reason, now=now, actor=actor)


def cancel(
    *, sitting_ref: str, reason: str, now: datetime, actor: str, work: LongWork = DIRECTLY
) -> PeopleToInform:
    """Cancel a sitting that has not started; return who has to hear of it.

    A printed ticket that has other papers has to be printed again without this one. Raise as `cancel_sitting`.

    Source: R-60.
    """
    reason = service.reason_of(reason)
    with reading() as session:
        sitting = store.sitting_by_ref(session, sitting_ref)
        service.may_cancel(session, sitting)
        notified = told_of(session, sitting)
        on = (
            select(AdmissionTicket.id)
            .join(Registration, Registration.ticket_id == AdmissionTicket.id)
            .join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
            .where(
                AdmissionTicket.id.in_(
                    select(Registration.ticket_id).where(Registration.sitting_id == sitting.id)
                ),
                Registration.sitting_id != sitting.id,
                SittingRoom.state != SittingState.CANCELLED.value,
            )
        )
        tickets = set(session.scalars(on))
        session.expunge_all()
    _print_again(tickets, "papers", now=now, work=work)

    def cancel_it() -> None:
        with unit_of_work() as session:
            sitting = store.sitting_by_ref(session, sitting_ref, lock=True)
            service.cancel_sitting(session, sitting, reason=reason, now=now, actor=actor)
            put_down_in(session, *work.keeping(**notified.counts))

    work.in_front(cancel_it)
    return notified


@dataclass(frozen=True, slots=True)
class MovePage:
    """A sitting with its rooms, who sits in each, and the rooms it could be held in instead, by centre."""

    sitting: Sitting
    batch: Batch
    rooms: list[RoomView]
    people: dict[int, int]
    choices: list[tuple[Centre, list[Room]]]
    seats: dict[int, SeatCount]
    too_late: str
    """Why it cannot be moved any more: a code of `Unmovable`, or an empty text."""


def move_page(session: Session, ref: str, *, now: datetime) -> MovePage:
    """Return what the form of a move shows."""
    sitting = store.sitting_by_ref(session, ref)
    rooms = store.rooms_of_sitting(session, sitting.id)
    of_centre: dict[int, list[Room]] = defaultdict(list)
    for room in session.scalars(select(Room).order_by(Room.name)):
        of_centre[room.centre_id].append(room)
    choices = [(centre, of_centre[centre.id]) for centre in store.centres(session)]
    counted = (
        select(Registration.sitting_room_id, func.count())
        .where(Registration.sitting_id == sitting.id)
        .group_by(Registration.sitting_room_id)
    )
    why = unmovable(SittingState(sitting.state), check_in_opens_at=sitting.check_in_opens_at, now=now)
    return MovePage(
        sitting=sitting,
        batch=session.get_one(Batch, sitting.batch_id),
        rooms=rooms,
        people={row[0]: row[1] for row in session.execute(counted)},
        choices=choices,
        seats=store.seat_counts(session, [room.id for _, found in choices for room in found]),
        too_late=why.value if why is not None else "",
    )
