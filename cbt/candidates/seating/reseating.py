"""Seats changed for many at once: everybody of a room gets the seat of a new order.

Source: R-16.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import bindparam, delete, update
from sqlalchemy.orm import Session

from cbt.candidates.models import Registration
from cbt.candidates.reprinting import to_print_again
from cbt.candidates.seating.room import SeatedRoom
from cbt.rules.planning.beside import Sitter
from cbt.sittings.models import Seat

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
