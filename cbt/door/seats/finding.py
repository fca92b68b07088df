"""Which seat a machine stands at, found by its token or its address, and followed when those change.

Source: R-16.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, bindparam, func, select, update
from sqlalchemy.orm import Session, aliased

from cbt.db.known.changes import Change, KnownChange
from cbt.db.types import UtcDateTime
from cbt.db.unit_of_work import reading
from cbt.door import store
from cbt.door.seats.record import note
from cbt.sittings.models import Room, Seat
from cbt.web.who.login import token_hash
from cbt.web.who.machine import Machine


def seat_of(session: Session, machine: Machine) -> Seat | None:
    """Return the seat this machine is bound to: by its token, else by its address, else None."""
    if machine.token_hash:
        seat = store.seat_by_machine(session, machine.token_hash)
        if seat is not None:
            return seat
    return store.seat_by_address(session, machine.address)


def subject_of(seat_id: int) -> str:
    """Return the name a seat has where tries are counted."""
    return f"seat:{seat_id}"


def was_issued(name: str) -> bool:
    """Return whether a machine's name without a signature is one the server gave out: a seat is bound to it.

    So were the tokens of the time before they were signed, and are those of a key that was changed since.
    """
    with reading() as session:
        return store.is_bound(session, token_hash(name))


def note_machine(session: Session, seat: Seat, machine: Machine, *, now: datetime) -> str | None:
    """Follow a machine whose address or token changed; return what it was known as when its token did.

    A machine that was found by its address had its token wiped by a disk-restoring card: its seat goes on
    with the new one. One found by its token whose address is another seat's is a cloned disk: it alerts.

    Source: R-16.
    """
    if was_restored(seat, machine):
        former, seat.machine_hash = seat.machine_hash, machine.token_hash
        note(
            session,
            session.get_one(Room, seat.room_id),
            seat,
            "restored",
            now=now,
            after={"address": machine.address},
        )
        return former
    followed = machine_followed(session, seat, machine, now=now)
    if followed is not None:
        followed.carry_out(session)
    return None


def was_restored(seat: Seat, machine: Machine) -> bool:
    """Return whether a machine that stands at a seat has another token than the seat knows."""
    return machine.token_hash is not None and seat.machine_hash != machine.token_hash


def machine_followed(session: Session, seat: Seat, machine: Machine, *, now: datetime) -> Change | None:
    """Return what is changed of a seat whose machine has another address; None where it has the same."""
    if seat.machine_address == machine.address:
        return None
    if store.is_address_of_a_seat(session, machine.address):
        return _CLAIMED.of(seat=seat.id, now=now, address=machine.address)
    return _MOVED.of(seat=seat.id, former=seat.machine_address, address=machine.address)


_CLAIMED = KnownChange(
    lambda _: (
        update(Seat)
        .where(Seat.id == bindparam("seat"))
        .values(
            claim_alert_at=bindparam("now", type_=UtcDateTime),
            claim_hash=None,
            claim_address=bindparam("address", type_=String),
        )
    )
)
_OTHER = aliased(Seat)
_MOVED = KnownChange(
    lambda _: (
        update(Seat)
        .where(
            Seat.id == bindparam("seat"),
            Seat.machine_address.is_not_distinct_from(bindparam("former", type_=String)),
            # nobody's meanwhile, or many's: then it says nothing
            select(func.count(_OTHER.id))
            .where(_OTHER.machine_address == bindparam("address", type_=String))
            .scalar_subquery()
            != 1,
        )
        .values(machine_address=bindparam("address", type_=String))
    )
)
