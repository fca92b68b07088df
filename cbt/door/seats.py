"""Seats and their machines: binding by a room's code, claims, moves, and answers a machine still holds.

A machine is found by its token or its address, and followed when those change; a second claim waits for the
proctor. Each change is an entry of the audit log.

Source: R-16.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import String, bindparam, func, select, update
from sqlalchemy.orm import Session, aliased

from cbt.audit import chain
from cbt.audit.models import AuditEntry
from cbt.candidates.models import Registration
from cbt.door import store
from cbt.errors import CbtError, Conflict, InvalidInput
from cbt.http.auth import throttle
from cbt.http.auth.machine import Machine, token_hash
from cbt.sittings.models import Room, Seat
from cbt.sittings.places import close_binding
from cbt.storage.prepared import Change, PreparedChange
from cbt.storage.types import UtcDateTime, from_micros, to_micros
from cbt.storage.unit_of_work import reading, unit_of_work


def subject_of_entries(room: Room, seat: Seat) -> str:
    return f"seat:{room.ref}:{seat.number}"


def note(
    session: Session,
    room: Room,
    seat: Seat,
    act: str,
    *,
    now: datetime,
    actor: str = "",
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    """Leave one line about a seat in the audit log."""
    # The room code is what authorises it, and several people know it: the room is all one can name.
    chain.record(
        session,
        at=now,
        actor=actor or f"room:{room.ref}",
        act=f"seat.{act}",
        subject=subject_of_entries(room, seat),
        before=before,
        after=after,
    )


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


def machine_followed(
    session: Session | None, seat: Seat, machine: Machine, *, now: datetime
) -> Change | None:
    """Return what is changed of a seat whose machine has another address; None where it has the same."""
    if seat.machine_address == machine.address:
        return None
    if store.is_address_of_a_seat(session, machine.address):
        return _CLAIMED.of(seat=seat.id, now=now, address=machine.address)
    return _MOVED.of(seat=seat.id, former=seat.machine_address, address=machine.address)


_CLAIMED = PreparedChange(
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
_MOVED = PreparedChange(
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


@dataclass(frozen=True, slots=True)
class SeatClaim:
    """A machine that waits for a seat: who has the seat, and which one that machine would leave."""

    former_address: str
    bound_at: datetime | None
    address: str
    claimed_at: datetime | None
    undelivered: int
    leaves: str
    """The seat the waiting machine is bound to so far; "" for none."""


def claim_of(session: Session, seat_id: int) -> SeatClaim | None:
    """Return what `give_claimed` would change of a seat; None where no machine waits for it."""
    seat = session.get_one(Seat, seat_id)
    if seat.claim_hash is None or seat.claim_address is None:
        return None
    other = _bound_elsewhere(session, seat, seat.claim_hash)
    leaves = "" if other is None else f"{session.get_one(Room, other.room_id).name} {other.number:02d}"
    return SeatClaim(
        former_address=seat.machine_address or "",
        bound_at=seat.bound_at,
        address=seat.claim_address,
        claimed_at=seat.claim_alert_at,
        undelivered=seat.undelivered,
        leaves=leaves,
    )


def _bound_elsewhere(session: Session, seat: Seat, machine_hash: str) -> Seat | None:
    query = select(Seat).where(Seat.machine_hash == machine_hash, Seat.id != seat.id).limit(1)
    return session.scalar(query)


def machines_of(session: Session, seat: Seat) -> dict[str, Any]:
    """Return which machines a seat knows, as `give_back_claimed` needs them."""
    other = None if seat.claim_hash is None else _bound_elsewhere(session, seat, seat.claim_hash)
    return {
        "machine": _machine_kept(seat),
        "claim": [_micros(seat.claim_alert_at), seat.claim_hash, seat.claim_address],
        "other": None if other is None else [other.id, _machine_kept(other)],
    }


def _machine_kept(seat: Seat) -> list[Any]:
    return [seat.machine_hash, seat.machine_address, _micros(seat.bound_at)]


def _micros(instant: datetime | None) -> int | None:
    return None if instant is None else to_micros(instant)


def give_back_claimed(
    session: Session, seat: Seat, before: Mapping[str, Any], *, now: datetime, actor: str
) -> bool:
    """Give a seat back to the machine it had, the other one waits again; return whether that still could be.

    It can while neither machine was bound anew and no third one asks for the seat.

    Source: R-16.
    """
    _claimed_at, claim_hash, claim_address = before["claim"]
    former_hash = before["machine"][0]
    other = None if before["other"] is None else session.get_one(Seat, before["other"][0])
    if seat.machine_hash != claim_hash or seat.claim_alert_at is not None:
        return False
    if former_hash is not None and _bound_elsewhere(session, seat, former_hash) is not None:
        return False
    if other is not None and other.machine_hash is not None:
        return False
    _bind_as_kept(seat, before["machine"])
    seat.claim_alert_at = _instant(before["claim"][0])
    seat.claim_hash, seat.claim_address = claim_hash, claim_address
    if other is not None:
        _bind_as_kept(other, before["other"][1])
    room = session.get_one(Room, seat.room_id)
    after = {"address": seat.machine_address}
    note(session, room, seat, "bind", now=now, actor=actor, before={"address": claim_address}, after=after)
    return True


def _bind_as_kept(seat: Seat, machine: Sequence[Any]) -> None:
    seat.machine_hash, seat.machine_address = machine[0], machine[1]
    seat.bound_at = _instant(machine[2])


def _instant(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)


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
    other = store.holder_of(session, room_id, seat.id)
    if other is not None:
        # No two may hold one seat even for a moment, so one waits on a seat that is nobody's.
        parked = store.unheld_seat_id(session, room_id)
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


MOST_UNDELIVERED = 10_000
AGAIN = timedelta(minutes=1)
"""A machine that goes on telling other numbers is put on record no oftener: whoever holds a machine's cookie cannot
make the server write."""


def report_undelivered(*, machine: Machine, count: int, now: datetime) -> None:
    """Keep how many answers of former candidates this machine still holds (本机有未送达作答).

    A machine bound to no seat has no place to list them and is not heard. Within a minute of an entry only that
    nothing is left any more is kept, without another entry: a proctor waits for it.

    Source: R-16.
    """
    if not 0 <= count <= MOST_UNDELIVERED:
        raise InvalidInput("seat.undelivered", field="count")
    with reading() as session:
        if _is_news(session, seat_of(session, machine), count, now=now) is None:
            return
    with unit_of_work() as session:
        seat = seat_of(session, machine)
        room = _is_news(session, seat, count, now=now)
        if seat is None or room is None:
            return
        before, after = {"count": seat.undelivered}, {"count": count}
        seat.undelivered = count
        if not _noted(session, room, seat, now=now):
            note(session, room, seat, "undelivered", now=now, before=before, after=after)


def _is_news(session: Session, seat: Seat | None, count: int, *, now: datetime) -> Room | None:
    """Return the room of a seat whose number is to be kept; None when there is nothing to keep."""
    if seat is None or seat.undelivered == count:
        return None
    room = session.get_one(Room, seat.room_id)
    return room if count == 0 or not _noted(session, room, seat, now=now) else None


def _noted(session: Session, room: Room, seat: Seat, *, now: datetime) -> bool:
    """Return whether there is an entry of less than a minute ago."""
    entry = select(AuditEntry.id).where(
        AuditEntry.subject == subject_of_entries(room, seat),
        AuditEntry.act == "seat.undelivered",
        AuditEntry.at > now - AGAIN,
    )
    return session.scalar(entry.limit(1)) is not None
