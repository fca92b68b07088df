"""One thread a process that looks at the end of the log for everybody who waits there."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import flask
from sqlalchemy.engine import Engine

from cbt.db.types import db
from cbt.db.unit_of_work import raw_reading
from cbt.delivery.news.acts import topic_of
from cbt.delivery.save.guard import Dialect
from cbt.web.receiving.parking import Parking

LOOK_SECONDS = 0.4
MOST_READ = 2000
"""Entries that are read at once; behind so many everybody who waits is asked anew instead."""
LONGEST_PAUSE = 5.0
"""Between two looks while the database does not answer."""
HEAD = "SELECT last_id FROM audit_head"
_ENTRIES = "SELECT id, act, subject FROM audit_entry WHERE id > ? AND id <= ? ORDER BY id"
_DUE = "SELECT ref FROM sitting_room WHERE clocks_due_at IS NOT NULL"
log = logging.getLogger(__name__)


class Watcher:
    """Wakes the requests whose topics changed; costs one number a look while nothing does."""

    def __init__(self, engine: Engine, parking: Parking, pause: Callable[[float], None] = time.sleep) -> None:
        self._engine = engine
        self._parking = parking
        self._pause = pause
        self._entries = Dialect(engine.dialect.name).sql(_ENTRIES)
        self._upto = -1
        self._due: frozenset[str] = frozenset()
        """Rooms whose ends are still to be worked out after an outage: their pages are told when that is done."""
        self._thread: threading.Thread | None = None
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

    def look(self) -> None:
        """Look once: whoever waits for what changed since the last time is asked anew."""
        with raw_reading(self._engine) as cursor:
            upto = head_of(cursor)
            since = self._upto if 0 <= upto - self._upto <= MOST_READ and self._upto >= 0 else upto
            if since == self._upto == upto and not self._due:
                return
            changes: dict[str, int] = {}
            if since < upto:
                cursor.execute(self._entries, (since, upto))
                for number, act, subject in cursor.fetchall():
                    topic = topic_of(act, subject)
                    if topic is not None:
                        changes[topic] = number
            rooms = [topic for topic in changes if topic.startswith("sitting_room:")]
            due: frozenset[str] = frozenset()
            if rooms or self._due:
                cursor.execute(_DUE)
                due = frozenset(f"sitting_room:{ref}" for (ref,) in cursor.fetchall())
        settled, self._due = self._due - due, due
        self._upto = upto
        self._parking.wake(changes, since=since, upto=upto, forced=settled)


def head_of(cursor: Any) -> int:
    """Return the number of the log's last entry; 0 for an empty log."""
    cursor.execute(HEAD)
    row = cursor.fetchone()
    return 0 if row is None else int(row[0])


def init_news(app: flask.Flask) -> None:
    """Let the requests of `app` wait for news; whoever serves it opens the parking."""
    parking = app.extensions["cbt_parking"] = Parking()
    with app.app_context():
        app.extensions["cbt_news"] = Watcher(db.engine, parking)
