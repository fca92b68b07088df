"""The standing of somebody who waits: what the database has of them and their room, told to their page."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cbt.rules.door import asks_again_after, opens_after, share_of
from cbt.runner.protocol import iso
from cbt.storage.engine import Dialect
from cbt.storage.types import read_instant, read_instant_or_none

SOON = timedelta(milliseconds=50)
_MILLISECOND = timedelta(milliseconds=1)
_chance = random.Random()


@dataclass(frozen=True, slots=True)
class WaiterStanding:
    """Whose page it is, and what its room does."""

    registration_ref: str
    attempt_ref: str | None
    """None while there is no form."""
    pledged: bool
    planned_at: datetime
    started_at: datetime | None
    evacuated: bool

    @property
    def goes(self) -> bool:
        """Return whether the paper may be opened: the room's clock runs, and the pledge is given.

        Source: R-14, R-20.
        """
        return self.attempt_ref is not None and self.started_at is not None and self.pledged


def told(
    standing: WaiterStanding, *, now: datetime, number: int, url: str | None, span: timedelta, may_wait: bool
) -> dict[str, Any]:
    """Return what the page is told: whether to go on and when, and when to ask again.

    `url` is the paper's, `span` over how long those who begin now are spread. A page that may wait asks again at
    once, with the `number` up to which it knows all.
    """
    opens, pause = timedelta(), SOON
    if standing.goes and standing.started_at is not None:
        share = share_of(standing.registration_ref)
        opens = opens_after(standing.started_at, now=now, share=share, span=span)
    if not may_wait:
        pause = asks_again_after(standing.planned_at - now, _chance.random())
    return {
        "go": standing.goes,
        "url": url if standing.goes else None,
        "opens_ms": opens // _MILLISECOND,
        "next_ms": pause // _MILLISECOND,
        "now": iso(now),
        "evacuated": standing.evacuated,
        "number": number,
    }


# Who waits and what their room does, as the database has it.
#
# A login of a candidate that holds says whose registration it is; the registration, in which room it sits.

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
class WaiterRow:
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
        waiter, room = self.waiter, self.room
        return WaiterStanding(
            waiter.registration_ref,
            waiter.attempt_ref,
            waiter.pledged,
            room.planned_at,
            room.started_at,
            room.evacuated,
        )

    def topics(self, login: str) -> frozenset[str]:
        waiter = self.waiter
        return frozenset(
            {REGISTRATION + waiter.registration_ref, ROOM + waiter.room_ref, LOGIN + login, ANYBODY}
        )


class WaiterReader:
    """Reads them with a cursor of the driver: everybody asks."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def waiters(self, cursor: Any, logins: Sequence[str]) -> dict[str, Waiter]:
        """Return who waits with logins, by these; without those that are over, or no candidate's."""
        waiters = {}
        for begin in range(0, len(logins), AT_ONCE):
            among, values = self._dialect.among(logins[begin : begin + AT_ONCE])
            cursor.execute(f"{_WAITERS} {among}", values)
            for login, expires_at, machine, registration, pledged_at, attempt, room in cursor.fetchall():
                until, pledged = read_instant(expires_at), pledged_at is not None
                waiters[login] = Waiter(until, machine, registration, pledged, attempt, room)
        return waiters

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
        for begin in range(0, len(logins), AT_ONCE):
            among, values = self._dialect.among(logins[begin : begin + AT_ONCE])
            cursor.execute(f"{_ENDED} {among}", values)
            yield from (login for (login,) in cursor.fetchall())
