"""The kinds of things an office plans with: what can hang on each, and what goes with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from cbt.batches.roster.models import RosterCheck
from cbt.candidates.models import AdmissionTicket, Registration, Withdrawal
from cbt.rules.states.sitting import SittingState
from cbt.sittings import store
from cbt.sittings.models import (
    Batch,
    BatchLevel,
    Centre,
    Room,
    RoomStaff,
    Seat,
    Sitting,
    SittingChange,
    SittingRoom,
)

_GOES = frozenset({SittingState.DRAFT, SittingState.CANCELLED})
"""A sitting that was published is withdrawn or cancelled first: people were told of it."""


@dataclass(frozen=True, slots=True)
class KeptKind:
    """A kind of thing: how one is found, what hangs on it (code -> how many), and what is deleted with it."""

    name: str
    find: Callable[[Session, str], Any]
    hanging: Callable[[Session, Any], dict[str, int]]
    clear: Callable[[Session, Any], None]
    page: str
    """The endpoint of its own page."""
    above: str
    """The endpoint of the page where one is once it is gone; it takes the ref of what it belongs to, if any."""


def _count(session: Session, table: Any, *where: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).select_from(table).where(*where)) or 0


def _on_batch(session: Session, batch: Batch) -> dict[str, int]:
    return {
        "sittings": _count(session, Sitting, Sitting.batch_id == batch.id),
        "tickets": _count(session, AdmissionTicket, AdmissionTicket.batch_id == batch.id),
        "rosters": _count(session, RosterCheck, RosterCheck.batch_id == batch.id),
    }


def _on_sitting(session: Session, sitting: Sitting) -> dict[str, int]:
    return {
        "published": int(SittingState(sitting.state) not in _GOES),
        "registrations": _count(session, Registration, Registration.sitting_id == sitting.id),
        "withdrawals": _count(session, Withdrawal, Withdrawal.sitting_id == sitting.id),
    }


def _on_room(session: Session, room: Room) -> dict[str, int]:
    return {
        "sittings": _count(session, SittingRoom, SittingRoom.room_id == room.id),
        "machines": _count(session, Seat, Seat.room_id == room.id, Seat.bound_at.is_not(None)),
    }


def _on_centre(session: Session, centre: Centre) -> dict[str, int]:
    return {
        "rooms": _count(session, Room, Room.centre_id == centre.id),
        "sittings": _count(session, Sitting, Sitting.centre_id == centre.id),
    }


def _clear_batch(session: Session, batch: Batch) -> None:
    session.execute(delete(BatchLevel).where(BatchLevel.batch_id == batch.id))


def _clear_sitting(session: Session, sitting: Sitting) -> None:
    rooms = select(SittingRoom.id).where(SittingRoom.sitting_id == sitting.id)
    session.execute(delete(RoomStaff).where(RoomStaff.sitting_room_id.in_(rooms)))
    session.execute(delete(SittingRoom).where(SittingRoom.sitting_id == sitting.id))
    session.execute(delete(SittingChange).where(SittingChange.sitting_id == sitting.id))
    session.execute(delete(SittingChange).where(SittingChange.sitting_id == sitting.id))


def _clear_room(session: Session, room: Room) -> None:
    session.execute(delete(Seat).where(Seat.room_id == room.id))


def _clear_centre(_session: Session, _centre: Centre) -> None:
    """Nothing goes with a centre: what could would hang on it."""


KINDS: Mapping[str, KeptKind] = {
    kind.name: kind
    for kind in (
        KeptKind(
            "batch",
            store.batch_by_ref,
            _on_batch,
            _clear_batch,
            "batches.checklist.batch",
            "sittings.batches",
        ),
        KeptKind(
            "sitting",
            store.sitting_by_ref,
            _on_sitting,
            _clear_sitting,
            "candidates.sitting",
            "batches.checklist.batch",
        ),
        KeptKind(
            "room",
            store.room_by_ref,
            _on_room,
            _clear_room,
            "sittings.centres.room",
            "sittings.centres.centre",
        ),
        KeptKind(
            "centre",
            store.centre_by_ref,
            _on_centre,
            _clear_centre,
            "sittings.centres.centre",
            "sittings.centres.centres",
        ),
    )
}


def owner_ref(session: Session, thing: Batch | Sitting | Room | Centre) -> str:
    """Return the ref of what a thing belongs to, or an empty text."""
    if isinstance(thing, Sitting):
        return session.get_one(Batch, thing.batch_id).ref
    return session.get_one(Centre, thing.centre_id).ref if isinstance(thing, Room) else ""
