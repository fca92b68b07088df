"""A database of PostgreSQL that tests use one after another is each time as if it were new."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import flask
import psycopg
import pytest
from sqlalchemy import make_url, select, text

from cbt.audit.models import AuditEntry
from cbt.config import Settings
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.conftest import Templates, installation
from tests.databases import PostgresServer
from tests.helpers import FakeClock
from tests.moments import Moment
from tests.world import START

STORED = text("SELECT ctid::text, id, act FROM audit_entry")
SEAT = text(
    "INSERT INTO seat (room_id, number, spare, undelivered)"
    " SELECT room_id, 9999, spare, undelivered FROM seat LIMIT 1 RETURNING id"
)


@contextmanager
def used(templates: Templates, folder: Path, moment: Moment = Moment.PLANNED) -> Iterator[flask.Flask]:
    """Use a database as a test does."""
    with (
        installation(templates, "postgresql", folder, FakeClock(START), moment=moment) as (app, _),
        app.app_context(),
    ):
        yield app


def seen(query: Any) -> list[tuple[Any, ...]]:
    """Return what a query finds, in the order of its finding."""
    with reading() as session:
        return [tuple(row) for row in session.execute(query)]


def database_number() -> int:
    """Return what tells a database from one that had its name before."""
    return int(seen(text("SELECT oid FROM pg_database WHERE datname = current_database()"))[0][0])


def plain(app: flask.Flask) -> str:
    """Return PostgreSQL's own URL of an app's database."""
    settings: Settings = app.extensions["cbt_settings"]
    return make_url(settings.database_url).set(drivername="postgresql").render_as_string()


@pytest.fixture(autouse=True)
def _tells(postgres: PostgresServer) -> None:
    if not postgres.tells_changes:
        pytest.skip("this server's databases are copied for each test")


def test_rows_their_order_and_the_next_number_are_as_at_first(templates: Templates, tmp_path: Path) -> None:
    found = []
    for turn in range(3):
        with used(templates, tmp_path / str(turn)):
            found.append((database_number(), seen(STORED)))
            with unit_of_work() as session:
                found[-1] += (session.execute(SEAT).scalar_one(),)
                session.execute(text("UPDATE audit_entry SET act = 'other'"))
                session.execute(text("DELETE FROM audit_entry WHERE id % 2 = 0"))
            assert seen(STORED) != found[-1][1]
    assert found[0] == found[1] == found[2]


def test_moments_come_and_go(templates: Templates, tmp_path: Path) -> None:
    told = {}
    for turn, moment in enumerate(
        (Moment.RUNNING, Moment.EMPTY, Moment.PLANNED, Moment.RUNNING, Moment.EMPTY)
    ):
        with used(templates, tmp_path / str(turn), moment):
            counted = len(seen(select(AuditEntry.id)))
        assert told.setdefault(moment, counted) == counted
    assert told[Moment.EMPTY] == 0 < told[Moment.PLANNED] < told[Moment.RUNNING]


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE seat ADD COLUMN colour text",
        "DROP INDEX ix_audit_entry_act",
        "CREATE TABLE more (id integer)",
        'ALTER DATABASE "{name}" SET default_transaction_read_only = on',
    ],
)
def test_what_was_changed_otherwise_is_made_anew(templates: Templates, tmp_path: Path, change: str) -> None:
    facts = text("SELECT (SELECT count(*) FROM pg_attribute), (SELECT count(*) FROM pg_class)")
    found = []
    for turn in range(2):
        with used(templates, tmp_path / str(turn)) as app:
            found.append((database_number(), seen(facts)))
            with psycopg.connect(plain(app), autocommit=True) as connection:
                connection.execute(change.format(name=connection.info.dbname))
    assert found[0][1] == found[1][1]
    assert found[0][0] != found[1][0]
    with used(templates, tmp_path / "last"):
        assert seen(text("SHOW default_transaction_read_only")) == [("off",)]


def test_who_stayed_connected_is_sent_away(templates: Templates, tmp_path: Path) -> None:
    with used(templates, tmp_path / "first") as app:
        stayed = psycopg.connect(plain(app))
        stayed.execute("DELETE FROM audit_entry")
    with used(templates, tmp_path / "second"):
        assert seen(STORED)
    with pytest.raises(psycopg.OperationalError):
        stayed.execute("SELECT 1")
    stayed.close()
