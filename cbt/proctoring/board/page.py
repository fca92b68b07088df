"""The board page: whole, or what changed of it, and the watchers whose requests a process knows.

A request is known to the letter: who watches which room, and how, as of a number of the log. Such a request
can be answered at the door, before a view is asked.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import flask

from cbt.http.auth.login import Principal
from cbt.http.auth.machine import token_hash
from cbt.http.health import files_lost
from cbt.http.i18n import LOCALE_HEADER
from cbt.http.problems import wants_json
from cbt.http.responses import packed, unpacks
from cbt.proctoring.board.live import Board
from cbt.proctoring.board.open_rooms import SeatsRead
from cbt.proctoring.board.parts import BoardWay, Changes, Drawing, DrawnKinds, Pen, Render, Sheets
from cbt.sittings.store import RoomView

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
