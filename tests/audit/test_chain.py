"""The audit log is one keyed chain: a changed, missing or added line breaks it where it happened."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

import flask
import pytest
from sqlalchemy import select, text

from cbt.audit.chain import record
from cbt.audit.models import AuditEntry, AuditHead
from cbt.audit.verification import verify
from cbt.storage.unit_of_work import reading, unit_of_work

AT = datetime(2026, 11, 24, 1, tzinfo=UTC)


def write(app: flask.Flask, *acts: str) -> None:
    with app.app_context(), unit_of_work() as session:
        for act in acts:
            record(session, at=AT, actor="cli", act=act, subject="test:1", before={"n": 1}, after={"n": 2})


def check(app: flask.Flask) -> tuple[int, int | None]:
    with app.app_context(), reading() as session:
        report = verify(session)
    return report.entries, report.broken_at


def test_an_empty_chain_verifies(app: flask.Flask) -> None:
    assert check(app) == (0, None)


def test_entries_of_several_units_of_work_form_one_chain(app: flask.Flask) -> None:
    write(app, "a", "b")
    write(app, "c")
    assert check(app) == (3, None)


def test_a_unit_of_work_that_fails_writes_no_line(app: flask.Flask) -> None:
    write(app, "a")
    with app.app_context(), pytest.raises(RuntimeError), unit_of_work() as session:
        record(session, at=AT, actor="cli", act="lost", subject="test:1")
        raise RuntimeError
    write(app, "b")
    assert check(app) == (2, None)


@pytest.mark.parametrize(
    ("damage", "broken_at"),
    [
        pytest.param("UPDATE audit_entry SET reason = 'x' WHERE id = 2", 2, id="a reason changed"),
        pytest.param("UPDATE audit_entry SET actor = 'staff:other' WHERE id = 1", 1, id="an actor changed"),
        pytest.param("DELETE FROM audit_entry WHERE id = 2", 3, id="a line taken out"),
        pytest.param("DELETE FROM audit_entry WHERE id = 3", 3, id="the last line taken off"),
        pytest.param("UPDATE audit_head SET last_id = 9", 4, id="the head moved"),
    ],
)
def test_damage_is_found_where_it_is(app: flask.Flask, damage: str, broken_at: int) -> None:
    write(app, "a", "b", "c")
    with app.app_context(), unit_of_work() as session:
        session.execute(text(damage))
    assert check(app)[1] == broken_at


def test_a_log_that_0_1_0_began_goes_on_and_verifies(app: flask.Flask) -> None:
    """That version hashed JSON with a space after each comma, without a key; a line seals the change-over."""
    former = ["cli", "former", "test:1", "", "", '{"n":2}']
    sealed = hashlib.sha256(
        json.dumps(["0" * 64, 1, int(AT.timestamp()) * 1_000_000, *former]).encode()
    ).hexdigest()
    names = ("actor", "act", "subject", "reason", "before", "after")
    with app.app_context(), unit_of_work() as session:
        line = dict(zip(names, former, strict=True))
        session.add(AuditEntry(id=1, at=AT, prev_hash="0" * 64, hash=sealed, **line))
        session.add(AuditHead(id=1, last_id=1, hash=sealed))
    assert check(app) == (1, None), "as it was before there was a key"
    write(app, "a")
    assert check(app) == (3, None)
    with app.app_context(), reading() as session:
        acts = session.scalars(select(AuditEntry.act).order_by(AuditEntry.id)).all()
    assert acts == ["former", "audit.keyed", "a"]
    with app.app_context(), unit_of_work() as session:
        session.execute(text("UPDATE audit_entry SET reason = 'x' WHERE id = 1"))
    assert check(app)[1] == 1
