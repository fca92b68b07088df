"""The rooms whose boards are open here: what was read of each, for as long as nothing of it changed.

The rows of the seats are read each time, in one query. What stands around them is read again when the log told of
the room, when a silence ended there, or a 提醒 was received: so what a save changes costs three queries, whatever
else the board shows; and where a row differs in its numbers alone, nothing is made anew but these.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import chain, repeat
from typing import Any, cast

import flask
from sqlalchemy import Row
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from cbt.db.known.selects import Raw
from cbt.db.types import db
from cbt.proctoring.board.alerts import guesses_in_room
from cbt.proctoring.board.around import Surroundings, read_around, taken_rows
from cbt.proctoring.board.kept_seats import KeptSeats
from cbt.proctoring.board.live import Board, board_of
from cbt.proctoring.polling.reading import BoardReader, ReadSeat
from cbt.proctoring.polling.tidings import Tidings
from cbt.sittings.store import RoomView
from cbt.web.who.guessing import OftenTried

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
    seats: KeptSeats


@dataclass(frozen=True, slots=True)
class SeatsRead:
    """What was read of a room and its seats; what stands around them is still to be read."""

    view: RoomView
    number: int
    pulse: Raw
    read: _Read
    counters: list[OftenTried]


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

        What the short way has `looked` at just now is not asked for again.
        """
        if looked is None:
            with closing(session.connection().connection.cursor()) as cursor:
                looked = self._look(cursor, view, now=now)
        kept = self._kept.get(view.sitting_room.id)
        if kept is None or self._is_old(kept, looked):
            around = read_around(session, view, looked.read.rows, now=now)
            seats = KeptSeats() if kept is None else kept.seats
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
        known = chain(() if former is None else former.seats, repeat(None))
        seats = [self.reader.seat(one, was) for one, was in zip(raw, known, strict=False)]
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
    """Return what this process keeps of rooms."""
    return cast(OpenRooms, flask.current_app.extensions[_EXTENSION])


def init_open_rooms(app: flask.Flask) -> OpenRooms:
    """Let `app` keep rooms."""
    with app.app_context():
        rooms = app.extensions[_EXTENSION] = OpenRooms(db.engine)
    return rooms
