"""The watch over locks reads statements as PostgreSQL does, and tells of what goes against the order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cbt.application.lock_order import LOCK_ORDER
from cbt.proctoring import desk
from cbt.storage.types import db
from tests import row_locks
from tests.proctoring.desk import Desk, done, running
from tests.row_locks import Held, Lock, locks_of, take
from tests.world import World

STATEMENTS = {
    "SELECT a.id FROM attempt a JOIN attempt_live l ON l.attempt_id = a.id WHERE a.id = ANY(%s) ORDER BY a.id "
    "FOR SHARE OF a": [("attempt", "share")],
    "SELECT id, ref, state FROM attempt WHERE id = ANY(%s) ORDER BY id FOR UPDATE": [("attempt", "update")],
    "SELECT gap.id, attempt.id FROM gap JOIN attempt ON attempt.id = gap.attempt_id\nWHERE gap.id = 1 FOR UPDATE":
        [("gap", "update"), ("attempt", "update")],
    "SELECT id FROM job ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED": [],
    "SELECT id FROM attempt WHERE state = 'READY'": [],
    "UPDATE attempt SET state = v.c0 FROM unnest(%s) AS v(c0) WHERE attempt.id = v.c1":
        [("attempt", "no key update")],
    "UPDATE registration SET seat_id = %(seat_id)s WHERE id = 1":
        [("registration", "no key update"), ("seat", "key share")],
    "DELETE FROM throttle WHERE scope = %s": [("throttle", "update")],
    "INSERT INTO gap (attempt_id, from_at) SELECT attempt_id, seen_at FROM attempt_live":
        [("attempt", "key share")],
    "INSERT INTO throttle (scope, tries) VALUES (%s, 1) ON CONFLICT (scope) DO UPDATE SET tries = 2":
        [("throttle", "no key update")],
}  # fmt: skip


@pytest.fixture
def told() -> Iterator[list[str]]:
    """What the watch says, of which nothing is left for the end of the test."""
    yield row_locks.wrong
    row_locks.wrong.clear()


def test_a_statement_is_read_as_postgresql_carries_it_out() -> None:
    read = {sql: [(lock.table, lock.mode) for lock in locks_of(sql)] for sql in STATEMENTS}
    assert read == STATEMENTS
    assert set(LOCK_ORDER) <= db.metadata.tables.keys()


def test_what_comes_before_is_locked_before(told: list[str]) -> None:
    held = Held()
    for table in ("sitting_room", "registration", "attempt", "attempt", "gap", "registration", "audit_head"):
        take(held, Lock(table, "no key update"), "an act")
    assert told == []
    take(held, Lock("registration", "update"), "an act")  # more than it holds: it may have to wait
    held.made.add("sitting")
    take(held, Lock("sitting", "key share", "sitting_id"), "an act")  # nobody else sees that row
    take(held, Lock("room", "key share", "room_id"), "an act")
    assert [one.split(" ")[0] for one in told if " attempt " in one] == ["registration", "room"]


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_an_act_against_the_order_is_told(
    world: World, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    running(world, "theory")
    assert told == []
    monkeypatch.setattr(desk.Desk, "hold_people", lambda *_: None)
    done(Desk(world).act("suspend", "theory", reason="身体不适"))
    [line] = told  # the log's line names the person, whose paper is locked by then
    assert line.startswith("registration (key share: proctoring/desk.py:")
    assert "after attempt (update: proctoring/desk.py:" in line
