"""A change that is put together once does the same in a unit of work and with what others write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import flask
import pytest

from cbt.http.auth.login_store import LIFETIME, login_to_revoke, open_login
from cbt.http.auth.machine import Machine
from cbt.http.models import LoginSession
from cbt.storage.prepared import Change
from cbt.storage.unit_of_work import reading, unit_of_work
from cbt.storage.write_queue.change_set import one_writes, put_down

NOW = datetime(2026, 1, 1, 9, tzinfo=UTC)
MACHINE = Machine("a" * 64, "10.0.0.7")
WAYS = ("in a unit of work", "along with others")


def do(way: str, change: Change, touches: int) -> None:
    if way == "along with others" and one_writes():
        assert put_down(change.rows(touches=touches))
        return
    with unit_of_work() as session:
        change.carry_out(session)


@pytest.mark.parametrize("way", WAYS)
def test_a_login_is_opened_and_ended(app: flask.Flask, way: str) -> None:
    with app.app_context():
        fresh = open_login(kind="candidate", subject_ref="re-1", machine=MACHINE, now=NOW)
        do(way, fresh.stored, 1)
        with reading() as session:
            login = session.query(LoginSession).one()
        assert (login.kind, login.subject_ref, login.machine) == ("candidate", "re-1", MACHINE.identity)
        assert (login.created_at, login.expires_at) == (NOW, NOW + LIFETIME)
        assert (login.revoked_at, login.seen_at, login.owes_factor) == (None, None, False)
        for later, touches in ((1, 1), (2, 0)):
            do(way, login_to_revoke(login.id, now=NOW + timedelta(minutes=later)), touches)
        with reading() as session:
            assert session.get_one(LoginSession, login.id).revoked_at == NOW + timedelta(minutes=1)
