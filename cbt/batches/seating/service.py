"""Use cases of single seats: exchange two, part neighbours with one case, draw another form for one of them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.batches.seating.cases import drawn_in
from cbt.batches.seating.opening import changeable, open_room
from cbt.candidates.seating.reseating import reseat
from cbt.candidates.seating.room import SeatedRoom, seated_room
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.delivery.paper.drawing import draw_forms, sources_for
from cbt.delivery.paper.following import set_aside
from cbt.delivery.paper.others import has_cases
from cbt.errors import Conflict, NotFound
from cbt.rules.planning.beside import Seats, alike, mended
from cbt.rules.states.sitting import SittingState
from cbt.sittings.store import sitting_by_ref


def exchange(
    *, sitting_ref: str, room_ref: str, one: int, other: int, now: datetime, actor: str
) -> tuple[int, int]:
    """Exchange who sits at two seats, one of which may be free; the forms stay with their people.

    Raise NotFound("room.no_seat"), Conflict("seating.closed"), ("seating.nobody") for two free seats.

    Source: R-16.
    """
    with unit_of_work() as session:
        _sitting, room = open_room(session, sitting_ref, room_ref)
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

    Raise Conflict("seating.closed"), ("seating.no_clash") where no two have one, ("seating.changed") where somebody
    changed the room meanwhile.

    Source: R-8.
    """
    with reading() as session:
        shown = seated_room(session, sitting_by_ref(session, sitting_ref), room_ref)
        changeable(shown)
        drawn = drawn_in(session, shown)
    before = shown.board(drawn.cases)
    clashes = alike(before, shown.plan).cases
    if not clashes:
        raise Conflict("seating.no_clash")
    board = mended(before, shown.plan, regular=shown.regular, rng=random.Random(seed))
    left = len(alike(board, shown.plan).cases)
    after = {"seed": seed, "pairs": len(clashes), "left": left}
    with unit_of_work() as session:
        _sitting, room = open_room(session, sitting_ref, room_ref, seen=shown.seen, forms=drawn.forms)
        _note(session, room, board, "seats.mend", after, now=now, actor=actor)
        return reseat(session, room, board, now=now), left


def redraw(
    *, sitting_ref: str, room_ref: str, number: int, rng: random.Random, now: datetime, actor: str
) -> str:
    """Draw another form for who sits at a seat, before the sitting is published; return their name.

    Raise Conflict("seating.published") later, NotFound("room.no_seat") for a seat nobody has a form at, and as
    `draw_forms` does.

    Source: R-8, R-43.
    """
    with reading() as session:
        shown = seated_room(session, sitting_by_ref(session, sitting_ref), room_ref).entries.get(number)
        if shown is None:
            raise NotFound("room.no_seat", number=number)
        sources = sources_for(shown.registration.blueprint_version_id, [shown.registration.paper])
    with unit_of_work() as session:
        sitting, room = open_room(session, sitting_ref, room_ref)
        if SittingState(sitting.state) is not SittingState.DRAFT:
            raise Conflict("seating.published")
        entry = room.entries.get(number)
        if entry is None or not has_cases(session, entry.registration):
            raise NotFound("room.no_seat", number=number)
        former = set_aside(session, entry.registration)
        if former is None:
            raise NotFound("room.no_seat", number=number)
        draw_forms(session, sitting, [(entry.registration, number)], sources=sources, now=now, rng=rng)
        subject = f"registration:{entry.registration.ref}"
        before = {"form": former.ref}
        record(session, at=now, actor=actor, act="seats.redraw", subject=subject, before=before)
        return entry.candidate.name


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
