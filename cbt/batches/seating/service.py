"""Use cases of seats: arrange a room or a whole sitting, exchange two, part neighbours with one case, draw anew."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.batches.seating.cases import DrawnForms, drawn_in
from cbt.candidates.seating.reseating import reseat
from cbt.candidates.seating.room import SeatedRoom, seated_room, seated_rooms
from cbt.db.unit_of_work import unit_of_work
from cbt.delivery.paper.drawing import draw_forms
from cbt.delivery.paper.following import set_aside
from cbt.errors import Conflict, NotFound
from cbt.rules.planning.beside import SeatedAlike, Seats, alike, mended
from cbt.rules.planning.seating import SeatWishes, arrange
from cbt.rules.states.sitting import SittingState
from cbt.sittings.models import Sitting
from cbt.sittings.store import sitting_by_ref

CHANGEABLE = frozenset({SittingState.DRAFT, SittingState.PUBLISHED})
"""Later the proctors change seats, on their board."""


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
            sitting, room, _drawn = _open(session, sitting_ref, room_ref, undrawn=True)
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
                _changeable(room)
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
    reseat(session, room, found.board, now=now)
    return found


def exchange(
    *, sitting_ref: str, room_ref: str, one: int, other: int, now: datetime, actor: str
) -> tuple[int, int]:
    """Exchange who sits at two seats, one of which may be free; the forms stay with their people.

    Raise NotFound("room.no_seat"), Conflict("seating.closed"), ("seating.nobody") for two free seats.

    Source: R-16.
    """
    with unit_of_work() as session:
        _sitting, room, _drawn = _open(session, sitting_ref, room_ref)
        for number in (one, other):
            if number not in room.seats:
                raise NotFound("room.no_seat", number=number)
        board = room.board()
        if one == other or not {one, other} & board.keys():
            raise Conflict("seating.nobody")
        found, there = board.pop(one, None), board.pop(other, None)
        board |= {number: who for number, who in ((other, found), (one, there)) if who is not None}
        _note(session, room, board, "seats.exchange", {"seats": [one, other]}, now=now, actor=actor)
        reseat(session, room, board, now=now)
    return one, other


def mend(*, sitting_ref: str, room_ref: str, seed: int, now: datetime, actor: str) -> tuple[int, int]:
    """Part neighbours who have one case by as few exchanges as are found; return how many moved, pairs that stay.

    Raise Conflict("seating.closed"), ("seating.no_clash") where no two have one.

    Source: R-8.
    """
    with unit_of_work() as session:
        _sitting, room, drawn = _open(session, sitting_ref, room_ref)
        before = room.board(drawn.cases)
        clashes = alike(before, room.plan).cases
        if not clashes:
            raise Conflict("seating.no_clash")
        board = mended(before, room.plan, regular=room.regular, rng=random.Random(seed))
        left = alike(board, room.plan).cases
        after = {"seed": seed, "pairs": len(clashes), "left": len(left)}
        _note(session, room, board, "seats.mend", after, now=now, actor=actor)
        return reseat(session, room, board, now=now), len(left)


def redraw(
    *, sitting_ref: str, room_ref: str, number: int, rng: random.Random, now: datetime, actor: str
) -> str:
    """Draw another form for who sits at a seat, before the sitting is published; return their name.

    Raise Conflict("seating.published") later, NotFound("room.no_seat") for a seat nobody has a form at, and as
    `draw_forms` does.

    Source: R-8, R-43.
    """
    with unit_of_work() as session:
        sitting, room, drawn = _open(session, sitting_ref, room_ref)
        if SittingState(sitting.state) is not SittingState.DRAFT:
            raise Conflict("seating.published")
        entry = room.entries.get(number)
        if entry is None or entry.registration.id not in drawn.cases:
            raise NotFound("room.no_seat", number=number)
        former = set_aside(session, entry.registration)
        draw_forms(session, sitting, [(entry.registration, number)], now=now, rng=rng)
        subject = f"registration:{entry.registration.ref}"
        before = {"form": former.ref if former is not None else ""}
        record(session, at=now, actor=actor, act="seats.redraw", subject=subject, before=before)
        return entry.candidate.name


def _open(
    session: Session, sitting_ref: str, room_ref: str, *, undrawn: bool = False
) -> tuple[Sitting, SeatedRoom, DrawnForms]:
    # Locked, so that nobody draws forms for seats that change.
    sitting = sitting_by_ref(session, sitting_ref, lock=True)
    room = seated_room(session, sitting, room_ref)
    _changeable(room)
    drawn = drawn_in(session, room)
    if undrawn and drawn.count:
        raise Conflict("seating.drawn")
    return sitting, room, drawn


def _changeable(room: SeatedRoom) -> None:
    if SittingState(room.view.sitting_room.state) not in CHANGEABLE:
        raise Conflict("seating.closed")


def _note(
    session: Session,
    room: SeatedRoom,
    board: Seats,
    act: str,
    after: Mapping[str, object],
    *,
    now: datetime,
    actor: str,
) -> None:
    """Put on record who moves from where to where; to be called before they do."""
    at = {entry.registration.ref: number for number, entry in room.entries.items()}
    moves = {one.key: [at[one.key], number] for number, one in board.items() if at[one.key] != number}
    subject = f"sitting_room:{room.view.sitting_room.ref}"
    record(session, at=now, actor=actor, act=act, subject=subject, after={**after, "moves": moves})
