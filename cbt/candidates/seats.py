"""Machines and seats: which seat a browser stands on, binding, a second claim, swapping people.

Source: R-16.
"""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.candidates import door_store
from cbt.candidates.models import Registration
from cbt.db.unit_of_work import unit_of_work
from cbt.errors import CbtError, Conflict, InvalidInput
from cbt.sittings.models import Room, Seat
from cbt.web import throttle
from cbt.web.login import token_hash

MOST_UNDELIVERED = 10_000


@dataclass(frozen=True, slots=True)
class Machine:
    """How a browser is known: its long-lived cookie, which a disk-restoring card wipes, and its address."""

    cookie: str | None
    address: str

    @property
    def identity(self) -> str:
        """What login sessions and leases keep of the machine."""
        return self.cookie or f"addr:{self.address}"


def seat_of(session: Session, machine: Machine) -> Seat | None:
    """Return the seat this machine is bound to: by its cookie, else by its address, else None."""
    if machine.cookie:
        seat = door_store.seat_by_machine(session, token_hash(machine.cookie))
        if seat is not None:
            return seat
    return door_store.seat_by_address(session, machine.address)


def note_machine(session: Session, seat: Seat, machine: Machine, *, now: datetime) -> None:
    """Follow a machine whose address changed; alert when that address is bound to another seat.

    A cloned disk carries one cookie to many machines, and this is how it is noticed.
    """
    if seat.machine_address == machine.address:
        return
    if door_store.seat_by_address(session, machine.address) is not None:
        seat.claim_alert_at = now
    else:
        seat.machine_address = machine.address


def bind(*, machine: Machine, room_code: str, number: int, replace: bool, now: datetime) -> str:
    """Bind this machine to a seat by the proctor's room code; return the token for its cookie.

    A seat another machine holds is not taken over without `replace`: the board is alerted and
    Conflict("seat.claimed") raised. Raise InvalidInput("seat.code") for a wrong code,
    ("seat.number") for a seat the room does not have.

    Source: R-16.
    """
    throttle.reserve(
        scope="bind", subject=machine.address, machine=machine.identity, now=now, address=machine.address
    )
    with unit_of_work() as session:
        outcome = _bind(session, machine, _plain_code(room_code), number, replace=replace, now=now)
    # Raised after the commit: the alert must stay.
    if isinstance(outcome, CbtError):
        raise outcome
    return outcome


def _bind(
    session: Session, machine: Machine, room_code: str, number: int, *, replace: bool, now: datetime
) -> str | CbtError:
    halls = door_store.halls_by_code(session, room_code) if room_code else []
    if len(halls) != 1:
        return InvalidInput("seat.code", field="room_code")
    seat = door_store.seat_in(session, halls[0].id, number)
    if seat is None:
        return InvalidInput("seat.number", field="number", room=halls[0].name)
    throttle.succeed(session, scope="bind", subject=machine.address, machine=machine.identity)
    if _held_by_another(seat, machine) and not replace:
        seat.claim_alert_at = now
        _audit(session, halls[0], seat, "claim", now=now, after={"address": machine.address})
        return Conflict("seat.claimed", seat=f"{number:02d}")
    return _give(session, halls[0], seat, machine, now=now)


def _held_by_another(seat: Seat, machine: Machine) -> bool:
    if seat.machine_hash is None:
        return False
    same_cookie = machine.cookie is not None and token_hash(machine.cookie) == seat.machine_hash
    return not same_cookie and seat.machine_address != machine.address


def _give(session: Session, room: Room, seat: Seat, machine: Machine, *, now: datetime) -> str:
    token = machine.cookie or secrets.token_urlsafe(24)
    session.execute(
        update(Seat)
        .where(Seat.machine_hash == token_hash(token), Seat.id != seat.id)
        .values(machine_hash=None, machine_address=None, bound_at=None)
    )
    before = {"address": seat.machine_address}
    seat.machine_hash, seat.machine_address = token_hash(token), machine.address
    seat.bound_at, seat.claim_alert_at = now, None
    _audit(session, room, seat, "bind", now=now, before=before, after={"address": machine.address})
    return token


def _audit(
    session: Session,
    room: Room,
    seat: Seat,
    act: str,
    *,
    now: datetime,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    # The room code is what authorises it, and several people know it: the room is all one can name.
    subject = f"seat:{room.ref}:{seat.number}"
    chain.record(
        session,
        at=now,
        actor=f"room:{room.ref}",
        act=f"seat.{act}",
        subject=subject,
        before=before,
        after=after,
    )


def report_undelivered(*, machine: Machine, count: int, now: datetime) -> None:
    """Keep how many answers of former candidates this machine still holds (本机有未送达作答).

    A machine bound to no seat has no place to list them and is not heard.

    Source: R-16.
    """
    if not 0 <= count <= MOST_UNDELIVERED:
        raise InvalidInput("seat.undelivered", field="count")
    with unit_of_work() as session:
        seat = seat_of(session, machine)
        if seat is None or seat.undelivered == count:
            return
        room = session.get_one(Room, seat.room_id)
        before, after = {"count": seat.undelivered}, {"count": count}
        seat.undelivered = count
        _audit(session, room, seat, "undelivered", now=now, before=before, after=after)


def clear_claim(session: Session, seat: Seat, *, now: datetime, actor: str) -> None:
    """Answer the alert of a second machine: the proctor has looked at the seat. Source: R-16."""
    if seat.claim_alert_at is None:
        raise Conflict("seat.no_claim")
    room = session.get_one(Room, seat.room_id)
    seat.claim_alert_at = None
    subject = f"seat:{room.ref}:{seat.number}"
    chain.record(session, at=now, actor=actor, act="seat.clear_claim", subject=subject)


def move_to_seat(
    session: Session, registration: Registration, seat: Seat, *, now: datetime, actor: str, reason: str = ""
) -> Registration | None:
    """Give somebody another seat of their room; who had it gets the former one and is returned.

    Source: R-16.
    """
    former = session.get_one(Seat, registration.seat_id)
    if seat.room_id != former.room_id:
        raise Conflict("seat.other_room")
    if seat.id == former.id:
        return None
    room_id = registration.sitting_room_id
    other = door_store.holder_of(session, room_id, seat.id)
    if other is not None:
        # No two may hold one seat even for a moment, so one waits on a seat that is nobody's.
        parked = door_store.unheld_seat_id(session, room_id)
        if parked is None:
            raise Conflict("seat.no_room_to_swap")
        _sit(session, other, parked)
    _sit(session, registration, seat.id)
    _record_move(session, registration, former, seat, now=now, actor=actor, reason=reason)
    if other is not None:
        _sit(session, other, former.id)
        _record_move(session, other, seat, former, now=now, actor=actor, reason=reason)
    return other


def _sit(session: Session, registration: Registration, seat_id: int) -> None:
    registration.seat_id = seat_id
    session.flush()


def _record_move(
    session: Session,
    registration: Registration,
    former: Seat,
    seat: Seat,
    *,
    now: datetime,
    actor: str,
    reason: str,
) -> None:
    chain.record(
        session,
        at=now,
        actor=actor,
        act="door.seat",
        subject=f"registration:{registration.ref}",
        reason=reason,
        before={"seat": former.number},
        after={"seat": seat.number},
    )


def _plain_code(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split()).upper().replace("-", "")
