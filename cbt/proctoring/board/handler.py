"""The address of an open board: GET /proctor/rooms/<ref>/live.

A board asks every two seconds, and what it hears is mostly numbers: who has saved, and when. A request that is to
the letter one which the view has answered is known (board_page.py). For it the login is asked for again, by the
rule that holds before a view, and the log, whether it told of the room or of anything a right hangs on; then the
seats. Where a part has to be drawn the view does it, of what was read here, and where somebody is to be written
down as being there.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import flask

from cbt.http.auth import login as attention
from cbt.http.auth.login import KNOWN
from cbt.http.server.hot_addresses import HandOn, HotHandler, HotRequest, HotResponse, Result
from cbt.proctoring.board.live import Board
from cbt.proctoring.board.open_rooms import SeatsRead, WatchersLogin, init_open_rooms
from cbt.proctoring.board.page import (
    GLANCED,
    LOOKED,
    READ_AT,
    BoardWatcher,
    as_json,
    for_the_wire,
    sheets_of,
    watchers_of,
)
from cbt.proctoring.board.parts import Drawing
from cbt.storage.engine import files_of
from cbt.storage.types import db
from cbt.storage.unit_of_work import raw_reading

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_INPUT = f"HTTP_{attention.INPUT_HEADER.upper().replace('-', '_')}"


class BoardHandler(HotHandler[None]):
    """Answers a board of which nothing has to be drawn; the view draws the others."""

    def __init__(self, app: flask.Flask) -> None:
        self._rooms = init_open_rooms(app)
        self._sheets = sheets_of(app)
        self._watchers = watchers_of(app)
        self._files = files_of(app)
        with app.app_context():
            self._engine = db.engine

    def read(self, request: HotRequest) -> Result:
        """Answer whoever is known to the letter, and leave the rest to the view with what was read for it."""
        environ, now = request.environ, request.now
        watcher = self._watchers.find(environ)
        with raw_reading(self._engine) as cursor:
            if watcher is None:
                environ[READ_AT] = self._rooms.reader.last_number(cursor)
                return HandOn.TO_THE_VIEW
            board = self._glance(cursor, environ, watcher, now)
        if board is None or (self._files is not None and self._files.trouble() is not None):
            return HandOn.TO_THE_VIEW
        drawing = Drawing(board, watcher.way, lost=None)
        answer = self._told(environ, drawing, now)
        if answer is None:
            environ[GLANCED] = drawing, watcher.view
            return HandOn.TO_THE_VIEW
        return answer

    def _glance(
        self, cursor: Any, environ: WSGIEnvironment, watcher: BoardWatcher, now: datetime
    ) -> Board | None:
        """Return the board as somebody may see it who is known; None where the view has to look at it."""
        login = self._rooms.reader.login(cursor, watcher.token_hash)
        number, board = self._rooms.glance(cursor, watcher.view, since=watcher.number, now=now)
        environ[READ_AT] = number
        if login is None or login.owes_factor or attention.over(login, now=now):
            return None
        if board is not None:
            environ[KNOWN] = replace(watcher.principal, seen_at=login.seen_at, board_at=login.board_at)
        if isinstance(board, SeatsRead):
            environ[LOOKED] = board
            return None
        if board is None or _is_to_be_noted(login, board, by_hand=_INPUT in environ, now=now):
            return None
        watcher.number = number
        return board

    def _told(self, environ: WSGIEnvironment, drawing: Drawing, now: datetime) -> HotResponse | None:
        sheet = self._sheets.of(drawing.way)
        shown = environ.get("HTTP_IF_NONE_MATCH", "").strip('"')
        with sheet.lock:
            if not drawing.bring_numbers(sheet):
                return None
            tag, changes = sheet.tag, sheet.since(shown)
        headers = [("Vary", "Cookie"), ("ETag", f'"{tag}"'), ("X-Now", now.isoformat())]
        if shown == tag:
            return HotResponse(headers, b"", 304)
        if changes is None:
            return None
        body, packed = for_the_wire(as_json(changes), environ.get("HTTP_ACCEPT_ENCODING"))
        headers.append(("Content-Type", "application/json"))
        if packed:
            headers.append(("Content-Encoding", "gzip"))
        return HotResponse(headers, body)


def _is_to_be_noted(login: WatchersLogin, board: Board, *, by_hand: bool, now: datetime) -> bool:
    """Return whether the view would write down that somebody is there, or that the board of a room is open."""
    if by_hand and attention.is_due(login.seen_at, now=now):
        return True
    return board.head.open and attention.is_due(login.board_at, now=now)
