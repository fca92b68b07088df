"""A sitting-room as people are seated in it, read in one go, and the seats of everybody changed at once.

Source: R-16.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, update
from sqlalchemy.orm import Session

from cbt.candidates.models import Registration
from cbt.candidates.registration import to_print_again
from cbt.candidates.store import Registered, entries_of_room
from cbt.errors import NotFound
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.planning.seat_plan import RoomPlan, Sitter, plan_of
from cbt.sittings.models import Seat, Sitting
from cbt.sittings.store import RoomView, rooms_of_sitting, seats_of_room
from cbt.spreadsheets.columns import plain

Cases = frozenset[tuple[int, str]]
"""(unit of a paper, its case)"""
NO_CASES: Mapping[int, Cases] = {}


@dataclass(frozen=True, slots=True)
class SeatedRoom:
    """A sitting-room with its seats by number and who sits there."""

    view: RoomView
    plan: RoomPlan
    seats: Mapping[int, Seat]
    entries: Mapping[int, Registered]
    """By the number of the seat."""

    @property
    def regular(self) -> list[int]:
        return [number for number, seat in self.seats.items() if not seat.spare]

    @property
    def spare(self) -> list[int]:
        return [number for number, seat in self.seats.items() if seat.spare]

    def board(self, cases: Mapping[int, Cases] = NO_CASES) -> dict[int, Sitter]:
        """Return who sits where, as the rules compare them; `cases` by registration."""
        return {number: sitter_of(entry, cases) for number, entry in self.entries.items()}

    @property
    def seen(self) -> str:
        """What changes when somebody comes, goes or takes another seat, or the room's seats or plan do."""
        people = sorted((number, entry.registration.ref) for number, entry in self.entries.items())
        seats = [(number, seat.spare) for number, seat in self.seats.items()]
        return digest(canonical_json([people, seats, self.plan.text, self.plan.door]))[:16]


def sitter_of(entry: Registered, cases: Mapping[int, Cases] = NO_CASES) -> Sitter:
    """Return somebody as the rules compare them; who has an accommodation sits by the door. Source: R-30."""
    registration = entry.registration
    return Sitter(
        key=registration.ref,
        ticket=entry.ticket.number,
        unit=plain(entry.candidate.employer),
        paper=f"{registration.blueprint_ref}:{registration.paper}",
        cases=cases.get(registration.id, frozenset()),
        by_door=has_accommodation(registration),
    )


def has_accommodation(registration: Registration) -> bool:
    """Return whether somebody sits the paper with an accommodation (R-30)."""
    note = registration.accommodation_note or registration.tools
    return bool(registration.factor != 1 or registration.extra or note)


def seated_rooms(session: Session, sitting: Sitting) -> list[SeatedRoom]:
    return [_read(session, sitting, view) for view in rooms_of_sitting(session, sitting.id)]


def seated_room(session: Session, sitting: Sitting, room_ref: str) -> SeatedRoom:
    """Return one room of a sitting; raise NotFound("sitting.room_unknown") for another's."""
    views = rooms_of_sitting(session, sitting.id)
    view = next((view for view in views if view.sitting_room.ref == room_ref), None)
    if view is None:
        raise NotFound("sitting.room_unknown")
    return _read(session, sitting, view)


def _read(session: Session, sitting: Sitting, view: RoomView) -> SeatedRoom:
    seats: Sequence[Seat] = seats_of_room(session, view.room.id)
    entries = entries_of_room(session, sitting.id, view.sitting_room.ref)
    return SeatedRoom(
        view=view,
        plan=plan_of(view.room.plan, view.room.door, tuple(seat.number for seat in seats)),
        seats={seat.number: seat for seat in seats},
        entries={entry.seat.number: entry for entry in entries},
    )


_WAITING = 0
"""The number of a seat that is there only while others change theirs."""


def reseat(session: Session, room: SeatedRoom, board: Mapping[int, Sitter], *, now: datetime) -> int:
    """Give everybody the seat that `board` says; return how many have another one than before.

    No two may hold one seat even for a moment, so in each ring of people who take each other's seat one waits on a
    seat of its own, which is gone when this returns. Tickets that were printed are to be printed again.
    """
    at = {entry.registration.ref: number for number, entry in room.entries.items()}
    wanted = {at[one.key]: number for number, one in board.items() if at[one.key] != number}
    if not wanted:
        return 0
    waiting = Seat(room_id=room.view.room.id, number=_WAITING, spare=True, undelivered=0)
    session.add(waiting)
    session.flush()
    ids = {number: room.seats[number].id for number in {*wanted, *wanted.values()}}
    ids[_WAITING] = waiting.id
    people = {number: room.entries[number] for number in wanted}
    session.connection().execute(
        update(Registration).where(Registration.id == bindparam("who")).values(seat_id=bindparam("seat")),
        [{"who": people[number].registration.id, "seat": ids[seat]} for number, seat in _moves(wanted)],
    )
    session.execute(delete(Seat).where(Seat.id == waiting.id))
    to_print_again(session, [entry.ticket.id for entry in people.values()], "seat", now=now)
    session.expire_all()
    return len(wanted)


def _moves(wanted: Mapping[int, int]) -> list[tuple[int, int]]:
    """Return who (by their seat before) goes to which seat, one after the other: each seat is free by then."""
    moves: list[tuple[int, int]] = []
    left = dict(wanted)
    while left:
        # Begin where the seat aimed at is nobody's; where everybody waits for another, one waits aside.
        start = next((number for number, seat in left.items() if seat not in left), None)
        if start is not None:
            moves.append((start, left.pop(start)))
            continue
        first, seat = next(iter(left.items()))
        moves.append((first, _WAITING))
        del left[first]
        ring = [first]
        by_seat = {aim: number for number, aim in left.items()}
        while ring[-1] in by_seat:
            number = by_seat[ring[-1]]
            moves.append((number, left.pop(number)))
            ring.append(number)
        moves.append((first, seat))
    return moves
