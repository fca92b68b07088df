"""PostgreSQL's time: the anchor that several nodes share, and the watch over one that has left it, or its tables.

Source: R-27.
"""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime, timedelta

import psycopg

from cbt.clock import Agreement, Clock
from cbt.config import Settings
from cbt.errors import Unavailable
from cbt.releases import newest_revision

MEASURE_EVERY_SECONDS = 1.0
PATIENCE_SECONDS = 2
log = logging.getLogger(__name__)


def _connect(settings: Settings) -> psycopg.Connection:
    return psycopg.connect(
        settings.database_url.replace("postgresql+psycopg://", "postgresql://"),
        autocommit=True,
        connect_timeout=PATIENCE_SECONDS,
        tcp_user_timeout=PATIENCE_SECONDS * 1000,
        options=f"-c statement_timeout={PATIENCE_SECONDS * 1000}",
    )


def _ask(connection: psycopg.Connection) -> datetime:
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    instant: datetime = row[0]
    return instant.astimezone(UTC)


_FINAL = ("does not exist", "pg_hba.conf", "not permitted to log in", "authentication failed")
"""What PostgreSQL says, in English, to whom it will say the same the next time."""


def is_final(error: psycopg.Error) -> bool:
    """Return whether PostgreSQL was there and refused the user, the password or the name of the database.

    A connection that is refused carries no code. That a password was asked for says that the server is up, in any
    language.
    """
    wants_password = error.pgconn is not None and (error.pgconn.needs_password or error.pgconn.used_password)
    return bool(wants_password) or any(words in str(error) for words in _FINAL)


def _last_line(error: psycopg.Error) -> str:
    return str(error).strip().splitlines()[-1].rpartition("FATAL:")[2].strip()


def _revision(connection: psycopg.Connection) -> str:
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return "" if row is None else str(row[0])


def database_time(settings: Settings) -> datetime | None:
    """Return PostgreSQL's time as this returns, less half a round trip; None for the embedded database.

    Raise Unavailable("db.unreachable") when it does not answer, ("db.not_admitted") when it lets nobody in.

    Source: R-27.
    """
    if settings.embedded:
        return None
    try:
        with _connect(settings) as connection:
            _ask(connection)  # the first question of a connection takes longer
            before = time.monotonic()
            instant = _ask(connection)
            middle = (before + time.monotonic()) / 2
    except psycopg.Error as error:
        if is_final(error):
            raise Unavailable("db.not_admitted", detail=_last_line(error)) from error
        raise Unavailable("db.unreachable", detail=type(error).__name__) from error
    return instant + timedelta(seconds=time.monotonic() - middle)


class TimeWatch:
    """Compares clock and tables of this process with the database's, every second, over a connection of its own."""

    def __init__(self, settings: Settings, clock: Clock, agreement: Agreement) -> None:
        self._settings = settings
        self._clock = clock
        self._agreement = agreement
        self._connection: psycopg.Connection | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="time-watch", daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._stop.set()
        self._thread.join()
        self._drop()

    def measure(self) -> None:
        """Measure once. A database that does not answer says nothing about the time: the verdict stays."""
        try:
            if self._connection is None:
                self._connection = _connect(self._settings)
            before = self._clock.now()
            instant = _ask(self._connection)
            after = self._clock.now()
            revision = _revision(self._connection)
        except psycopg.Error:
            self._drop()
            return
        agreed = self._agreement.in_time
        self._agreement.note(before + (after - before) / 2 - instant, half_trip=(after - before) / 2)
        if agreed is not self._agreement.in_time:
            log.error("this node's clock is %s off the database's time", self._agreement.off_by)
        left_behind = revision != newest_revision()
        if left_behind is not self._agreement.left_behind:
            log.error(
                "the database's tables are of revision %s, this node's of %s", revision, newest_revision()
            )
        self._agreement.left_behind = left_behind

    def _loop(self) -> None:
        while True:
            self.measure()
            if self._stop.wait(MEASURE_EVERY_SECONDS):
                return

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
