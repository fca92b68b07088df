"""Who waits and what their room does, as the database has it.

A login of a candidate that holds says whose registration it is; the registration, in which room it sits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cbt.db.types import read_instant, read_instant_or_none
from cbt.delivery.save.guard import Dialect
from cbt.delivery.waiting.standing import WaiterStanding

AT_ONCE = 512
"""Logins that are looked up with one statement."""
REGISTRATION, ROOM, ANYBODY, LOGIN = (
    "waiting:registration:",
    "waiting:sitting_room:",
    "waiting:*",
    "waiting:login:",
)
"""What the requests of those who wait wait for."""
_WAITERS = (
    "SELECT l.token_hash, l.expires_at, l.machine, r.ref, r.pledged_at, a.ref, s.ref FROM login_session l "
    "JOIN registration r ON r.ref = l.subject_ref JOIN sitting_room s ON s.id = r.sitting_room_id "
    "LEFT JOIN attempt a ON a.registration_id = r.id "
    "WHERE l.kind = 'candidate' AND l.revoked_at IS NULL AND l.token_hash"
)
_ROOMS = (
    "SELECT s.ref, t.planned_start_at, s.started_at, s.evacuated_at FROM sitting_room s "
    "JOIN sitting t ON t.id = s.sitting_id WHERE s.ref"
)
_ENDED = "SELECT token_hash FROM login_session WHERE revoked_at IS NOT NULL AND token_hash"


@dataclass(slots=True)
class Waiter:
    """A login of somebody who waits."""

    expires_at: datetime
    machine: str
    registration_ref: str
    pledged: bool
    attempt_ref: str | None
    room_ref: str
    changed: int = field(default=0, compare=False)
    """The number of the log as of which it is so, at the latest."""
    read_at: float = field(default=0.0, compare=False)
    asked_at: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class WaitingRoom:
    """What a sitting-room does."""

    planned_at: datetime
    started_at: datetime | None
    evacuated: bool
    changed: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class FoundWaiter:
    """Somebody who waits, and their room."""

    waiter: Waiter
    room: WaitingRoom

    @property
    def changed(self) -> int:
        """Return up to which number of the log something may have changed."""
        return max(self.waiter.changed, self.room.changed)

    @property
    def standing(self) -> WaiterStanding:
        """Return how they stand."""
        one, room = self.waiter, self.room
        return WaiterStanding(
            one.registration_ref,
            one.attempt_ref,
            one.pledged,
            room.planned_at,
            room.started_at,
            room.evacuated,
        )

    def topics(self, login: str) -> frozenset[str]:
        """Return what their request waits for."""
        one = self.waiter
        return frozenset({REGISTRATION + one.registration_ref, ROOM + one.room_ref, LOGIN + login, ANYBODY})


class WaiterReader:
    """Reads them with a cursor of the driver: everybody asks."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def waiters(self, cursor: Any, logins: Sequence[str]) -> dict[str, Waiter]:
        """Return who waits with logins, by these; without those that are over, or no candidate's."""
        found = {}
        for begin in range(0, len(logins), AT_ONCE):
            among, values = self._dialect.among(logins[begin : begin + AT_ONCE])
            cursor.execute(f"{_WAITERS} {among}", values)
            for login, expires_at, machine, registration, pledged_at, attempt, room in cursor.fetchall():
                until, pledged = read_instant(expires_at), pledged_at is not None
                found[login] = Waiter(until, machine, registration, pledged, attempt, room)
        return found

    def rooms(self, cursor: Any, refs: Sequence[str], *, number: int) -> dict[str, WaitingRoom]:
        """Return rooms as they are at a number of the log, by their refs."""
        if not refs:
            return {}
        among, values = self._dialect.among(refs)
        cursor.execute(f"{_ROOMS} {among}", values)
        return {
            ref: WaitingRoom(
                read_instant(planned), read_instant_or_none(started), evacuated is not None, number
            )
            for ref, planned, started, evacuated in cursor.fetchall()
        }

    def ended(self, cursor: Any, logins: Sequence[str]) -> Iterator[str]:
        """Yield which of these logins were ended."""
        for begin in range(0, len(logins), AT_ONCE):
            among, values = self._dialect.among(logins[begin : begin + AT_ONCE])
            cursor.execute(f"{_ENDED} {among}", values)
            yield from (login for (login,) in cursor.fetchall())
