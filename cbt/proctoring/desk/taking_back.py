"""What taking an act back needs: instants kept as numbers, and a change that waits for nobody who moved on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, update

from cbt.candidates.models import Registration
from cbt.db.types import from_micros, to_micros
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.desk.acting import Desk


def change_while(desk: Desk, seat: SeatView, *still: ColumnElement[bool], **values: Any) -> bool:
    """Set columns of a seat's registration while `still` holds; return whether it did."""
    changed = desk.session.scalar(
        update(Registration)
        .where(Registration.id == seat.registration_id, *still)
        .values(**values)
        .returning(Registration.id)
    )
    return changed is not None


def kept(instant: datetime | None) -> int | None:
    """Return an instant as it is kept with an act that can be taken back."""
    return None if instant is None else to_micros(instant)


def restored(micros: int | None) -> datetime | None:
    """Return the instant that was kept."""
    return None if micros is None else from_micros(micros)
