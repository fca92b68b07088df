"""Use cases of a new order: of a room as it was shown, of a sitting, of the rooms of a batch."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import IntegrityError

from cbt.audit.chain import record
from cbt.batches.seating.cases import forms_in
from cbt.batches.seating.opening import changeable, open_room
from cbt.batches.seating.store import to_arrange
from cbt.candidates.seating.reseating import reseat
from cbt.candidates.seating.room import SeatedRoom, seated_room, seated_rooms
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.errors import Conflict
from cbt.rules.planning.beside import SeatedAlike, Seats, alike
from cbt.rules.planning.seating import SeatWishes, arrange
from cbt.sittings.store import batch_by_ref, sitting_by_ref


@dataclass(frozen=True, slots=True)
class SeatProposal:
    """A new order of a room: who would sit where, how many move, who still sits beside somebody alike."""

    board: Seats
    moved: int
    alike: SeatedAlike


def propose(room: SeatedRoom, wishes: SeatWishes, seed: int) -> SeatProposal:
    """Return the order that wishes and chance give a room; the same seed gives the same order."""
    before = room.board()
    board = arrange(
        before.values(),
        room.plan,
        regular=room.regular,
        spare=room.spare,
        wishes=wishes,
        rng=random.Random(seed),
    )
    moved = sum(before.get(number) != one for number, one in board.items())
    return SeatProposal(board, moved, alike(board, room.plan))


def arrange_room(
    *,
    sitting_ref: str,
    room_ref: str,
    wishes: SeatWishes,
    seed: int,
    seen: str,
    now: datetime,
    actor: str,
) -> SeatProposal:
    """Seat a room as it was shown before; return what was done.

    Raise Conflict("seating.closed") once check-in is open, ("seating.drawn") once a form is drawn there,
    ("seating.changed") when it is not `seen` any more.

    Source: R-8, R-16, R-30.
    """
    with reading() as session:
        room = seated_room(session, sitting_by_ref(session, sitting_ref), room_ref)
        changeable(room)
        if forms_in(session, room):
            raise Conflict("seating.drawn")
    if room.seen != seen:
        raise Conflict("seating.changed")
    return _arrange(sitting_ref, room, wishes, seed, now=now, actor=actor)


def arrange_sitting(
    *, sitting_ref: str, wishes: SeatWishes, seed: int, now: datetime, actor: str
) -> tuple[int, int]:
    """Seat every room of a sitting, a room after the other; return how many were, and how many stayed as forms
    are drawn there.

    Raise Conflict("seating.closed") once check-in is open, ("seating.changed") at a room that somebody changed
    meanwhile.

    Source: R-8, R-16, R-30.
    """
    rng = random.Random(seed)
    with reading() as session:
        rooms = list(seated_rooms(session, sitting_by_ref(session, sitting_ref)))
        for room in rooms:
            changeable(room)
        drawn = [bool(room.entries and forms_in(session, room)) for room in rooms]
    for room, has_forms in zip(rooms, drawn, strict=True):
        own = rng.getrandbits(32)
        if room.entries and not has_forms:
            _arrange(sitting_ref, room, wishes, own, now=now, actor=actor)
    return sum(bool(room.entries) for room in rooms) - sum(drawn), sum(drawn)


def arrange_batch(
    *, batch_ref: str, wishes: SeatWishes, seed: int, now: datetime, actor: str, most: int
) -> tuple[int, int]:
    """Seat at most so many rooms of a batch whose seats are as the roster came, each a unit of work of its own.

    Return how many were, and how many still wait. A room that changed meanwhile is left as it is.

    Source: R-8, R-16, R-30.
    """
    rng = random.Random(seed)
    with reading() as session:
        batch = batch_by_ref(session, batch_ref)
        refs, waiting = to_arrange(session, batch, limit=most)
    done = 0
    for sitting_ref, room_ref in refs:
        own = rng.getrandbits(32)
        try:
            with reading() as session:
                room = seated_room(session, sitting_by_ref(session, sitting_ref), room_ref)
            _arrange(sitting_ref, room, wishes, own, now=now, actor=actor)
        except Conflict:
            continue
        done += 1
    return done, waiting - done


def _arrange(
    sitting_ref: str, room: SeatedRoom, wishes: SeatWishes, seed: int, *, now: datetime, actor: str
) -> SeatProposal:
    """Work out the new order of a room as it was read, and seat it where it is still so."""
    changeable(room)
    found = propose(room, wishes, seed)
    after = {
        "sitting": sitting_ref,
        "seed": seed,
        "order": wishes.order.value,
        "units_apart": wishes.units_apart,
        "papers": wishes.papers.value,
        "by_door": wishes.by_door,
        "people": len(found.board),
        "moved": found.moved,
        "units_beside": found.alike.units,
        "papers_beside": found.alike.papers,
    }
    try:
        with unit_of_work() as session:
            _sitting, there = open_room(
                session, sitting_ref, room.view.sitting_room.ref, seen=room.seen, forms={}
            )
            subject = f"sitting_room:{there.view.sitting_room.ref}"
            record(session, at=now, actor=actor, act="seats.arrange", subject=subject, after=after)
            there.view.sitting_room.arranged_at = now
            reseat(session, there, found.board, now=now)
    except IntegrityError as error:
        raise Conflict("seating.changed") from error
    return found
