"""How far an exam has come in the database of a test: what many bring about first is copied, not done again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import IntEnum

import flask
from sqlalchemy import event

from cbt.db.types import db


class Moment(IntEnum):
    """The moments of which there are templates, each made of the one before."""

    EMPTY = 0
    PLANNED = 1
    ADMITTED = 2
    RUNNING = 3


class Course:
    """Where one installation stands before its database is first asked; from then on it goes its own way."""

    def __init__(self, moment: Moment, put: Callable[[Moment], None]) -> None:
        self._put = put
        self._reached = self._stored = moment
        self._asked = False
        self._one_at_a_time = threading.Lock()
        put(moment)

    def watch(self, app: flask.Flask) -> None:
        """Have the database of the moment reached put in its place when `app` opens its first connection."""
        with app.app_context():
            event.listen(db.engine, "do_connect", self._before_connecting)

    def reach(self, moment: Moment) -> bool:
        """Return whether `moment` is the next one and a template brings it about, so that nothing need be done."""
        if self._asked or moment != self._reached + 1:
            return False
        self._reached = moment
        return True

    def _before_connecting(self, *_of_sqlalchemy: object) -> None:
        with self._one_at_a_time:
            if not self._asked and self._stored is not self._reached:
                self._put(self._reached)
            self._asked = True
