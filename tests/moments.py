"""How far an exam has come in the database of a test: what many bring about first is copied, not done again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum

from sqlalchemy import Engine, event


class Moment(IntEnum):
    """The moments of which there are templates, each made of the one before."""

    EMPTY = 0
    PLANNED = 1
    ADMITTED = 2
    RUNNING = 3


class Course:
    """Where one installation stands before its database is first asked; from then on it goes its own way."""

    def __init__(self, moment: Moment, put: Callable[[Moment], None], *, at_once: bool) -> None:
        """`at_once`: somebody may look at the database past SQLAlchemy, as at a file."""
        self._put = put
        self._reached = moment
        self._stored: Moment | None = None
        self._asked = False
        self._one_at_a_time = threading.Lock()
        if at_once:
            self._put_reached()

    def _put_reached(self) -> None:
        if self._stored is not self._reached:
            self._put(self._reached)
            self._stored = self._reached

    @contextmanager
    def watching(self, place: str) -> Iterator[None]:
        """Put the database of the moment reached in its place when this process first connects to `place`.

        Most tests go on from the first moment before they ask anything: of that one no copy need be made.
        """

        def before(_dialect: object, _record: object, words: object, names: object) -> None:
            if place in f"{words}{names}":
                self._settle()

        event.listen(Engine, "do_connect", before)
        try:
            yield
        finally:
            event.remove(Engine, "do_connect", before)

    def reach(self, moment: Moment) -> bool:
        """Return whether `moment` is the next one and a template brings it about, so that nothing need be done."""
        if self._asked or moment != self._reached + 1:
            return False
        self._reached = moment
        return True

    def _settle(self) -> None:
        with self._one_at_a_time:
            if not self._asked:
                self._put_reached()
            self._asked = True
