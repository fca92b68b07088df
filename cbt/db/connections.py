"""Connections to PostgreSQL that have ended are not handed out: the server was begun anew, or somebody cut them."""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import InvalidatePoolError

LATELY_SECONDS = 1.0
"""Who answered so lately is only looked at; who was silent for longer is asked, which is a round trip."""
_USED_AT = "cbt_used_at"


def look_at_connections(engine: Engine, timer: Callable[[], float] = time.monotonic) -> None:
    """Have each connection looked at before it is handed out, and those that have ended let go together."""
    dialect = engine.dialect

    @event.listens_for(engine, "checkin")
    def note(_connection: Any, record: Any) -> None:
        record.info[_USED_AT] = timer()

    @event.listens_for(engine, "checkout")
    def look(connection: Any, record: Any, _lent: Any) -> None:
        used_at = record.info.get(_USED_AT)  # None: it has just been opened
        if used_at is None or (_is_quiet(connection) and timer() - used_at < LATELY_SECONDS):
            return
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            if dialect.is_disconnect(error, connection, None):
                raise InvalidatePoolError from error
            raise


def _is_quiet(connection: Any) -> bool:
    """Return whether a connection is open and its server says nothing unasked, as it does when it ends."""
    if connection.closed or not hasattr(select, "poll"):  # Windows: nobody can look, so it is asked
        return False
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return not poll.poll(0)
