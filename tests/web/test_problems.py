"""A database that cannot do its work is 503, never 500; anything else that is unexpected stays 500."""

from __future__ import annotations

import sqlite3

import psycopg
import pytest
import sqlcipher3.dbapi2
from sqlalchemy import exc

from cbt.runner.save.journal import Journal
from tests.delivery.driver import opened_page
from tests.world import World

FULL = sqlite3.OperationalError("database or disk is full")
DATABASE_FAILS = [
    pytest.param(exc.OperationalError("UPDATE", {}, FULL), id="wrapped"),
    pytest.param(exc.InterfaceError("UPDATE", {}, FULL), id="lost connection"),
    pytest.param(exc.TimeoutError(), id="no connection free"),
    pytest.param(exc.DatabaseError("SELECT", {}, FULL), id="malformed file"),
    pytest.param(FULL, id="sqlite driver"),
    pytest.param(sqlcipher3.dbapi2.OperationalError("disk I/O error"), id="sqlcipher driver"),
    pytest.param(psycopg.errors.AdminShutdown("terminated"), id="postgresql driver"),
]
OUR_FAULT = [
    pytest.param(exc.IntegrityError("INSERT", {}, sqlite3.IntegrityError("unique")), id="refused value"),
    pytest.param(KeyError("order"), id="bug"),
]


def answer(world: World, monkeypatch: pytest.MonkeyPatch, error: Exception) -> tuple[int, str]:
    """Return status and code of a unit's end that meets `error`."""

    def fail(*_: object) -> None:
        raise error

    page = opened_page(world, "skills")
    monkeypatch.setattr(Journal, "leave_unit", fail)
    reply = page.advance(1, completed=True)
    return reply.status_code, reply.get_json()["code"]


@pytest.mark.parametrize("error", DATABASE_FAILS)
def test_a_units_end_that_the_database_cannot_keep_is_503(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    assert answer(world, monkeypatch, error) == (503, "db.write")


@pytest.mark.parametrize("error", OUR_FAULT)
def test_any_other_failure_says_500_and_nothing_else(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    assert answer(world, monkeypatch, error) == (500, "web.unexpected")
