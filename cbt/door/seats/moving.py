"""People change seats within their room.

Source: R-16.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.candidates.models import Registration
from cbt.door import store
from cbt.errors import Conflict
from cbt.sittings.models import Seat


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
