"""What of a started room only the audit log knows: who left which seat when, and what the product itself gave.

People move by 换机 to a free seat, by signing in again wherever they may, by 整场换机房, and by what was taken back
of these. What an outage took is given back by nobody of the room.

Source: R-16, R-27.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.orm import Session

from cbt.audit.models import AuditEntry
from cbt.proctoring.board.seat_view import SeatView
from cbt.sittings.models import SittingRoom
from cbt.storage.prepared import PreparedSelect

_SEAT, _RELOCATED, _BACK = "door.seat", "room.relocate", "undo.relocate"
_GIVEN, _HELD = "room.adjust", "room.hold"
_SYSTEM = "scheduler"
_STARTED = (
    select(func.max(AuditEntry.id))
    .where(AuditEntry.subject == bindparam("room"), AuditEntry.act == "room.start")
    .scalar_subquery()
)
_ENTRIES = PreparedSelect(
    select(
        AuditEntry.at,
        AuditEntry.act,
        AuditEntry.actor,
        AuditEntry.subject,
        AuditEntry.reason,
        AuditEntry.before,
        AuditEntry.after,
    )
    .where(
        or_(*(AuditEntry.act == act for act in (_SEAT, _RELOCATED, _BACK, _GIVEN, _HELD))),
        AuditEntry.id > _STARTED,
    )
    .order_by(AuditEntry.id)
)
Move = tuple[datetime, str, int]
"""When somebody (the ref of a registration) left which seat (its number)."""


@dataclass(frozen=True, slots=True)
class SystemTime:
    """What the product itself gave a room or, `amount` None, held it for, since when and why."""

    at: datetime
    amount: timedelta | None
    why: str


@dataclass(frozen=True, slots=True)
class RoomTrail:
    """Both, in their order; moves of other rooms are among them."""

    moves: tuple[Move, ...] = ()
    system: tuple[SystemTime, ...] = ()


def trail_of_room(session: Session, room: SittingRoom) -> RoomTrail:
    """Return what the log has of a room since its start (one query)."""
    if room.started_at is None:
        return RoomTrail()
    moves: list[Move] = []
    system: list[SystemTime] = []
    relocations: list[Mapping[str, tuple[int, int]]] = []
    for entry in _ENTRIES.rows(session, room=room.logged_as):
        if entry.act == _SEAT:
            moves.append((entry.at, entry.subject.partition(":")[2], json.loads(entry.before)["seat"]))
        elif entry.subject != room.logged_as:
            continue
        elif entry.act == _RELOCATED:
            new_seats = json.loads(entry.after)["new_seats"]
            relocations.append({ref: _numbers(seats) for ref, seats in new_seats.items()})
            moves += [(entry.at, ref, former) for ref, (former, _new) in relocations[-1].items()]
        elif entry.act == _BACK and relocations:
            moves += [(entry.at, ref, new) for ref, (_former, new) in relocations.pop().items()]
        elif entry.actor == _SYSTEM:
            system.append(_system_time(entry, json.loads(entry.after), room.started_at))
    return RoomTrail(tuple(moves), tuple(system))


def _numbers(former_and_new: str) -> tuple[int, int]:
    former, _arrow, new = former_and_new.partition(" → ")
    return int(former), int(new)


def _system_time(entry: AuditEntry, after: Mapping[str, str], started_at: datetime) -> SystemTime:
    if entry.act == _HELD:
        return SystemTime(datetime.fromisoformat(after["from_at"]), None, entry.reason)
    amount = timedelta(seconds=int(after["seconds"]))
    return SystemTime(max(entry.at - amount, started_at), amount, entry.reason)


class SeatHistory:
    """Tells of a seat's person the number they had at an instant."""

    def __init__(self, moves: Sequence[Move]) -> None:
        left: defaultdict[str, list[tuple[datetime, int]]] = defaultdict(list)
        for at, ref, former in moves:
            left[ref].append((at, former))
        self._left: Mapping[str, Sequence[tuple[datetime, int]]] = left

    def at(self, seat: SeatView, instant: datetime) -> SeatView:
        """Return the seat with the number it had: who moves at an instant sits at the new one from then on."""
        former = next((number for at, number in self._left.get(seat.ref, ()) if at > instant), seat.number)
        return seat if former == seat.number else replace(seat, number=former)
