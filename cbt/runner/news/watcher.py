"""One thread a process that looks at the end of the log for everybody who waits there."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Protocol

import flask
from sqlalchemy.engine import Engine

from cbt.config import Settings
from cbt.http.server.deferred import Parking
from cbt.runner.news.entries import topic_of
from cbt.runner.waiting.hall import Entry, WaitingHall
from cbt.storage.engine import Dialect
from cbt.storage.types import db
from cbt.storage.unit_of_work import raw_reading

LOOK_SECONDS = 0.4
MOST_READ = 2000
"""Entries that are read at once; behind so many everybody who waits is asked anew instead."""
OLD_SECONDS = 1.8
"""What was known so long ago is not told any more: whoever asks waits for the look that is under way."""
LONGEST_PAUSE = 5.0
"""Between two looks while the database does not answer."""
HEAD = "SELECT last_id FROM audit_head"
_ENTRIES = "SELECT id, act, subject FROM audit_entry WHERE id > ? AND id <= ? ORDER BY id"
_DUE = "SELECT ref FROM sitting_room WHERE clocks_due_at IS NOT NULL"
log = logging.getLogger(__name__)


class LogFollower(Protocol):
    """Takes what the log says until `upto`; not `whole`: what lies between is not known."""

    def __call__(self, entries: Sequence[Entry], *, upto: int, whole: bool) -> None: ...


class Watcher:
    """Wakes the requests whose topics changed; costs one number a look while nothing does."""

    def __init__(
        self,
        engine: Engine,
        parking: Parking,
        hall: WaitingHall,
        *,
        pause: Callable[[float], None] = time.sleep,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._parking = parking
        self._hall = hall
        self._pause = pause
        self._timer = timer
        self._turn = threading.Lock()
        self._looked_at = -math.inf
        self._entries = Dialect(engine.dialect.name).sql(_ENTRIES)
        self._upto = -1
        self._due: frozenset[str] = frozenset()
        """Rooms whose ends are still to be worked out after an outage: their pages are told when that is done."""
        self._thread: threading.Thread | None = None
        self.followers: list[LogFollower] = []
        """Who is told what each look read, before anybody is answered by what it found."""
        parking.begun = self.begin

    def begin(self) -> None:
        """Begin to look, with the first request that waits."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="news", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        failed = 0.0
        while True:
            self._parking.wanted.wait()
            try:
                self.look()
                failed = 0.0
            except Exception:
                if not failed:
                    log.warning("the end of the log could not be read", exc_info=True)
                failed = min(LONGEST_PAUSE, failed + LOOK_SECONDS)
            self._pause(LOOK_SECONDS + failed)

    @property
    def is_up_to_date(self) -> bool:
        """Return whether somebody looked just now: `keep_up` would do nothing."""
        return self._timer() - self._looked_at < LOOK_SECONDS

    def keep_up(self) -> None:
        """Look, unless somebody did just now: whoever asks then knows what was done a moment ago, and pays nothing.

        While another looks, what is known is not old enough to wait for it.
        """
        age = self._timer() - self._looked_at
        if age >= LOOK_SECONDS and self._turn.acquire(blocking=age >= OLD_SECONDS):
            try:
                if self._timer() - self._looked_at >= LOOK_SECONDS:
                    self._look()
            finally:
                self._turn.release()

    def look(self) -> None:
        """Look once: whoever waits for what changed since the last time is asked anew."""
        with self._turn:
            self._look()

    def _look(self) -> None:
        began, hall = self._timer(), self._hall
        with raw_reading(self._engine) as cursor:
            upto = head_of(cursor)
            whole = 0 <= self._upto <= upto <= self._upto + MOST_READ
            since = self._upto if whole else upto
            if self._upto < 0:  # whoever waited at a process that ended asks from where that one was
                since = max(0, upto - MOST_READ)
            ended = hall.ended(cursor) if hall.is_due else []
            if since == self._upto == upto and not self._due and not ended:
                self._looked_at = began
                return
            entries: Sequence[Entry] = ()
            if since < upto:
                cursor.execute(self._entries, (since, upto))
                entries = cursor.fetchall()
            changes = hall.look(cursor, entries, upto=upto, whole=whole)
            for follow in self.followers:
                follow(entries, upto=upto, whole=whole)
            for number, act, subject in entries:
                topic = topic_of(act, subject)
                if topic is not None:
                    changes[topic] = number
            rooms = [topic for topic in changes if topic.startswith("sitting_room:")]
            due: frozenset[str] = frozenset()
            if rooms or self._due:
                cursor.execute(_DUE)
                due = frozenset(f"sitting_room:{ref}" for (ref,) in cursor.fetchall())
        settled, self._due = self._due - due, due
        self._upto, self._looked_at = upto, began
        self._parking.wake(changes, since=since, upto=upto, forced=[*settled, *ended])


def head_of(cursor: Any) -> int:
    """Return the number of the log's last entry; 0 for an empty log."""
    cursor.execute(HEAD)
    row = cursor.fetchone()
    return 0 if row is None else int(row[0])


def init_news(app: flask.Flask) -> None:
    """Let the requests of `app` wait for news; whoever serves it opens the parking."""
    settings: Settings = app.extensions["cbt_settings"]
    parking = app.extensions["cbt_parking"] = Parking()
    with app.app_context():
        engine = db.engine
    hall = app.extensions["cbt_waiting_hall"] = WaitingHall(
        Dialect(engine.dialect.name),
        servers=settings.workers,
        spread=timedelta(milliseconds=settings.opening_spread_ms),
    )
    app.extensions["cbt_news"] = Watcher(engine, parking, hall)
