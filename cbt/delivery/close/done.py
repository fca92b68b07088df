"""The page after the paper: ready bytes with holes for what is somebody's, made once in a process for each kind.

Everybody of a hall gets it within minutes, and it asks for itself every few seconds while they look: it may be
that a closing is undone.

Source: R-28.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

import flask
from markupsafe import escape

from cbt.rules.states.attempt import ClosedBy
from cbt.web.addresses import path_of
from cbt.web.i18n import as_nobody
from cbt.web.kept_pages import HOLE, hole


class DoneKind(NamedTuple):
    """What these pages differ in, besides the person."""

    locale: str
    theme: str
    purpose: str
    by: str
    """Who closed the paper: the candidate, the deadline, an evacuation, else a proctor."""
    receipt: bool


class DoneFacts(NamedTuple):
    """What is somebody's on the page, as it is shown."""

    receipt: str
    closed_at: str
    name: str
    ticket: str
    seat: str
    title: str


_TOLD = frozenset({ClosedBy.CANDIDATE, ClosedBy.DEADLINE, ClosedBy.EVACUATION})


def told_by(closed_by: str | None) -> str:
    """Return who the page says has closed a paper."""
    return closed_by if closed_by in _TOLD else ClosedBy.PROCTOR.value


class DonePages:
    """Those of one process."""

    def __init__(self, app: flask.Flask) -> None:
        self._app = app
        self._made: dict[DoneKind, list[str]] = {}
        self._making = threading.Lock()

    def page(self, kind: DoneKind, done: DoneFacts) -> bytes:
        """Return the page of somebody."""
        parts = self._made.get(kind)
        if parts is None:
            with self._making:  # a hall whose time is over asks all at once
                parts = self._made.get(kind) or self._made.setdefault(kind, self._make(kind))
        theirs = done._asdict()
        filled = [str(escape(theirs[part])) if number % 2 else part for number, part in enumerate(parts)]
        return "".join(filled).encode()

    def _make(self, kind: DoneKind) -> list[str]:
        """Draw a page of nobody; return its texts, and between them the names of what is missing there."""
        path = path_of(self._app, "delivery.done", ref="-")
        holes = DoneFacts(*map(hole, DoneFacts._fields))
        with as_nobody(self._app, path, locale=kind.locale, theme=kind.theme):
            text = flask.render_template("delivery/close/done.html", kind=kind, done=holes)
        return HOLE.split(text)
