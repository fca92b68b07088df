"""Connections to a database of PostgreSQL that one app of a process passes on to the next one (tests/kept.py)."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from tests.databases import PostgresServer

MOST_CONNECTIONS = 8
"""At rest to one database."""


class KeptConnections:
    """Connections that an engine let go of and that the next one takes: as a new one, but for what it knows."""

    def __init__(self) -> None:
        self._at_rest: dict[str, list[tuple[Any, Any]]] = {}
        self._near: dict[str, dict[str, Any]] = {}
        self._turn = threading.Lock()
        self._process = 0
        """The one that keeps them: a fork of it has no part in them."""

    def keep_of(self, name: str, server: PostgresServer) -> None:
        """Keep connections to the database `name` of `server` from now on."""
        self._process = os.getpid()
        self._at_rest[name] = []
        self._near[server.port] = server.near

    def near(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return what to connect by to the server of these words."""
        here = self._near.get(str(asked.get("port")), {}) if asked.get("host") == "127.0.0.1" else {}
        return asked | here

    def close_of(self, name: str) -> None:
        """Close those to the database `name`, and keep none any longer."""
        with self._turn:
            for _, connection in self._at_rest.pop(name, []):
                connection.close()

    def servers_of(self, name: str) -> list[int]:
        """Return the process of the server behind each connection at rest."""
        with self._turn:
            return [connection.info.backend_pid for _, connection in self._at_rest.get(name, [])]

    def take(self, asked: dict[str, Any]) -> Any:
        """Return a connection that was made of the same words; None where there is none."""
        words = _words(asked)
        with self._turn:
            at_rest = self._of_this_process(asked.get("dbname"))
            for place, (made_of, connection) in enumerate(at_rest):
                if made_of == words:
                    del at_rest[place]
                    return connection
        return None

    def give(self, connection: Any) -> bool:
        """Take in a connection whose engine is done with it; False where it is to be closed."""
        made_of = getattr(connection, "made_of", None)
        if made_of is None or connection.closed or len(self._of_this_process(made_of[0])) >= MOST_CONNECTIONS:
            return False
        try:
            if connection.info.transaction_status is not TransactionStatus.IDLE:
                connection.rollback()
            connection.isolation_level, connection.read_only, connection.deferrable = None, None, None
            connection.autocommit = True
            connection.execute("DISCARD ALL", prepare=False)
            connection.autocommit = False
            connection.execute("SELECT pg_stat_force_next_flush()", prepare=False)
            connection.rollback()  # from here on the driver knows none of the statements either
        except psycopg.Error:
            return False
        with self._turn:
            if made_of[0] not in self._at_rest:
                return False
            self._at_rest[made_of[0]].append((made_of, connection))
        return True

    def keeps(self, name: str) -> bool:
        """Return whether connections to the database `name` are kept."""
        return os.getpid() == self._process and name in self._at_rest

    def _of_this_process(self, name: str | None) -> list[tuple[Any, Any]]:
        return self._at_rest.get(name or "", []) if os.getpid() == self._process else []


CONNECTIONS = KeptConnections()
_connect = PGDialect_psycopg.connect
_close = PGDialect_psycopg.do_close


class _Known(psycopg.Connection[Any]):
    """A connection that knows what it was made of, and who of its engines listens to its notices."""

    made_of: tuple[Any, ...] | None = None
    listening: tuple[Callable[[Any], None], ...] = ()

    def add_notice_handler(self, callback: Callable[[Any], None]) -> None:
        """Tell notices to `callback`: once, though every engine says so anew."""
        if callback not in self.listening:
            self.listening += (callback,)
            super().add_notice_handler(callback)


def _words(asked: dict[str, Any]) -> tuple[Any, ...]:
    return asked.get("dbname"), *sorted(
        (name, f"{word}") for name, word in asked.items() if name != "context"
    )


def _take_or_connect(dialect: PGDialect_psycopg, *words: Any, **asked: Any) -> Any:
    if words or not CONNECTIONS.keeps(asked.get("dbname", "")):
        return _connect(dialect, *words, **asked)
    connection = CONNECTIONS.take(asked)
    if connection is None:
        connection = _Known.connect(**CONNECTIONS.near(asked))
        connection.made_of = _words(asked)
    return connection


def _keep_or_close(dialect: PGDialect_psycopg, connection: Any) -> None:
    if not CONNECTIONS.give(connection):
        _close(dialect, connection)


def keep_connections() -> None:
    """Let engines of this process pass their connections to a kept database on to one another."""
    PGDialect_psycopg.connect = _take_or_connect  # type: ignore[method-assign]  # for the tests alone
    PGDialect_psycopg.do_close = _keep_or_close  # type: ignore[method-assign]
