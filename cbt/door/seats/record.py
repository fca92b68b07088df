"""What happens to a seat's machine, in the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.sittings.models import Room, Seat


def subject_of_entries(room: Room, seat: Seat) -> str:
    """Return the name a seat has in the audit log."""
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
