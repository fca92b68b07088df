"""Whose requests a process knows to the letter: who watches which room, and how, as of a number of the log."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import flask

from cbt.proctoring.polling.parts import BoardWay
from cbt.sittings.store import RoomView
from cbt.web.i18n import LOCALE_HEADER
from cbt.web.who.login import Principal

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

READ_AT = "cbt.board_number"
"""The log's last number before the view was asked: what it finds is so as of that number at least."""
GLANCED = "cbt.board_glanced"
"""What the short way has made already of a board of which a part has to be drawn: the drawing, and its room."""
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
        """Know a request from now on."""
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
    """Return the watchers of this process."""
    return cast(BoardWatchers, app.extensions.setdefault(_EXTENSION, BoardWatchers()))
