"""What a board's page is answered: everything, or what changed since it asked, packed."""

from __future__ import annotations

import json
from typing import Any, cast

import flask

from cbt.proctoring.board.live import Board
from cbt.proctoring.polling.drawing import Drawing, Pen, Render
from cbt.proctoring.polling.parts import BoardWay
from cbt.proctoring.polling.rooms import SeatsRead
from cbt.proctoring.polling.sheets import Changes, Sheets
from cbt.proctoring.polling.tiles import DrawnKinds
from cbt.proctoring.polling.watchers import GLANCED, LOOKED, READ_AT, BoardWatcher, watchers_of
from cbt.sittings.store import RoomView
from cbt.web.gzipping import packed, unpacks
from cbt.web.problems import wants_json
from cbt.web.watching.files import files_lost
from cbt.web.who.login import Principal, token_hash

WORTH_PACKING = 300
_EXTENSION, _KINDS = "cbt_sheets", "cbt_board_kinds"


def board_page(board: Board, way: BoardWay) -> str:
    """Return the page of a board."""
    sheet, drawing, pen = sheets_of(flask.current_app).of(way), drawing_of(board, way), _pen()
    with sheet.lock:
        drawing.bring(sheet, pen)
        context = drawing.whole(sheet, pen)
    return flask.render_template("proctoring/polling/board.html", **context)


def glanced_board() -> tuple[Drawing, RoomView] | None:
    """Return the board that the short way has read for this request, and its room; whoever asks may see it."""
    return cast(tuple[Drawing, RoomView] | None, flask.request.environ.get(GLANCED))


def looked_at() -> SeatsRead | None:
    """Return what the short way has read of the seats for this request; whoever asks may see their room."""
    return cast("SeatsRead | None", flask.request.environ.get(LOOKED))


def drawing_of(board: Board, way: BoardWay) -> Drawing:
    """Return a board about to be drawn."""
    return Drawing(board, way, lost=files_lost(flask.current_app))


def what_changed(drawing: Drawing, view: RoomView, principal: Principal) -> flask.Response:
    """Return what the page that asks lacks: parts and numbers, or the whole board; 304 where it lacks nothing.

    A request that came by the short way (path.py) is known there from now on, with the room and whose it is.
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
            changes = next((found for one in seen if (found := sheet.since(one)) is not None), None)
        context = drawing.whole(sheet, pen) if changes is None else {}
    if changes is not None:
        return _answer(tag, _sent(as_json(changes), "application/json"))
    page = pen.render("proctoring/polling/_live.html", **context)
    return _answer(tag, _sent(page.encode(), "text/html"))


def _pen() -> Pen:
    app = flask.current_app
    return Pen(_renders(app), app.extensions.setdefault(_KINDS, DrawnKinds()), flask.g.now)


def _renders(app: flask.Flask) -> Render:
    """Return what renders templates for this request as Flask does; what all of them know is worked out once."""
    known: dict[str, Any] = {}

    def render(template: str, **context: object) -> str:
        if not known:
            app.update_template_context(known)
        return app.jinja_env.get_template(template).render(known | context)

    return render


def _answer(tag: str, response: flask.Response) -> flask.Response:
    response.set_etag(tag)
    response.headers["X-Now"] = flask.g.now.isoformat()
    return response


def as_json(changes: Changes) -> bytes:
    """Return changes as a page reads them."""
    told = {"parts": changes.parts, "numbers": changes.numbers}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


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
    return cast(Sheets, app.extensions.setdefault(_EXTENSION, Sheets()))
