"""The rooms whose boards are open here: what was read of each, for as long as nothing of it changed.

The rows of the seats are read each time, in one query. What stands around them is read again when the log told of
the room, when a silence ended there, or a 提醒 was received: so what a save changes costs three queries, whatever
else the board shows.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import flask
from sqlalchemy import Row
from sqlalchemy.orm import Session

from cbt.proctoring.board import store
from cbt.proctoring.board.around import Surroundings, read_around, taken_rows
from cbt.proctoring.board.live import Board, board_of
from cbt.proctoring.polling.tidings import Tidings
from cbt.sittings.store import RoomView

MOST_KEPT = 1024
_EXTENSION = "cbt_boards"


@dataclass(frozen=True, slots=True)
class _Kept:
    number: int
    """The entry of the log up to which it knows everything."""
    pulse: tuple[Any, ...]
    started: bool
    around: Surroundings


class OpenRooms:
    """What a process keeps of rooms."""

    def __init__(self) -> None:
        self._tidings = Tidings()
        self._lock = threading.Lock()
        self._kept: dict[int, _Kept] = {}

    def board(self, session: Session, view: RoomView, *, now: datetime) -> Board:
        """Return the board of a room as `load_board` does, asking only for what may have changed."""
        room = view.sitting_room
        number, pulse = store.pulse_of_room(session, room.id)
        self._tidings.hear(session, number)
        rows = store.board_rows(session, room.id, room.room_id)
        with self._lock:
            kept = self._kept.pop(room.id, None)
        started = room.started_at is not None
        if (
            kept is None
            or kept.pulse != pulse
            or kept.started != started
            or self._tidings.changed(_topics(view, rows), since=kept.number)
        ):
            around = read_around(session, view, rows, now=now)
        else:
            around = kept.around
        self._keep(room.id, _Kept(number, pulse, started, around))
        guesses = store.guesses_in_room(session, taken_rows(rows), now=now)
        return board_of(view, rows, around, guesses, now=now)

    def _keep(self, room_id: int, kept: _Kept) -> None:
        with self._lock:
            self._kept[room_id] = kept
            while len(self._kept) > MOST_KEPT:
                del self._kept[next(iter(self._kept))]


def _topics(view: RoomView, rows: Sequence[Row[Any]]) -> list[str]:
    topics = [f"sitting_room:{view.sitting_room.ref}"]
    for row in rows:
        if row.ref is not None:
            topics.append(f"registration:{row.ref}")
            topics.append(f"attempt:{row.attempt_ref}")
    return topics


def open_rooms() -> OpenRooms:
    """Return what this process keeps of rooms."""
    return cast(OpenRooms, flask.current_app.extensions.setdefault(_EXTENSION, OpenRooms()))
