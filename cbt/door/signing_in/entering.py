"""What is written of somebody who enters: the moment, the machine, a login, a line of the log.

A hall signs in within minutes. So whoever sits down at their own seat, at the machine it had, is written together
with what others write, under the condition that all that let them in is as it was read; everybody else waits for a
transaction of their own.

Source: R-14, R-16.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, exists, func, select, update
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.audit.sealing import EntryDraft
from cbt.candidates.models import Registration
from cbt.db.known.changes import Change, KnownChange
from cbt.db.types import UtcDateTime
from cbt.db.writing.parcels import Rows
from cbt.door.admission import Door
from cbt.door.arrival.changes import by_candidate, line_about
from cbt.door.seats.finding import machine_followed, note_machine, was_restored
from cbt.door.seats.moving import move_to_seat
from cbt.door.signing_in.entry import SeatSignIn, SeatVisit
from cbt.sittings.models import Seat, SittingRoom
from cbt.web.who.opening import login_to_revoke, open_login

_LETS_IN = (
    "seat_id", "absent_at", "left_at", "arrived_at", "checked_in_at", "sign_in_allowed_at", "login_code_hash",
    "login_code_until",
)  # fmt: skip
"""What of a registration decides whether its person may sign in at a seat."""


@dataclass(frozen=True, slots=True)
class GoingAlong:
    """What is written of somebody without a transaction of their own."""

    signed_in: SeatSignIn
    rows: Sequence[Rows]
    line: EntryDraft


def enter(session: Session, door: Door, visit: SeatVisit) -> SeatSignIn:
    """Open a login in a unit of work; the seat's machine is followed, and whoever may sit elsewhere is moved."""
    registration, now = door.registration, visit.now
    former_machine = None
    if visit.seat is not None:
        former_machine = note_machine(session, visit.seat, visit.machine, now=now)
        if visit.seat.id != registration.seat_id:
            actor = by_candidate(registration)
            move_to_seat(session, registration, visit.seat, now=now, actor=actor)
    token, login = _login(door, visit, former_machine)
    for change in (_ENTERED.of(registration=registration.id, now=now), *login):
        change.carry_out(session)
    chain.record_entry(session, _line(door, visit))
    return SeatSignIn(token, registration.ref)


def going_along(session: Session, door: Door, visit: SeatVisit) -> GoingAlong | None:
    """Return what is written where all is as it should be; None where more than that is to be done."""
    registration, seat = door.registration, visit.seat
    if seat is None or seat.id != registration.seat_id or was_restored(seat, visit.machine):
        return None
    token, login = _login(door, visit, None)
    followed = machine_followed(session, seat, visit.machine, now=visit.now)
    rows = [
        _entered_as_read(door, seat, visit),
        *([] if followed is None else [followed.rows(touches=1)]),
        *(change.rows() for change in login),
    ]
    return GoingAlong(SeatSignIn(token, registration.ref), rows, _line(door, visit))


def _login(door: Door, visit: SeatVisit, former_machine: str | None) -> tuple[str, list[Change]]:
    """Return the token of the login to come, and what stores it and ends the one this browser had."""
    login = open_login(
        kind="candidate",
        subject_ref=door.registration.ref,
        machine=visit.machine,
        former_machine=former_machine,
        now=visit.now,
    )
    if visit.former_login_id is None:
        return login.token, [login.stored]
    return login.token, [login_to_revoke(visit.former_login_id, now=visit.now), login.stored]


def _line(door: Door, visit: SeatVisit) -> EntryDraft:
    told = {"seat": visit.seat.number if visit.seat else None, "address": visit.machine.address}
    registration = door.registration
    return line_about(registration, visit.now, by_candidate(registration), "sign_in", after=told)


def _entered(*where: Any) -> Any:
    now = bindparam("now", type_=UtcDateTime)
    return (
        update(Registration)
        .where(Registration.id == bindparam("registration"), *where)
        .values(
            login_code_hash=None,
            login_code_until=None,
            signed_in_at=func.coalesce(Registration.signed_in_at, now),
        )
    )


def _was(column: Any, name: str) -> Any:
    return column.is_not_distinct_from(bindparam(f"was_{name}", type_=column.type))


_ENTERED = KnownChange(lambda _: _entered())
_AS_READ = KnownChange(
    lambda _: _entered(
        *(_was(getattr(Registration, name), name) for name in _LETS_IN),
        Registration.sitting_room_id.in_(
            select(SittingRoom.id).where(
                _was(SittingRoom.state, "state"), _was(SittingRoom.started_at, "started_at")
            )
        ),
        exists().where(
            Seat.id == bindparam("seat"),
            _was(Seat.machine_hash, "machine_hash"),
            _was(Seat.machine_address, "machine_address"),
        ),
    )
)


def _entered_as_read(door: Door, seat: Seat, visit: SeatVisit) -> Rows:
    registration, room = door.registration, door.sitting_room
    read = {f"was_{name}": getattr(registration, name) for name in _LETS_IN}
    return _AS_READ.of(
        registration=registration.id,
        now=visit.now,
        seat=seat.id,
        was_state=room.state,
        was_started_at=room.started_at,
        was_machine_hash=seat.machine_hash,
        was_machine_address=seat.machine_address,
        **read,
    ).rows(touches=1)
