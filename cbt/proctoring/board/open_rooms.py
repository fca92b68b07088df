"""The open rooms of a process: what was read of each board, kept for as long as nothing of it changed.

Each entry of the log is read once, whoever asks first, and tells whether a room is still as it was read. The
rows of the seats are read each time, in one query. What stands around them is read again when the log told of
the room, when a silence ended there, or a 提醒 was received: so what a save changes costs three queries,
whatever else the board shows; and where a row differs in its numbers alone, nothing is made anew but these.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import chain, repeat
from typing import Any, NamedTuple, cast

import flask
from sqlalchemy import Row, bindparam, select
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from cbt.audit.models import AuditEntry, AuditHead
from cbt.http.auth.rate_limit import LONGEST
from cbt.http.auth.throttle import LATELY_TRIED, TryCount, worth_a_look
from cbt.http.models import LoginSession
from cbt.proctoring import store
from cbt.proctoring.board.live import Board, Surroundings, board_of, read_around, taken_rows
from cbt.proctoring.board.seat_state import SeatNumbers, guesses_in_room
from cbt.proctoring.board.seat_view import SeatCache
from cbt.sittings.store import RoomView
from cbt.storage.prepared import Raw, RawSelect
from cbt.storage.types import db, read_instant_or_none

OF_ROOMS = ("attempt", "registration", "sitting_room")
"""Kinds of things that stand in one sitting-room; of whatever else is told, any board might show something."""
MOST_READ = 5000
"""Entries that are read at once; behind so many, every room counts as changed."""
REMEMBERED = 50_000
SUBJECTS = (
    select(AuditEntry.id, AuditEntry.subject)
    .where(AuditEntry.id > bindparam("since"), AuditEntry.id <= bindparam("upto"))
    .order_by(AuditEntry.id)
)


class Tidings:
    """The number of the last entry about each thing that the log told of lately."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._upto = -1
        self._floor = 0
        """Of entries up to this number nothing is remembered."""
        self._others = 0
        """The last entry about what is not of one room."""
        self._last: dict[str, int] = {}

    def hear(self, upto: int, subjects: Callable[[int, int], Iterable[tuple[int, str]]]) -> None:
        """Read the log as far as `upto`; `subjects` reads numbers and subjects after one number up to another."""
        if upto == self._upto:
            return
        with self._lock:
            since = self._upto
            if 0 <= upto <= since:
                if upto < since - MOST_READ:  # another log
                    self._forget(upto)
                return
            if since < 0 or upto - since > MOST_READ or len(self._last) > REMEMBERED:
                self._forget(upto)
                return
            for number, subject in subjects(since, upto):
                if subject.partition(":")[0] in OF_ROOMS:
                    self._last[subject] = number
                else:
                    self._others = number
            self._upto = upto

    def _forget(self, upto: int) -> None:
        self._last.clear()
        self._floor = self._upto = upto

    def changed(self, topics: Iterable[str], *, since: int) -> bool:
        """Return whether anything happened after `since` that a board of these things may show."""
        if since < self._floor or since < self._others:
            return True
        last = self._last
        return any(last.get(topic, 0) > since for topic in topics)


@dataclass(frozen=True, slots=True)
class WatchersLogin:
    """What decides whether the login of whoever watches a board still holds."""

    kind: str
    revoked_at: datetime | None
    expires_at: datetime
    seen_at: datetime | None
    board_at: datetime | None
    owes_factor: bool


class ReadSeat(NamedTuple):
    """A seat as it was read: its row as the driver gave it, as values without its numbers, and these."""

    raw: Raw
    row: Any
    numbers: SeatNumbers


_LOGIN = select(*(getattr(LoginSession, name) for name in WatchersLogin.__slots__)).where(
    LoginSession.token_hash == bindparam("hash")
)


class BoardReader:
    """Asks one kind of database."""

    def __init__(self, engine: Engine) -> None:
        self._last = RawSelect(select(AuditHead.last_id), engine.dialect)
        self._pulse = RawSelect(store.PULSE, engine.dialect)
        self._rows = RawSelect(store.ROWS, engine.dialect)
        self._still = RawSelect(store.STILL, engine.dialect)
        self._subjects = RawSelect(SUBJECTS, engine.dialect)
        self._tried = RawSelect(LATELY_TRIED, engine.dialect)
        self._login = RawSelect(_LOGIN, engine.dialect)

    def last_number(self, cursor: Any) -> int:
        rows = self._last.ask(cursor)
        return int(rows[0][0] or 0) if rows else 0

    def pulse(self, cursor: Any, sitting_room_id: int) -> tuple[int, Raw]:
        """Return the log's last number, and what else tells whether more than seats changed."""
        ((number, *rest),) = self._pulse.ask(cursor, room=sitting_room_id)
        return number or 0, tuple(rest)

    def rows(self, cursor: Any, sitting_room_id: int, room_id: int) -> list[Raw]:
        return self._rows.ask(cursor, sitting_room=sitting_room_id, room=room_id)

    def seat(self, raw: Raw, former: ReadSeat | None) -> ReadSeat:
        """Return the seat of a row; what is as it was in the `former` one is not made anew."""
        if former is not None and former.raw == raw:
            return former
        still, (answered, seen_at, saved_at) = raw[: -store.NUMBERS], raw[-store.NUMBERS :]
        as_it_was = former is not None and former.raw[: -store.NUMBERS] == still
        row = former.row if former is not None and as_it_was else self._still.typed(still)
        numbers = SeatNumbers(answered or 0, read_instant_or_none(seen_at), read_instant_or_none(saved_at))
        return ReadSeat(raw, row, numbers)

    def subjects(self, cursor: Any, since: int, upto: int) -> list[Raw]:
        """Return number and subject of the entries of the log after one number up to another."""
        return self._subjects.ask(cursor, since=since, upto=upto)

    def counters(self, cursor: Any, *, now: datetime) -> list[TryCount]:
        """Return what is guessed at too often just now, whatever it is. Source: R-14."""
        raws = self._tried.ask(cursor, since=now - LONGEST)
        try_counts = [TryCount(*self._tried.typed(raw)) for raw in raws]
        return [one for one in try_counts if worth_a_look(one, now)]

    def login(self, cursor: Any, token_hash: str) -> WatchersLogin | None:
        for raw in self._login.ask(cursor, hash=token_hash):
            return WatchersLogin(*self._login.typed(raw))
        return None


MOST_KEPT = 1024
_EXTENSION = "cbt_boards"


@dataclass(slots=True)
class _Read:
    """The seats of a room, their rows without what saves change, and what the log calls what they are of."""

    seats: Sequence[ReadSeat]
    rows: Sequence[Row[Any]]
    topics: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Kept:
    number: int
    """The entry of the log up to which it knows everything."""
    pulse: Raw
    started: bool
    around: Surroundings
    read: _Read
    seats: SeatCache


@dataclass(frozen=True, slots=True)
class SeatsRead:
    """What was read of a room and its seats; what stands around them is still to be read."""

    view: RoomView
    number: int
    pulse: Raw
    read: _Read
    counters: list[TryCount]


class OpenRooms:
    """What a process keeps of rooms."""

    def __init__(self, engine: Engine) -> None:
        self.reader = BoardReader(engine)
        self._tidings = Tidings()
        self._lock = threading.Lock()
        self._kept: dict[int, _Kept] = {}

    def board(
        self, session: Session, view: RoomView, *, now: datetime, looked: SeatsRead | None = None
    ) -> Board:
        """Return the board of a room as `load_board` does, asking only for what may have changed.

        What the door has `looked` at just now is not asked for again.
        """
        if looked is None:
            with closing(session.connection().connection.cursor()) as cursor:
                looked = self._look(cursor, view, now=now)
        kept = self._kept.get(view.sitting_room.id)
        if kept is None or self._is_old(kept, looked):
            around = read_around(session, view, looked.read.rows, now=now)
            seats = SeatCache() if kept is None else kept.seats
            kept = _Kept(looked.number, looked.pulse, _started(view), around, looked.read, seats)
        return self._board(kept, looked, now=now)

    def glance(
        self, cursor: Any, view: RoomView, *, since: int, now: datetime
    ) -> tuple[int, Board | SeatsRead | None]:
        """Return the log's last number, and the board where only seats or time can have changed it.

        Where more is to be read around the seats, what was read of them; None where the room itself may be
        another than it was at the number `since`, or the rights of whoever saw it then.
        """
        looked = self._look(cursor, view, now=now)
        if self._tidings.changed([_topic(view)], since=since):
            return looked.number, None
        kept = self._kept.get(view.sitting_room.id)
        if kept is None or self._is_old(kept, looked):
            return looked.number, looked
        return looked.number, self._board(kept, looked, now=now)

    def _look(self, cursor: Any, view: RoomView, *, now: datetime) -> SeatsRead:
        room, reader = view.sitting_room, self.reader
        number, pulse = reader.pulse(cursor, room.id)
        self._tidings.hear(number, partial(reader.subjects, cursor))
        kept = self._kept.get(room.id)
        former = None if kept is None else kept.read
        read = self._rows(reader.rows(cursor, room.id, room.room_id), view, former)
        return SeatsRead(view, number, pulse, read, reader.counters(cursor, now=now))

    def _rows(self, raw: list[Raw], view: RoomView, former: _Read | None) -> _Read:
        """Return rows as values: those that are as they were are the very same."""
        former_rows = chain(() if former is None else former.seats, repeat(None))
        seats = [self.reader.seat(one, was) for one, was in zip(raw, former_rows, strict=False)]
        rows = [one.row for one in seats]
        if former is not None and rows == former.rows:
            return _Read(seats, former.rows, former.topics)
        return _Read(seats, rows, _topics(view, rows))

    def _is_old(self, kept: _Kept, looked: SeatsRead) -> bool:
        return (
            kept.pulse != looked.pulse
            or kept.started != _started(looked.view)
            or self._tidings.changed(looked.read.topics, since=kept.number)
        )

    def _board(self, kept: _Kept, looked: SeatsRead, *, now: datetime) -> Board:
        view, read = looked.view, looked.read
        guesses = guesses_in_room(taken_rows(read.rows), looked.counters)
        numbers = [one.numbers for one in read.seats]
        board = board_of(view, read.rows, numbers, kept.around, guesses, kept.seats, now=now)
        self._keep(view.sitting_room.id, replace(kept, number=looked.number, read=read))
        return board

    def _keep(self, room_id: int, kept: _Kept) -> None:
        with self._lock:
            self._kept.pop(room_id, None)
            self._kept[room_id] = kept
            while len(self._kept) > MOST_KEPT:
                del self._kept[next(iter(self._kept))]


def _started(view: RoomView) -> bool:
    return view.sitting_room.started_at is not None


def _topic(view: RoomView) -> str:
    return f"sitting_room:{view.sitting_room.ref}"


def _topics(view: RoomView, rows: Sequence[Row[Any]]) -> list[str]:
    topics = [_topic(view)]
    for row in rows:
        if row.ref is not None:
            topics.append(f"registration:{row.ref}")
            topics.append(f"attempt:{row.attempt_ref}")
    return topics


def open_rooms() -> OpenRooms:
    return cast(OpenRooms, flask.current_app.extensions[_EXTENSION])


def init_open_rooms(app: flask.Flask) -> OpenRooms:
    with app.app_context():
        rooms = app.extensions[_EXTENSION] = OpenRooms(db.engine)
    return rooms
