"""What an office plans with, removed or named anew: batches, sittings, rooms and centres.

A thing goes only while nothing hangs on it; its kind says what can hang on it and what goes with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.batches.roster.models import RosterCheck
from cbt.candidates.models import AdmissionTicket, Registration, Withdrawal
from cbt.errors import Conflict
from cbt.http.form_values import one_line, required
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
from cbt.storage.unit_of_work import reading, unit_of_work

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


_ADDRESS = 200


@dataclass(frozen=True, slots=True)
class PlannedThing:
    """A thing of a kind: what hangs on it, in words, and the ref of what it belongs to."""

    kind: KeptKind
    ref: str
    name: str
    address: str
    hanging: list[str]
    owner_ref: str


def look(*, kind: str, ref: str) -> PlannedThing:
    """Return a thing with what hangs on it; raise NotFound for none."""
    with reading() as session:
        thing = KINDS[kind].find(session, ref)
        return PlannedThing(
            KINDS[kind],
            ref,
            thing.name,
            getattr(thing, "address", ""),
            _words(KINDS[kind], KINDS[kind].hanging(session, thing)),
            owner_ref(session, thing),
        )


def remove(*, kind: str, ref: str, now: datetime, actor: str) -> None:
    """Delete what nothing hangs on; raise Conflict("keeping.hangs") with what does."""
    of = KINDS[kind]
    try:
        with unit_of_work() as session:
            thing = of.find(session, ref)
            session.refresh(thing, with_for_update=True)
            hanging = _words(of, of.hanging(session, thing))
            if hanging:
                raise Conflict("keeping.hangs", what=str(_("batches.missing.and")).join(hanging))
            before = {"name": thing.name}
            of.clear(session, thing)
            session.delete(thing)
            session.flush()
            record(session, at=now, actor=actor, act=f"{kind}.delete", subject=f"{kind}:{ref}", before=before)
    except IntegrityError as error:
        # Something of a later room, or something that came at this moment, belongs to it.
        raise Conflict("keeping.hangs", what=str(_("batches.hangs.other"))) from error


def change_centre(*, ref: str, name: str, address: str, now: datetime, actor: str) -> None:
    """Give a centre another name or address; raise InvalidInput("centre.name")."""
    with unit_of_work() as session:
        centre = KINDS["centre"].find(session, ref)
        values = {
            "name": required(name, "centre.name", "name"),
            "address": one_line(address, "address")[:_ADDRESS],
        }
        _set(session, centre, "centre", values, now=now, actor=actor)


def change_room(*, ref: str, name: str, now: datetime, actor: str) -> None:
    """Give a room another name; raise InvalidInput("room.name"), Conflict("room.taken")."""
    with unit_of_work() as session:
        room: Room = KINDS["room"].find(session, ref)
        name = required(name, "room.name", "name", limit=60)
        same = select(Room.id).where(Room.centre_id == room.centre_id, Room.name == name, Room.id != room.id)
        if session.scalar(same) is not None:
            raise Conflict("room.taken", field="name", name=name)
        _set(session, room, "room", {"name": name}, now=now, actor=actor)


def _set(
    session: Session, thing: Centre | Room, kind: str, values: dict[str, str], *, now: datetime, actor: str
) -> None:
    before = {key: getattr(thing, key) for key in values}
    changed: dict[str, Any] = {key: text for key, text in values.items() if before[key] != text}
    for key, text in changed.items():
        setattr(thing, key, text)
    if changed:
        record(
            session,
            at=now,
            actor=actor,
            act=f"{kind}.change",
            subject=f"{kind}:{thing.ref}",
            before={key: before[key] for key in changed},
            after=changed,
        )


def _words(kind: KeptKind, hanging: dict[str, int]) -> list[str]:
    return [
        str(_(f"batches.hangs.{kind.name}.{code}", count=count)) for code, count in hanging.items() if count
    ]
