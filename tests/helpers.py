"""Small tools that tests share."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, select, text
from sqlalchemy.engine import Engine
from werkzeug.test import TestResponse

from cbt.errors import CbtError
from cbt.storage.types import db
from cbt.storage.unit_of_work import raw_reading, unit_of_work
from cbt.storage.write_queue.change_set import Parcel


class FakeClock:
    """A clock that moves only when a test moves it."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        """Return the present instant."""
        return self._now

    def drift(self) -> timedelta:
        """Return no drift."""
        return timedelta(0)

    def advance(self, span: timedelta) -> datetime:
        """Move on by `span` and return the new instant."""
        self._now += span
        return self._now

    def set(self, instant: datetime) -> datetime:
        """Stand at `instant`."""
        self._now = instant
        return instant


def utc(text: str) -> datetime:
    """Return the aware UTC instant of an ISO text."""
    return datetime.fromisoformat(text).astimezone(UTC)


class Client(FlaskClient):
    """Flask's client of tests, which closes the file that it wrote a long body to: left to the search for garbage,
    it is told of during whichever case comes then."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send a request, and let go of what it was sent from."""
        response = super().open(*args, **kwargs)
        for answer in (*response.history, response):
            answer.request.environ["wsgi.input"].close()
        return response


FORM_TOKEN = re.compile(r'(?:data-csrf|name="csrf_token" value)="([^"]+)"')


def without_tokens(page: str) -> str:
    """Return a page without its form tokens, which carry the second they were made in."""
    return FORM_TOKEN.sub("", page)


def flat(page: str) -> str:
    """Return the source of a page as one line: where a template breaks its lines is its own affair."""
    return " ".join(re.sub(r"(?<=>)\s*\n\s*|\s*\n\s*(?=<)", "", page).split())


@contextmanager
def count_queries(app: flask.Flask, *, here: bool = False) -> Iterator[list[str]]:
    """Collect the statements that the block sends to the database, `here` those of this thread alone.

    PRAGMA and BEGIN do not count.
    """
    seen: list[str] = []
    asker = threading.get_ident()

    def note(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        if here and threading.get_ident() != asker:
            return
        if not statement.startswith(("PRAGMA", "BEGIN", "COMMIT", "ROLLBACK")):
            seen.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def count_raw_readings(monkeypatch: pytest.MonkeyPatch, module: ModuleType) -> list[Engine]:
    """Count how often a module borrows a cursor from now on: one more engine each time."""
    asked: list[Engine] = []

    @contextmanager
    def counted(engine: Engine) -> Iterator[Any]:
        asked.append(engine)
        with raw_reading(engine) as cursor:
            yield cursor

    monkeypatch.setattr(module, "raw_reading", counted)
    return asked


def log_can_be_emptied() -> bool:
    """Commit something to SQLite; return whether its log can be written back whole: no older snapshot stands."""
    with unit_of_work() as session:
        session.execute(text("UPDATE alembic_version SET version_num = version_num"))
    with raw_reading(db.engine) as cursor:
        busy, in_log, written_back = cursor.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return (busy, in_log) == (0, written_back)


def sign_in_as(
    app: flask.Flask, *, kind: str, subject_ref: str, machine: str = "m-test"
) -> flask.testing.FlaskClient:
    """Return a client whose cookie belongs to a fresh login session of this person, at the machine of that name.

    Somebody of staff is never idle here, however far a test moves the clock: they sit at the board all the time.
    """
    from cbt.http.auth.cookies import cookie_signer, session_cookie
    from cbt.http.auth.login_store import LIFETIME, open_login
    from cbt.http.auth.machine import MACHINE_COOKIE, Machine, token_hash, tokens_of
    from cbt.http.models import LoginSession
    from cbt.storage.unit_of_work import unit_of_work

    clock = app.extensions["cbt_clock"]
    with app.app_context(), unit_of_work() as session:
        own = token_hash(machine)
        fresh = open_login(kind=kind, subject_ref=subject_ref, machine=Machine(own, ""), now=clock.now())
        token = fresh.store(session)
        if kind == "staff":
            login = session.scalars(select(LoginSession).where(LoginSession.token_hash == token_hash(token)))
            login.one().seen_at = clock.now() + LIFETIME
    client = app.test_client()
    client.set_cookie(MACHINE_COOKIE, tokens_of(app).issue(machine))
    held = cookie_signer(app).dumps({"_user_id": token, "_fresh": True})  # as `login.remember` leaves it
    client.set_cookie(session_cookie(app, staff=kind == "staff"), held)
    return client


def leave_nothing_for_later(app: flask.Flask) -> None:
    """Have what nobody waits for written before a request ends: tests read what is stored right after it."""
    journal: Any = app.extensions["cbt_journal"]
    later = journal.put_down_later

    def at_once(parcel: Parcel, what: str) -> None:
        later(parcel, what)
        with suppress(CbtError):
            journal.writer.run(Parcel(()), somebody=False)  # comes after it

    journal.put_down_later = at_once
