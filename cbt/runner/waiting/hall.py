"""The waiting hall: what a process knows of those who wait, and those it does not know read together.

It is a few lines for a login and for a room, as of a number of the log. Whatever changes who somebody is,
where they sit and what their room does is an entry of the log, so what an entry names is read anew
(news/watcher.py asks for the log's last number for everybody at once). That a login was ended is no entry:
all that are known are looked up together every second or so.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.engine import Engine

from cbt.rules.door import LATELY, asks_again_after, opening_span, opens_after, share_of
from cbt.runner.protocol import iso
from cbt.storage.engine import Dialect
from cbt.storage.types import read_instant, read_instant_or_none
from cbt.storage.unit_of_work import raw_reading

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


KEPT_SECONDS = 60.0
"""So long somebody is known who asks no more, and what is known of those who do is read anew."""
MOST_KNOWN = 20_000
LOGINS_SECONDS = 1.0
OF_NOBODY = frozenset(
    {
        "approval", "attempt", "blueprint", "factor", "item", "item_bank", "key", "log", "reasons", "seat", "staff",
        "system", "view",
    }
)  # fmt: skip
"""What an entry may be about that changes nothing for whoever waits; of anything else all is read anew."""
Entry = tuple[int, str, str]
"""Number, act and subject of an entry of the log."""


class WaitingHall:
    """Everybody of one process who waits, by login; from any thread.

    What is read beside `look` is kept only if nobody has looked meanwhile: it may be older than what the look knew.
    """

    def __init__(
        self,
        dialect: Dialect,
        *,
        servers: int,
        spread: timedelta,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        """`servers` processes share those who wait; their opening is spread over `spread` at most."""
        self._reader = WaiterReader(dialect)
        self._servers = servers
        self._spread = spread
        self._timer = timer
        self._lock = threading.Lock()
        self._waiters: dict[str, Waiter] = {}
        self._rooms: dict[str, WaitingRoom] = {}
        self._looks = 0
        self._logins_at = 0.0
        self._begun: dict[str, float] = {}
        """Rooms that were seen to begin, and when; those of the last look that saw one, and of a little before."""
        self.span = timedelta()
        """Over how long the opening of those who begin now is spread."""
        self.number = -1
        """Up to which number of the log all that is known is so."""

    def find(self, login: str) -> WaiterRow | None:
        """Return who waits with a login, if that is known."""
        waiter = self._waiters.get(login)
        if waiter is None:
            return None
        room, now = self._rooms.get(waiter.room_ref), self._timer()
        if room is None or now - waiter.read_at > KEPT_SECONDS:
            return None
        waiter.asked_at = now
        return WaiterRow(waiter, room)

    def read(self, cursor: Any, logins: Sequence[str]) -> dict[str, WaiterRow]:
        """Read who waits with logins, by these; without those that are over, or no candidate's."""
        with self._lock:
            looks, number = self._looks, self.number
        waiters, now = self._reader.waiters(cursor, logins), self._timer()
        rooms = {one.room_ref: self._rooms.get(one.room_ref) for one in waiters.values()}
        missing = [ref for ref, room in rooms.items() if room is None]
        waiting_rooms = rooms | self._reader.rooms(cursor, missing, number=number)
        found_waiters = {}
        for login, waiter in waiters.items():
            room = waiting_rooms[waiter.room_ref]
            if room is not None:
                waiter.changed, waiter.read_at, waiter.asked_at = number, now, now
                found_waiters[login] = WaiterRow(waiter, room)
        with self._lock:
            if self._looks == looks:
                self._keep(found_waiters)
        return found_waiters

    def read_anew(self, cursor: Any, login: str) -> WaiterRow | None:
        """Read who waits with a login whatever is known, and keep nothing of it."""
        for waiter in self._reader.waiters(cursor, [login]).values():
            for room in self._reader.rooms(cursor, [waiter.room_ref], number=self.number).values():
                return WaiterRow(waiter, room)
        return None

    def _keep(self, rows: dict[str, WaiterRow]) -> None:
        for login, waiter in rows.items():
            former = self._waiters.get(login)
            if former == waiter.waiter:
                waiter.waiter.changed = former.changed
            if len(self._waiters) < MOST_KNOWN:
                self._waiters[login] = waiter.waiter
                self._rooms.setdefault(waiter.waiter.room_ref, waiter.room)

    def look(self, cursor: Any, entries: Sequence[Entry], *, upto: int, whole: bool) -> dict[str, int]:
        """Take what the log says until `upto`; return what changed, by topic.

        Not `whole`: what lies between is not known, and all is read anew. The cursor is that of whoever read the
        entries.
        """
        changes: dict[str, int] = {}
        for number, _, subject in entries:
            topic = self._topic(subject)
            if topic is not None:
                changes[topic] = number
        every = not whole or ANYBODY in changes
        refs = [ref for ref in list(self._rooms) if every or ROOM + ref in changes]
        rooms = self._reader.rooms(cursor, refs, number=upto)
        with self._lock:
            self._looks += 1
            self._forget(changes, every=every, besides=rooms)
            self._settle(rooms)
            self.number = upto
        return changes

    @property
    def is_due(self) -> bool:
        return bool(self._waiters) and self._timer() - self._logins_at >= LOGINS_SECONDS

    def ended(self, cursor: Any) -> list[str]:
        """Let go of whose login was ended; return what those wait for."""
        now = self._logins_at = self._timer()
        with self._lock:
            gone = [login for login, one in self._waiters.items() if now - one.asked_at > KEPT_SECONDS]
            self._drop(gone)
            logins = list(self._waiters)
        ended = list(self._reader.ended(cursor, logins))
        with self._lock:
            self._looks += 1
            self._drop(ended)
        return [LOGIN + login for login in ended]

    def _topic(self, subject: str) -> str | None:
        kind = subject.partition(":")[0]
        if kind in ("registration", "sitting_room"):
            return f"waiting:{subject}"
        return None if kind in OF_NOBODY else ANYBODY

    def _forget(self, changes: Iterable[str], *, every: bool, besides: Collection[str]) -> None:
        """Let go of what changed, but for the rooms that were read anew.

        A room that became known in the meantime may have been read before it changed.
        """
        gone = {topic.removeprefix(ROOM) for topic in changes}
        for ref in list(self._rooms):
            if (every or ref in gone) and ref not in besides:
                del self._rooms[ref]
        people = {topic.removeprefix(REGISTRATION) for topic in changes}
        self._drop([login for login, one in self._waiters.items() if every or one.registration_ref in people])

    def _drop(self, logins: Iterable[str]) -> None:
        for login in logins:
            self._waiters.pop(login, None)

    def _settle(self, rooms: dict[str, WaitingRoom]) -> None:
        begun = [
            ref
            for ref, room in rooms.items()
            if room.started_at is not None and ref in self._rooms and self._rooms[ref].started_at is None
        ]
        self._rooms.update(rooms)
        if begun:
            now = self._timer()
            lately = {ref: at for ref, at in self._begun.items() if now - at < LATELY.total_seconds()}
            self._begun = lately | dict.fromkeys(begun, now)
            people = sum(1 for one in self._waiters.values() if one.room_ref in self._begun)
            self.span = opening_span(people * self._servers, most=self._spread)


# Those whom a process does not know yet, read with one query for all who ask at once.
#
# A hall that comes in, or of which all is to be read anew, asks within a second or two: read one by one, each
# would wait for all before it.


@dataclass(slots=True)
class _Question:
    """Somebody who is to be read, and what was found."""

    login: str
    read: bool = False
    found: WaiterRow | None = None


class ReadTogether:
    """Reads those who wait; from any thread."""

    def __init__(self, engine: Engine, hall: WaitingHall) -> None:
        self._engine = engine
        self._hall = hall
        self._turn = threading.Lock()
        self._lock = threading.Lock()
        self._asked: list[_Question] = []

    def read(self, login: str) -> WaiterRow | None:
        """Read who waits with a login; None for one that is over, or no candidate's.

        Whoever has the turn reads for all who have asked by then; where that fails, the next one tries again.
        """
        own = _Question(login)
        with self._lock:
            self._asked.append(own)
        with self._turn:
            if not own.read:
                self._read_all(own)
        return own.found

    def _read_all(self, own: _Question) -> None:
        with self._lock:
            questions, self._asked = self._asked, []
        logins = list({own.login: None} | dict.fromkeys(one.login for one in questions))
        with raw_reading(self._engine) as cursor:
            waiters = self._hall.read(cursor, logins)
        for question in (own, *questions):
            question.found, question.read = waiters.get(question.login), True
