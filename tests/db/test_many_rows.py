"""Rows that are written together all arrive, however many there are, on either database."""

from __future__ import annotations

from datetime import UTC, datetime

import flask
import pytest
from sqlalchemy import select

from cbt.audit.chain import AT_ONCE, insert_rows
from cbt.http.models import Throttle
from cbt.storage.types import bind_instant
from cbt.storage.unit_of_work import reading, unit_of_work

INSERT = "INSERT INTO throttle (scope, subject, machine, tries, window_from, last_machine, last_address)"
AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("count", [1, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 2 * AT_ONCE + 2])
def test_all_rows_arrive_each_with_its_own_values(app: flask.Flask, count: int) -> None:
    with app.app_context():
        with unit_of_work() as session:
            dialect = session.get_bind().dialect.name
            cursor = session.connection().connection.cursor()
            rows = [
                ("test", f"题{number}", "", number, bind_instant(AT, dialect), "", "")
                for number in range(count)
            ]
            insert_rows(cursor, dialect, INSERT, rows)
            cursor.close()
        with reading() as session:
            query = select(Throttle.tries, Throttle.subject, Throttle.window_from).where(
                Throttle.scope == "test"
            )
            found = [tuple(row) for row in session.execute(query.order_by(Throttle.tries))]
    assert found == [(number, f"题{number}", AT) for number in range(count)]
