"""What a board's page is answered: everything, or what changed since it asked, packed."""

from __future__ import annotations

import json
from typing import cast

import flask

from cbt.proctoring.board.live import Board
from cbt.proctoring.polling.drawing import BoardWay, Drawing
from cbt.proctoring.polling.sheets import Changes, Sheets
from cbt.web.gzipping import packed, unpacks
from cbt.web.problems import wants_json

WORTH_PACKING = 300
_EXTENSION = "cbt_sheets"


def board_page(board: Board, way: BoardWay) -> str:
    """Return the page of a board."""
    sheet, drawing = _sheets().of(way), Drawing(board, way, flask.render_template, now=flask.g.now)
    with sheet.lock:
        drawing.bring(sheet)
        context = drawing.whole(sheet)
    return flask.render_template("proctoring/polling/board.html", **context)


def what_changed(board: Board, way: BoardWay) -> flask.Response:
    """Return what the page that asks lacks: parts and numbers, or the whole board; 304 where it lacks nothing."""
    sheet, drawing = _sheets().of(way), Drawing(board, way, flask.render_template, now=flask.g.now)
    seen = flask.request.if_none_match
    with sheet.lock:
        drawing.bring(sheet)
        tag = sheet.tag
        if seen.contains(tag):
            return _answer(tag, flask.Response(status=304))
        changes = None
        if wants_json():
            changes = next((found for one in seen if (found := sheet.since(one)) is not None), None)
        context = drawing.whole(sheet) if changes is None else {}
    if changes is not None:
        return _answer(tag, _packed(_json(changes), "application/json"))
    return _answer(
        tag, _packed(flask.render_template("proctoring/polling/_live.html", **context), "text/html")
    )


def _answer(tag: str, response: flask.Response) -> flask.Response:
    response.set_etag(tag)
    response.headers["X-Now"] = flask.g.now.isoformat()
    return response


def _json(changes: Changes) -> str:
    told = {"parts": changes.parts, "numbers": changes.numbers}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _packed(text: str, mimetype: str) -> flask.Response:
    # Nothing in it is secret beside what somebody typed: no form's key, no token.
    body = text.encode()
    response = flask.Response(body, mimetype=mimetype)
    if len(body) > WORTH_PACKING and unpacks(flask.request.headers.get("Accept-Encoding")):
        response.set_data(packed(body))
        response.headers["Content-Encoding"] = "gzip"
    return response


def _sheets() -> Sheets:
    return cast(Sheets, flask.current_app.extensions.setdefault(_EXTENSION, Sheets()))
