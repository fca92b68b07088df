"""What a cursor of the driver is asked: the rows a session would read, in one piece where that spares turns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import flask
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import LargeBinary, String, bindparam, func, inspect, literal, select, type_coerce
from sqlalchemy.orm import aliased

from cbt.http.models import Throttle
from cbt.storage.prepared import PreparedEntities, PreparedSelect, RawSelect
from cbt.storage.types import db
from cbt.storage.unit_of_work import raw_reading, reading, unit_of_work

AT = datetime(2026, 1, 1, tzinfo=UTC)
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
ROWS = (
    select(Throttle.subject, Throttle.tries, Throttle.window_from, func.nullif(Throttle.machine, ""))
    .where(Throttle.scope == bindparam("scope"))
    .order_by(Throttle.window_from.desc())
)
FORTY = 40


class OneByOne:
    """A cursor that counts the rows it looks for: each gives Python's lock away."""

    def __init__(self, cursor: Any) -> None:
        self._cursor, self.looked = cursor, 0

    def execute(self, *asked: Any) -> None:
        self._cursor.execute(*asked)

    def fetchone(self) -> Any:
        self.looked += 1
        return self._cursor.fetchone()

    def fetchall(self) -> Any:
        rows = self._cursor.fetchall()
        self.looked += len(rows) + 1
        return rows


def put(rows: list[tuple[str, int]]) -> None:
    with unit_of_work() as session:
        session.query(Throttle).delete()
        for number, (text, tries) in enumerate(rows):
            session.add(
                Throttle(
                    scope="test",
                    subject=f"{number}{text}",
                    machine=text,
                    tries=tries,
                    window_from=AT + timedelta(microseconds=number),
                    last_machine="",
                    last_address="",
                )
            )


def test_rows_are_those_that_a_session_reads(app: flask.Flask) -> None:
    asked = PreparedSelect(ROWS)

    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.tuples(TEXTS, st.integers(-(2**31), 2**31 - 1)), max_size=5))
    def check(rows: list[tuple[str, int]]) -> None:
        put(rows)
        with reading() as session:
            found = [tuple(row) for row in asked.rows(session, scope="test")]
            assert found == [tuple(row) for row in session.execute(ROWS, {"scope": "test"})]
            assert len(found) == len(rows)

    with app.app_context():
        check()


@pytest.mark.once(on="sqlite")
def test_an_embedded_database_looks_for_one_row_however_many_there_are(app: flask.Flask) -> None:
    with app.app_context():
        put([("x", number) for number in range(FORTY)])
        with raw_reading(db.engine) as cursor:
            counting = OneByOne(cursor)
            rows = RawSelect(ROWS, db.engine.dialect).ask(counting, scope="test")
    assert [row[1] for row in rows] == list(reversed(range(FORTY)))
    assert counting.looked == 1


def test_bytes_come_as_they_are(app: flask.Flask) -> None:
    bytes_ = type_coerce(literal(b"\x00\xff"), LargeBinary).label("bytes")
    asked = PreparedSelect(select(bytes_, literal("文", String).label("text")))
    with app.app_context(), reading() as session:
        assert [(bytes(row.bytes), row.text) for row in asked.rows(session)] == [(b"\x00\xff", "文")]


def test_entities_come_with_their_columns_and_one_that_is_not_there_is_none(app: flask.Flask) -> None:
    other = aliased(Throttle)
    statement = (
        select(Throttle, other, func.upper(Throttle.scope))
        .outerjoin(other, (other.subject == Throttle.subject) & (other.scope == "other"))
        .where(Throttle.scope == bindparam("scope"))
    )
    asked = PreparedEntities(statement)
    names = [column.key for column in inspect(Throttle).column_attrs]
    with app.app_context():
        put([("x", 3)])
        ((row, absent, said),) = asked.read(scope="test")
        with reading() as session:
            assert [(row, None, said)] == asked.rows(session, scope="test")
            ((entity, _absent, _said),) = session.execute(statement, {"scope": "test"})
    assert (absent, said) == (None, "TEST")
    assert {name: getattr(row, name) for name in names} == {name: getattr(entity, name) for name in names}
