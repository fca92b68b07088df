"""Machines are bound to seats by a room's code; a second claim waits for the proctor.

Source: R-16.
"""

from __future__ import annotations

import unicodedata
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.db.unit_of_work import unit_of_work
from cbt.door import store
from cbt.door.seats.record import note
from cbt.errors import CbtError, Conflict, InvalidInput
from cbt.sittings.models import Room, Seat
from cbt.sittings.planning.places import close_binding
from cbt.web.who import throttle
from cbt.web.who.machine import Machine


def bind(*, machine: Machine, room_code: str, number: int, now: datetime) -> None:
    """Bind this machine to a seat by the code of the room's binding round.

    A seat another machine holds is not taken over: the board is alerted and Conflict("seat.claimed") raised,
    and the proctor may give it to this machine there (`give_claimed`). Raise InvalidInput("seat.code") for a
    code no round goes by, ("seat.number") for a seat the room does not have.

    Source: R-14, R-16.
    """
    guess = throttle.Try("bind", machine.address, machine.guesses_as)
    throttle.reserve_all([guess], now=now, address=machine.address)
    with unit_of_work() as session:
        outcome = _bind(session, machine, _plain_code(room_code), number, now=now)
        if not isinstance(outcome, InvalidInput):
            throttle.succeed(session, scope=guess.scope, subject=guess.subject, machine=guess.machine)
    # Raised after the commit: the alert must stay.
    if outcome is not None:
        raise outcome


def _bind(
    session: Session, machine: Machine, room_code: str, number: int, *, now: datetime
) -> CbtError | None:
    halls = store.halls_by_code(session, room_code, now=now) if room_code else []
    if len(halls) != 1:
        return InvalidInput("seat.code", field="room_code")
    seat = store.seat_in(session, halls[0].id, number)
    if seat is None:
        return InvalidInput("seat.number", field="number", room=halls[0].name)
    if _held_by_another(session, seat, machine):
        seat.claim_alert_at, seat.claim_hash, seat.claim_address = now, machine.token_hash, machine.address
        note(session, halls[0], seat, "claim", now=now, after={"address": machine.address})
        return Conflict("seat.claimed", seat=f"{number:02d}")
    _give(session, halls[0], seat, machine, now=now, actor=f"room:{halls[0].ref}")
    if not store.has_unbound_seat(session, halls[0].id):
        close_binding(session, halls[0], now=now, actor=f"room:{halls[0].ref}")
    return None


def _held_by_another(session: Session, seat: Seat, machine: Machine) -> bool:
    if seat.machine_hash is None or seat.machine_hash == machine.token_hash:
        return False
    # The seat's own address says that its disk was restored, unless other seats are behind the same address.
    own = store.seat_by_address(session, machine.address)
    return own is None or own.id != seat.id


def give_claimed(session: Session, seat: Seat, *, now: datetime, actor: str) -> None:
    """Give a seat to the machine that claimed it: the proctor has looked, and the former one is out of use.

    Raise Conflict("seat.no_claim") when no machine waits for it.

    Source: R-16.
    """
    if seat.claim_hash is None or seat.claim_address is None:
        raise Conflict("seat.no_claim")
    room = session.get_one(Room, seat.room_id)
    _give(session, room, seat, Machine(seat.claim_hash, seat.claim_address), now=now, actor=actor)


def clear_claim(session: Session, seat: Seat, *, now: datetime, actor: str) -> None:
    """Answer the alert of a second machine: the proctor has looked at the seat. Source: R-16."""
    if seat.claim_alert_at is None:
        raise Conflict("seat.no_claim")
    room = session.get_one(Room, seat.room_id)
    seat.claim_alert_at = seat.claim_hash = seat.claim_address = None
    subject = f"seat:{room.ref}:{seat.number}"
    chain.record(session, at=now, actor=actor, act="seat.clear_claim", subject=subject)


def _give(session: Session, room: Room, seat: Seat, machine: Machine, *, now: datetime, actor: str) -> None:
    session.execute(
        update(Seat)
        .where(Seat.machine_hash == machine.token_hash, Seat.id != seat.id)
        .values(machine_hash=None, machine_address=None, bound_at=None)
    )
    before = {"address": seat.machine_address}
    seat.machine_hash, seat.machine_address, seat.bound_at = machine.token_hash, machine.address, now
    seat.claim_alert_at = seat.claim_hash = seat.claim_address = None
    after = {"address": machine.address}
    note(session, room, seat, "bind", now=now, actor=actor, before=before, after=after)


def _plain_code(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split()).upper().replace("-", "")
