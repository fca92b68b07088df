"""Use cases of a new order: of a room as it was shown, of a sitting, of the rooms of a batch."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.batches.seating.cases import drawn_in
from cbt.batches.seating.opening import changeable, open_room
from cbt.batches.seating.store import to_arrange
from cbt.candidates.seating.reseating import reseat
from cbt.candidates.seating.room import SeatedRoom, seated_rooms
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.errors import Conflict
from cbt.rules.planning.beside import SeatedAlike, Seats, alike
from cbt.rules.planning.seating import SeatWishes, arrange
from cbt.sittings.models import Sitting
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
    try:
        with unit_of_work() as session:
            sitting, room, _drawn = open_room(session, sitting_ref, room_ref, undrawn=True)
            if room.seen != seen:
                raise Conflict("seating.changed")
            return _arrange(session, sitting, room, wishes, seed, now=now, actor=actor)
    except IntegrityError as error:
        raise Conflict("seating.changed") from error


def arrange_sitting(
    *, sitting_ref: str, wishes: SeatWishes, seed: int, now: datetime, actor: str
) -> tuple[int, int]:
    """Seat every room of a sitting; return how many were, and how many stayed as forms are drawn there.

    Raise Conflict("seating.closed") once check-in is open.

    Source: R-8, R-16, R-30.
    """
    done = stayed = 0
    try:
        with unit_of_work() as session:
            sitting = sitting_by_ref(session, sitting_ref, lock=True)
            rng = random.Random(seed)
            for room in seated_rooms(session, sitting):
                changeable(room)
                own = rng.getrandbits(32)
                if not room.entries:
                    continue
                if drawn_in(session, room).count:
                    stayed += 1
                    continue
                _arrange(session, sitting, room, wishes, own, now=now, actor=actor)
                done += 1
    except IntegrityError as error:
        raise Conflict("seating.changed") from error
    return done, stayed


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
            with unit_of_work() as session:
                sitting, room, _drawn = open_room(session, sitting_ref, room_ref, undrawn=True)
                _arrange(session, sitting, room, wishes, own, now=now, actor=actor)
        except (IntegrityError, Conflict):
            continue
        done += 1
    return done, waiting - done


def _arrange(
    session: Session,
    sitting: Sitting,
    room: SeatedRoom,
    wishes: SeatWishes,
    seed: int,
    *,
    now: datetime,
    actor: str,
) -> SeatProposal:
    found = propose(room, wishes, seed)
    after = {
        "sitting": sitting.ref,
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
    subject = f"sitting_room:{room.view.sitting_room.ref}"
    record(session, at=now, actor=actor, act="seats.arrange", subject=subject, after=after)
    room.view.sitting_room.arranged_at = now
    reseat(session, room, found.board, now=now)
    return found
