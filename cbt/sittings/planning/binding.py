"""Which machine stands at which seat: the rounds in which machines are bound by a room's code."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.sittings.models import Room, Seat

_CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_CODE_LENGTH = 6
BINDING_ROUND = timedelta(minutes=60)
"""Long enough to walk along the machines of the largest room."""


def fresh_room_code(session: Session) -> str:
    """Return a room code no other room has."""
    while True:
        code = "".join(secrets.choice(_CODE_ALPHABET) for _ in range(_CODE_LENGTH))
        if session.scalar(select(Room.id).where(Room.room_code == code)) is None:
            return code


def open_binding(
    session: Session, room: Room, *, now: datetime, actor: str, length: timedelta = BINDING_ROUND
) -> None:
    """Begin a binding round: a fresh code that binds machines to unbound seats for a while.

    One code serves for all seats of the room, for it is typed at thirty machines in turn. It ends when every
    seat has a machine, when the time is over or when a proctor says so, and is never good again.

    Source: R-16.
    """
    room.room_code, room.code_until = fresh_room_code(session), now + length
    after = {"until": room.code_until.isoformat()}
    record(session, at=now, actor=actor, act="room.code", subject=f"room:{room.ref}", after=after)


def close_binding(session: Session, room: Room, *, now: datetime, actor: str) -> None:
    """End a binding round; the code that was used is worth nothing from here on. Source: R-16."""
    room.room_code, room.code_until = fresh_room_code(session), None
    record(session, at=now, actor=actor, act="room.code_closed", subject=f"room:{room.ref}")


def unbind_seat(session: Session, seat: Seat, *, now: datetime, actor: str) -> None:
    """Free a seat of its machine, so that another one can be bound.

    Source: R-16.
    """
    seat.machine_hash = seat.machine_address = seat.bound_at = None
    seat.claim_alert_at = seat.claim_hash = seat.claim_address = None
    room = session.get_one(Room, seat.room_id)
    after = {"seat": seat.number}
    record(session, at=now, actor=actor, act="seat.unbind", subject=f"room:{room.ref}", after=after)
