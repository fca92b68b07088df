"""Concerns about rooms and who runs them: a room or a proctor taken twice, more people than seats."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.accounts.models import Staff
from cbt.batches.checks.concern import Concern
from cbt.batches.checks.facts import UsedRoom
from cbt.candidates.models import Candidate, Registration
from cbt.rules.door.admission import overlaps
from cbt.rules.planning.clashes import Gravity, RoomDuty, Use, clashes, double_duties, fullness
from cbt.rules.roles import Role
from cbt.sittings.models import RoomStaff
from cbt.sittings.store import seat_counts
from cbt.web.i18n import local_text


def room_clashes(own: Collection[int], rooms: Collection[UsedRoom]) -> Iterator[Concern]:
    """Yield where a room of the sittings `own` is taken twice, or has no quarter of an hour between.

    Source: R-7.
    """
    by_id = {one.sitting_room.id: one for one in rooms}
    found = clashes(Use(one.room.id, one.sitting_room.id, one.span) for one in rooms)
    for clash in found:
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
    for one in mine:
        count, seated = counts[one.room.id], people.get(one.sitting_room.id, 0)
        gravity = fullness(people=seated, seats=count.seats, spares=count.spares)
        if gravity is not None:
            code = "seats_over" if gravity is Gravity.STOP else "spares_used"
            params = {"room": one.room.name, "people": seated, "seats": count.seats, "spares": count.spares}
            yield Concern(code, one.sitting.ref, params)
