"""Connections to PostgreSQL that have ended are not handed out; what is read by itself begins no transaction."""

from __future__ import annotations

import select
from collections.abc import Iterator
from typing import Any

import flask
import psycopg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError

from cbt.storage.engine import LATELY_SECONDS, look_at_connections
from cbt.storage.types import db
from cbt.storage.unit_of_work import raw_reading, reading
from tests.databases import PostgresServer


class Pinged:
    """A clock that is moved by hand, an engine with one connection, and how often it was asked whether it holds."""

    def __init__(self, url: str) -> None:
        self.now = 0.0
        self.count = 0
        self.engine = create_engine(url, pool_size=1, max_overflow=0)
        ping = self.engine.dialect.do_ping

        def counted(connection: Any) -> bool:
            self.count += 1
            return bool(ping(connection))

        self.engine.dialect.do_ping = counted  # type: ignore[method-assign]
        look_at_connections(self.engine, timer=lambda: self.now)

    def ask(self) -> int:
        """Return which process of the server answers."""
        with raw_reading(self.engine) as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            return int(cursor.fetchone()[0])

    def cut(self, server: PostgresServer) -> None:
        """Have the server end the connection, and wait until it has."""
        with psycopg.connect(server.admin_url, autocommit=True) as admin:
            ended = admin.execute("SELECT pg_terminate_backend(%s, 10000)", [self.ask()]).fetchone()
        assert ended == (True,)


@pytest.fixture
def pinged(postgres: PostgresServer) -> Iterator[Pinged]:
    made = Pinged(postgres.url("postgres"))
    yield made
    made.engine.dispose()


def test_who_answered_lately_is_not_asked_and_who_was_silent_is(pinged: Pinged) -> None:
    first = pinged.ask()
    pinged.now += LATELY_SECONDS / 2
    assert (pinged.ask(), pinged.count) == (first, 0)
    pinged.now += LATELY_SECONDS
    assert (pinged.ask(), pinged.count) == (first, 1)


def test_where_nobody_can_look_each_is_asked(pinged: Pinged, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has no such look."""
    first = pinged.ask()
    monkeypatch.delattr(select, "poll")
    assert (pinged.ask(), pinged.count) == (first, 1)


@pytest.mark.parametrize("later", [0.0, 2 * LATELY_SECONDS])
def test_a_connection_that_was_cut_is_not_handed_out(
    pinged: Pinged, postgres: PostgresServer, later: float
) -> None:
    first = pinged.ask()
    pinged.cut(postgres)
    pinged.now += later
    assert pinged.ask() != first
    pinged.cut(postgres)
    with pinged.engine.begin() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


def test_a_connection_that_answers_with_an_error_is_an_error(
    pinged: Pinged, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_connection: Any) -> bool:
        raise psycopg.errors.QueryCanceled

    pinged.ask()
    pinged.now += 2 * LATELY_SECONDS
    monkeypatch.setattr(pinged.engine.dialect, "do_ping", fail)
    with pytest.raises((OperationalError, psycopg.Error)):
        pinged.ask()
    monkeypatch.undo()
    assert pinged.ask()


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_what_is_read_by_itself_begins_no_transaction_and_what_follows_does(
    app: flask.Flask, database_kind: str
) -> None:
    def open_now(cursor: Any) -> bool:
        cursor.execute("SELECT now() = statement_timestamp(), pg_sleep(0.001)")
        cursor.execute("SELECT now() <> statement_timestamp()")
        return bool(cursor.fetchone()[0])

    with app.app_context():
        engine: Engine = db.engine
        with raw_reading(engine) as cursor:
            assert not open_now(cursor)
        with pytest.raises(psycopg.Error), raw_reading(engine) as cursor:
            cursor.execute("SELECT 1 / 0")
        with reading() as session:
            raw = session.connection().connection.driver_connection
            assert raw is not None
            assert not raw.autocommit
            assert open_now(raw.cursor())
