"""The board page: whole, or what changed of it; its address, and the watchers whose requests a process knows.

A board asks GET /proctor/rooms/<ref>/live every two seconds, and what it hears is mostly numbers: who has saved,
and when. A request is known to the letter: who watches which room, and how, as of a number of the log. Such a
request is answered at the door, before a view is asked: the login is asked for again, by the rule that holds
before a view, and the log, whether it told of the room or of anything a right hangs on; then the seats. Where a
part has to be drawn the view does it, of what was read here, and where somebody is to be written down as being
there.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import flask

from cbt.http.auth import login as attention
from cbt.http.auth.login import KNOWN, Principal
from cbt.http.auth.machine import token_hash
from cbt.http.health import files_lost
from cbt.http.i18n import LOCALE_HEADER
from cbt.http.problems import wants_json
from cbt.http.responses import packed, unpacks
from cbt.http.server.hot_addresses import HandOn, HotHandler, HotRequest, HotResponse, Result
from cbt.proctoring.board.live import Board
from cbt.proctoring.board.open_rooms import SeatsRead, WatchersLogin, init_open_rooms
from cbt.proctoring.board.parts import BoardWay, Changes, Drawing, DrawnKinds, Pen, Render, Sheets
from cbt.sittings.store import RoomView
from cbt.storage.engine import files_of
from cbt.storage.types import db
from cbt.storage.unit_of_work import raw_reading

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

READ_AT = "cbt.board_number"
"""The log's last number before the view was asked: what it finds is so as of that number at least."""
GLANCED = "cbt.board_glanced"
"""What the door has made already of a board of which a part has to be drawn: the drawing, and its room."""
LOOKED = "cbt.board_looked"
"""What it has read of the seats where more is to be read around them; whoever asks may see the room."""
MOST_KNOWN = 2048
_EXTENSION = "cbt_board_watchers"
_LOCALE = f"HTTP_{LOCALE_HEADER.upper().replace('-', '_')}"
Letters = tuple[str, ...]


@dataclass(slots=True)
class BoardWatcher:
    """Whoever sends one request over and over: their login, the room as it was read, and how they see it."""

    principal: Principal
    token_hash: str
    way: BoardWay
    view: RoomView
    number: int
    """Up to which entry of the log this is known to be so."""


class BoardWatchers:
    """The watchers of a process; from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[Letters, BoardWatcher] = {}

    def find(self, environ: WSGIEnvironment) -> BoardWatcher | None:
        """Return whose request this is; None for one that is not known to the letter."""
        return self._known.get(_letters(environ))

    def note(self, environ: WSGIEnvironment, watcher: BoardWatcher) -> None:
        letters = _letters(environ)
        with self._lock:
            self._known.pop(letters, None)
            self._known[letters] = watcher
            while len(self._known) > MOST_KNOWN:
                del self._known[next(iter(self._known))]


def _letters(environ: WSGIEnvironment) -> Letters:
    """Return all of a request for a board that decides who asks for what, and how it is said."""
    return (
        environ.get("HTTP_COOKIE", ""),
        environ["PATH_INFO"],
        environ.get("QUERY_STRING", ""),
        environ.get("HTTP_ACCEPT", ""),
        environ.get(_LOCALE, ""),
    )


def watchers_of(app: flask.Flask) -> BoardWatchers:
    return cast(BoardWatchers, app.extensions.setdefault(_EXTENSION, BoardWatchers()))


WORTH_PACKING = 300
_SHEETS_EXTENSION, _KINDS = "cbt_sheets", "cbt_board_kinds"


def board_page(board: Board, way: BoardWay, *, asked: str) -> str:
    """Return the whole page; `asked` is the dialog that stands open over it, if one does."""
    sheet, drawing, pen = sheets_of(flask.current_app).of(way), drawing_of(board, way), _pen()
    with sheet.lock:
        drawing.bring(sheet, pen)
        context = drawing.whole(sheet, pen)
    return flask.render_template("proctoring/board/parts/board.html", asked=asked, **context)


def glanced_board() -> tuple[Drawing, RoomView] | None:
    """Return the board that the door has read for this request, and its room; whoever asks may see it."""
    return cast(tuple[Drawing, RoomView] | None, flask.request.environ.get(GLANCED))


def looked_at() -> SeatsRead | None:
    """Return what the door has read of the seats for this request; whoever asks may see their room."""
    return cast("SeatsRead | None", flask.request.environ.get(LOOKED))


def drawing_of(board: Board, way: BoardWay) -> Drawing:
    return Drawing(board, way, lost=files_lost(flask.current_app))


def what_changed(drawing: Drawing, view: RoomView, principal: Principal) -> flask.Response:
    """Return what the page that asks lacks: parts and numbers, or the whole board; 304 where it lacks nothing.

    A request that came by the door (handler.py) is known there from now on, with the room and whose it is.
    """
    environ = flask.request.environ
    if READ_AT in environ and wants_json():
        watcher = BoardWatcher(principal, token_hash(principal.token), drawing.way, view, environ[READ_AT])
        watchers_of(flask.current_app).note(environ, watcher)
    sheet, pen = sheets_of(flask.current_app).of(drawing.way), _pen()
    seen = flask.request.if_none_match
    with sheet.lock:
        drawing.bring(sheet, pen)
        tag = sheet.tag
        if seen.contains(tag):
            return _answer(tag, flask.Response(status=304))
        changes = None
        if wants_json():
            changes = next((delta for one in seen if (delta := sheet.since(one)) is not None), None)
        context = drawing.whole(sheet, pen) if changes is None else {}
    if changes is not None:
        return _answer(tag, _sent(as_json(changes), "application/json"))
    page = pen.render("proctoring/board/parts/_live.html", **context)
    return _answer(tag, _sent(page.encode(), "text/html"))


def _pen() -> Pen:
    app = flask.current_app
    return Pen(_renders(app), app.extensions.setdefault(_KINDS, DrawnKinds()), flask.g.now)


def _renders(app: flask.Flask) -> Render:
    """Return what renders templates for this request as Flask does; what all of them know is worked out once."""
    renderers: dict[str, Any] = {}

    def render(template: str, **context: object) -> str:
        if not renderers:
            app.update_template_context(renderers)
        return app.jinja_env.get_template(template).render(renderers | context)

    return render


def _answer(tag: str, response: flask.Response) -> flask.Response:
    response.set_etag(tag)
    response.headers["X-Now"] = flask.g.now.isoformat()
    return response


def as_json(changes: Changes) -> bytes:
    body = {"parts": changes.parts, "numbers": changes.numbers}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def for_the_wire(body: bytes, accept_encoding: str | None) -> tuple[bytes, bool]:
    """Return a body as it is sent, and whether it is packed.

    Nothing in it is secret beside what somebody typed: no form's key, no token.
    """
    if len(body) > WORTH_PACKING and unpacks(accept_encoding):
        return packed(body), True
    return body, False


def _sent(body: bytes, mimetype: str) -> flask.Response:
    body, is_packed = for_the_wire(body, flask.request.headers.get("Accept-Encoding"))
    response = flask.Response(body, mimetype=mimetype)
    if is_packed:
        response.headers["Content-Encoding"] = "gzip"
    return response


def sheets_of(app: flask.Flask) -> Sheets:
    """Return what this process keeps of how rooms are shown."""
    return cast(Sheets, app.extensions.setdefault(_SHEETS_EXTENSION, Sheets()))


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
