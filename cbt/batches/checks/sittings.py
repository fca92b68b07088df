"""Checks of sittings, their rooms and who runs them, and the acts of the office that ask them first.

What stops is refused before anything is stored, in the words of the concern and with its clause; what only
warns is handed back, to be told beside what was done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from cbt.accounts.models import Staff
from cbt.accounts.store import staff_by_ref
from cbt.batches.checks import people
from cbt.batches.checks.concern import (
    KINDS,
    NOT_MOVED,
    Concern,
    Concerned,
    Entered,
    UsedRoom,
    elsewhere,
    entered,
    near_to,
    people_in_rooms,
    used_rooms,
    without_photo,
)
from cbt.batches.checks.people import objections, past_of, registered_twice
from cbt.candidates.models import Candidate, Registration
from cbt.errors import Conflict, InvalidInput, NotFound
from cbt.http.auth.login import Principal
from cbt.http.i18n import local_text
from cbt.rules.door import overlaps
from cbt.rules.exam import AdmissionPolicy
from cbt.rules.planning.clashes import Gravity, RoomDuty, Use, clashes, double_duties, fullness
from cbt.rules.roles import Role
from cbt.rules.states import BEFORE_THE_START, Purpose, SittingState
from cbt.sittings import service, store
from cbt.sittings.models import Room, RoomStaff, Sitting, SittingRoom
from cbt.sittings.service import assign_staff
from cbt.sittings.store import seat_counts
from cbt.storage.unit_of_work import unit_of_work


def room_clashes(own: Collection[int], rooms: Collection[UsedRoom]) -> Iterator[Concern]:
    """Yield where a room of the sittings `own` is taken twice, or has no quarter of an hour between.

    Source: R-7.
    """
    by_id = {one.sitting_room.id: one for one in rooms}
    room_pairs = clashes(Use(one.room.id, one.sitting_room.id, one.span) for one in rooms)
    for clash in room_pairs:
        first, second = by_id[clash.first.what], by_id[clash.second.what]
        for mine, other in ((first, second), (second, first)):
            if mine.sitting.id in own:
                code = "room_overlap" if clash.overlapping else "room_close"
                yield Concern(code, mine.sitting.ref, _other_room(mine, other))


def _other_room(mine: UsedRoom, other: UsedRoom) -> dict[str, object]:
    return {
        "room": mine.room.name,
        "other": other.sitting.name,
        "start": local_text(other.span[0], "%m-%d %H:%M"),
        "end": local_text(other.span[1], "%H:%M"),
    }


def staff_clashes(session: Session, own: Collection[int], rooms: Collection[UsedRoom]) -> Iterator[Concern]:
    """Yield where somebody who runs a room of `own` would have to be in another one, or sits a paper.

    Source: R-7, R-62.
    """
    by_id = {one.sitting_room.id: one for one in rooms}
    rows = _duties(session, by_id)
    names = {staff.id: staff.name for _, staff in rows}
    duties = [_duty(row, by_id[row.sitting_room_id]) for row, _ in rows]
    for double in double_duties(duties):
        for mine, other in ((double.first, double.second), (double.second, double.first)):
            seen, there = by_id[mine.sitting_room], by_id[other.sitting_room]
            twice_in_one = seen.sitting.id == there.sitting.id and mine is double.first
            if seen.sitting.id in own and not twice_in_one:
                code = "proctor_overlap" if double.gravity is Gravity.STOP else "proctor_close"
                params = {
                    "name": names[mine.staff],
                    **_other_room(seen, there),
                    "other_room": there.room.name,
                }
                yield Concern(code, seen.sitting.ref, params)
    yield from _own_examinees(session, own, by_id, names, duties)


def _duties(session: Session, rooms: Collection[int]) -> list[tuple[RoomStaff, Staff]]:
    query = (
        select(RoomStaff, Staff)
        .join(Staff, Staff.id == RoomStaff.staff_id)
        .where(RoomStaff.sitting_room_id.in_(rooms), Staff.disabled_at.is_(None))
        .order_by(RoomStaff.id)
    )
    return [(row, staff) for row, staff in session.execute(query)]


def _duty(row: RoomStaff, used: UsedRoom) -> RoomDuty:
    return RoomDuty(
        staff=row.staff_id,
        sitting_room=row.sitting_room_id,
        room=used.room.id,
        centre=used.room.centre_id,
        chief=row.duty == Role.CHIEF_PROCTOR,
        busy=(used.sitting.check_in_opens_at, used.span[1]),
        span=used.span,
    )


def _own_examinees(
    session: Session,
    own: Collection[int],
    rooms: Mapping[int, UsedRoom],
    names: Mapping[int, str],
    duties: Collection[RoomDuty],
) -> Iterator[Concern]:
    """Yield who runs a room of `own` while somebody of their name sits a paper: a number would tell for sure."""
    mine = [duty for duty in duties if rooms[duty.sitting_room].sitting.id in own]
    wanted = {_plain(names[duty.staff]) for duty in mine}
    if not wanted:
        return
    spelled = func.replace(func.replace(Candidate.name, " ", ""), "　", "")
    query = (
        select(spelled, Registration.sitting_room_id)
        .join(Registration, Registration.candidate_id == Candidate.id)
        .where(spelled.in_(wanted), Registration.sitting_room_id.in_(rooms))
        .distinct()
    )
    sitting = [(name, rooms[room_id]) for name, room_id in session.execute(query)]
    for duty in mine:
        at_work = rooms[duty.sitting_room]
        for name, where in sitting:
            if name == _plain(names[duty.staff]) and overlaps(duty.span, where.span):
                params = {"name": names[duty.staff], "room": where.room.name, "other": where.sitting.name}
                yield Concern("proctor_is_candidate", at_work.sitting.ref, params)


def _plain(name: str) -> str:
    return "".join(name.split())


def seats(
    session: Session, own: Collection[int], rooms: Collection[UsedRoom], people: Mapping[int, int]
) -> Iterator[Concern]:
    """Yield which rooms of `own` hold more people than seats, or people on their spare seats.

    `people` are how many sit in each, by sitting-room.

    Source: R-16.
    """
    mine = [one for one in rooms if one.sitting.id in own]
    counts = seat_counts(session, sorted({one.room.id for one in mine}))
    for room in mine:
        count, seated = counts[room.room.id], people.get(room.sitting_room.id, 0)
        gravity = fullness(people=seated, seats=count.seats, spares=count.spares)
        if gravity is not None:
            code = "seats_over" if gravity is Gravity.STOP else "spares_used"
            params = {"room": room.room.name, "people": seated, "seats": count.seats, "spares": count.spares}
            yield Concern(code, room.sitting.ref, params)


def checks_of_sitting(
    session: Session, sitting: Sitting, moved: Mapping[int, Room] = NOT_MOVED
) -> list[Concern]:
    """Return everything that speaks against a sitting that has not begun, what stops first.

    The sitting may be as it is to be, and `moved` says in which rooms it is to be held (`used_rooms`).

    Source: R-4, R-7, R-8, R-15, R-16.
    """
    return checks_of_sittings(session, [sitting], moved)


def checks_of_sittings(
    session: Session, sittings: Collection[Sitting], moved: Mapping[int, Room] = NOT_MOVED
) -> list[Concern]:
    """Return everything that speaks against sittings (`sitting_ref` of each says against which); one that
    has begun or is off has no concerns. The number of queries does not grow with sittings or people.

    Source: R-4, R-7, R-8, R-15, R-16.
    """
    open_sittings = [one for one in sittings if SittingState(one.state) in BEFORE_THE_START]
    if not open_sittings:
        return []
    own = entered(session, open_sittings)
    near = near_to(session, open_sittings)
    concerns = [
        *_about_people(session, open_sittings, near, own),
        *_about_places(session, open_sittings, near, own, moved),
    ]
    order = list(KINDS)
    return sorted(concerns, key=lambda one: (not one.stops, order.index(one.code)))


def checks_of_rooms(session: Session, sitting: Sitting) -> list[Concern]:
    """Return what speaks against the rooms of a sitting and who runs them; nobody who sits there is read.

    Source: R-7, R-16, R-62.
    """
    if SittingState(sitting.state) not in BEFORE_THE_START:
        return []
    near, own = near_to(session, [sitting]), {sitting.id}
    rooms = used_rooms(session, list(near.values()))
    return [
        *room_clashes(own, rooms),
        *staff_clashes(session, own, rooms),
        *seats(session, own, rooms, people_in_rooms(session, sitting)),
    ]


def stops_of(concerns: Sequence[Concern]) -> list[Concern]:
    return [one for one in concerns if one.stops]


def _about_people(
    session: Session, open_sittings: Collection[Sitting], near: dict[int, Sitting], own: list[Entered]
) -> Iterator[Concern]:
    if not own:
        return
    yield from people.time_clashes(own, elsewhere(session, open_sittings, near))
    shapes = people.shapes_of(session, {one.batch_id for one in open_sittings})
    if shapes:
        yield from people.outside_shape(session, own, shapes)
    yield from people.marked_by_people(session, own)
    yield from people.undrawable(session, open_sittings)
    past = past_of(session, {one.person for one in own})
    yield from people.without_right(objections(session, own, past, also=frozenset()))
    lacking = without_photo(session, open_sittings)
    for sitting in open_sittings:
        if sitting.id in lacking:
            lacking_people = tuple(Concerned(name, ref) for name, ref in lacking[sitting.id])
            yield Concern("photos_missing", sitting.ref, {}, lacking_people)


def _about_places(
    session: Session,
    open_sittings: Collection[Sitting],
    near: dict[int, Sitting],
    own: list[Entered],
    moved: Mapping[int, Room],
) -> Iterator[Concern]:
    rooms, ids = used_rooms(session, list(near.values()), moved), {one.id for one in open_sittings}
    yield from room_clashes(ids, rooms)
    yield from staff_clashes(session, ids, rooms)
    yield from seats(session, ids, rooms, Counter(entry.sitting_room_id for entry in own))


ABOUT_ROOMS = frozenset({"room_overlap", "room_close", "seats_over"})
ABOUT_STAFF = frozenset({"proctor_overlap", "proctor_close", "proctor_is_candidate"})


def add_sitting(
    *,
    batch_ref: str,
    centre_ref: str,
    room_refs: Sequence[str],
    name: str,
    planned_start_at: datetime,
    mode: str,
    purpose: Purpose,
    policy: AdmissionPolicy,
    now: datetime,
    actor: str,
) -> tuple[str, list[Concern]]:
    """Add a draft 场次 with its rooms; return its ref and what warns of it.

    Raise Conflict("planning.stopped") where one of its rooms is taken at that time.

    Source: R-5, R-7, R-11.
    """
    with unit_of_work() as session:
        sitting = service.create_sitting(
            session,
            batch=store.batch_by_ref(session, batch_ref),
            centre=store.centre_by_ref(session, centre_ref),
            name=name,
            planned_start_at=planned_start_at,
            rooms=[store.room_by_ref(session, ref) for ref in room_refs],
            mode=mode,
            purpose=purpose,
            policy=policy,
            now=now,
            actor=actor,
        )
        return sitting.ref, asked(checks_of_rooms(session, sitting), ABOUT_ROOMS, field="start")


def set_purpose(*, sitting_ref: str, purpose: Purpose, now: datetime, actor: str) -> None:
    """Say what a draft is held for: 正式, 试考 or 练习.

    Raise Conflict("sitting.purpose_fixed") once it is published, ("sitting.purpose_twice") where people of it would
    be registered twice for a paper of the batch.

    Source: R-4, R-7.
    """
    with unit_of_work() as session:
        sitting = store.sitting_by_ref(session, sitting_ref, lock=True)
        store.set_purpose(session, sitting, purpose, now=now, actor=actor)
        session.flush()
        twice = registered_twice(session, sitting) if purpose.counts else 0
        if twice:
            raise Conflict("sitting.purpose_twice", field="purpose", people=twice)


def add_room(*, sitting_ref: str, room_ref: str, now: datetime, actor: str) -> list[Concern]:
    """Add one more 考场 to a sitting; return what warns of it.

    Raise Conflict("planning.stopped") where the room is taken at that time.

    Source: R-7.
    """
    with unit_of_work() as session:
        sitting = store.sitting_by_ref(session, sitting_ref)
        room = store.room_by_ref(session, room_ref)
        return _with_checks(
            session,
            sitting,
            ABOUT_ROOMS,
            lambda: service.add_sitting_room(session, sitting, room, now=now, actor=actor),
        )


def assign(
    *, room_ref: str, staff_ref: str, duty: str, principal: Principal, now: datetime, actor: str
) -> list[Concern]:
    """Assign a person to a sitting-room; return what warns of it.

    Raise InvalidInput("sitting.not_room_staff") without that role, Conflict("planning.stopped") for somebody who
    runs another room at that time.

    Source: R-7, R-62.
    """
    with unit_of_work() as session:
        room: SittingRoom = store.room_for(session, room_ref, principal)
        staff = staff_by_ref(session, staff_ref)
        if staff.disabled_at is not None or duty not in {row.role for row in staff.roles}:
            raise InvalidInput("sitting.not_room_staff", field="staff", name=staff.name)
        sitting = session.get_one(Sitting, room.sitting_id)
        return _with_checks(
            session,
            sitting,
            ABOUT_STAFF,
            lambda: assign_staff(session, room, staff_id=staff.id, duty=duty, now=now, actor=actor),
        )


MOST_ASSIGNED = 60
"""People who are assigned in one unit of work."""


@dataclass(frozen=True, slots=True)
class AssignmentWish:
    """Who is to run a room, as it was typed: a login, or the name of the only one called so; and in which field."""

    room_ref: str
    person: str
    duty: str
    field: str


def assign_many(
    *, sitting_ref: str, wishes: Sequence[AssignmentWish], now: datetime, actor: str
) -> tuple[int, list[Concern]]:
    """Assign people to rooms of a sitting, all or nobody; return how many, and what warns of it.

    Who is there with that duty stays. Raise InvalidInput("sitting.nobody_chosen"|"sitting.staff_unknown"|
    "sitting.too_many"), NotFound, and as `assign` does.

    Source: R-7, R-62.
    """
    if not wishes:
        raise InvalidInput("sitting.nobody_chosen")
    if len(wishes) > MOST_ASSIGNED:
        raise InvalidInput("sitting.too_many", maximum=MOST_ASSIGNED)
    with unit_of_work() as session:
        sitting = store.sitting_by_ref(session, sitting_ref, lock=True)
        rooms = {
            view.sitting_room.ref: view.sitting_room for view in store.rooms_of_sitting(session, sitting.id)
        }
        there = {
            (one.sitting_room_id, one.staff.id): one.duty
            for one in store.duties_of_sitting(session, sitting.id)
        }
        people = _people_called(session, {wish.person for wish in wishes})
        chosen: dict[tuple[str, int], str] = {}
        for wish in wishes:
            if wish.room_ref not in rooms:
                raise NotFound("sitting.room_unknown")
            staff = people.get(wish.person)
            if staff is None:
                raise InvalidInput("sitting.staff_unknown", field=wish.field, name=wish.person)
            if staff.disabled_at is not None or wish.duty not in {row.role for row in staff.roles}:
                raise InvalidInput("sitting.not_room_staff", field=wish.field, name=staff.name)
            if there.get((rooms[wish.room_ref].id, staff.id)) != wish.duty:
                chosen[wish.room_ref, staff.id] = wish.duty

        def assign_all() -> None:
            for (room_ref, staff_id), duty in chosen.items():
                assign_staff(session, rooms[room_ref], staff_id=staff_id, duty=duty, now=now, actor=actor)

        return len(chosen), _with_checks(session, sitting, ABOUT_STAFF, assign_all)


def _people_called(session: Session, typed: Collection[str]) -> dict[str, Staff]:
    """Return who is meant by each of these texts: a login before a name; a name that several have means nobody."""
    logins = {text: text.casefold() for text in typed}
    query = select(Staff).where(or_(Staff.login.in_(logins.values()), Staff.name.in_(typed)))
    found = session.scalars(query).all()
    by_login = {staff.login: staff for staff in found}
    named = Counter(staff.name for staff in found)
    by_name = {staff.name: staff for staff in found if named[staff.name] == 1}
    meant = {text: by_login.get(login) or by_name.get(text) for text, login in logins.items()}
    return {text: staff for text, staff in meant.items() if staff is not None}


def _with_checks(
    session: Session, sitting: Sitting, codes: frozenset[str], act: Callable[[], object]
) -> list[Concern]:
    """Do something about a sitting and ask what speaks against it that did not before."""
    before = {(one.code, one.text) for one in checks_of_rooms(session, sitting)}
    act()
    session.flush()
    fresh = [one for one in checks_of_rooms(session, sitting) if (one.code, one.text) not in before]
    return asked(fresh, codes)


def asked(concerns: Iterable[Concern], codes: frozenset[str], *, field: str = "") -> list[Concern]:
    """Return the concerns of these codes that warn; raise Conflict("planning.stopped") for one that stops."""
    chosen = [one for one in concerns if one.code in codes]
    for concern in chosen:
        if concern.stops:
            raise Conflict(
                "planning.stopped", field=field, found=concern.text, clause=concern.clause, fix=concern.fix
            )
    return chosen
