"""A database that cannot do its work is 503, never 500; anything else that is unexpected stays 500."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

import psycopg
import pytest
import sqlcipher3.dbapi2
from sqlalchemy import exc

from cbt.runner.save.journal import Journal
from tests.delivery.driver import opened_page
from tests.world import World

FULL = sqlite3.OperationalError("database or disk is full")
DATABASE_FAILS = {
    "wrapped": exc.OperationalError("UPDATE", {}, FULL),
    "lost connection": exc.InterfaceError("UPDATE", {}, FULL),
    "no connection free": exc.TimeoutError(),
    "malformed file": exc.DatabaseError("SELECT", {}, FULL),
    "sqlite driver": FULL,
    "sqlcipher driver": sqlcipher3.dbapi2.OperationalError("disk I/O error"),
    "postgresql driver": psycopg.errors.AdminShutdown("terminated"),
    "two that wait for each other": psycopg.errors.DeadlockDetected("deadlock detected"),
    "a standby": psycopg.errors.ReadOnlySqlTransaction("cannot execute UPDATE in a read-only transaction"),
    "a line that is closed": psycopg.InterfaceError("the cursor is closed"),
}
OUR_FAULT = {
    "refused value": exc.IntegrityError("INSERT", {}, sqlite3.IntegrityError("unique")),
    "bug": KeyError("order"),
}


def answers(
    world: World, monkeypatch: pytest.MonkeyPatch, errors: Mapping[str, Exception]
) -> dict[str, tuple[int, str]]:
    """Return status and code of a unit's end that meets each error."""
    page = opened_page(world, "skills")
    replies = {}
    for name, error in errors.items():

        def fail(*_: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(Journal, "leave_unit", fail)
        reply = page.advance(1, completed=True)
        replies[name] = reply.status_code, reply.get_json()["code"]
    return replies


def test_a_units_end_that_the_database_cannot_keep_is_503(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert answers(world, monkeypatch, DATABASE_FAILS) == dict.fromkeys(DATABASE_FAILS, (503, "db.write"))


def test_any_other_failure_says_500_and_nothing_else(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert answers(world, monkeypatch, OUR_FAULT) == dict.fromkeys(OUR_FAULT, (500, "web.unexpected"))
