"""Texts that are read together are whole, each with its own row, on either database."""

from __future__ import annotations

from datetime import UTC, datetime

import flask
import pytest
from sqlalchemy import func, insert, null, select

from cbt.http.models import Throttle
from cbt.storage.bulk_read import parted, rows_with_text
from cbt.storage.unit_of_work import reading, unit_of_work

TEXTS = ["", "甲'\"\\ \x1f\n,[]", "a" * 79, "题😀"]


def test_each_row_comes_with_its_own_text(app: flask.Flask) -> None:
    rows = [
        {
            "scope": text,
            "subject": f"第“{number}”",
            "machine": "",
            "tries": number,
            "window_from": datetime(2026, 1, 1, tzinfo=UTC),
            "last_machine": "",
            "last_address": "",
        }
        for number, text in enumerate(TEXTS)
    ]
    with app.app_context():
        with unit_of_work() as session:
            session.execute(
                insert(Throttle), [row | {"scope": "test", "last_machine": row["scope"]} for row in rows]
            )
        with reading() as session:
            query = select(Throttle.tries, Throttle.subject, Throttle.last_machine).where(
                Throttle.scope == "test"
            )
            found = {tries: (subject, text) for (tries, subject), text in rows_with_text(session, query)}
            without = select(Throttle.tries, func.nullif(Throttle.last_machine, "").label("text"))
            lacking = {tries: text for (tries,), text in rows_with_text(session, without)}
            assert list(rows_with_text(session, query.where(null().is_not(None)))) == []
    assert found == {number: (f"第“{number}”", text.encode()) for number, text in enumerate(TEXTS)}
    assert lacking == {number: text.encode() or None for number, text in enumerate(TEXTS)}


def test_texts_that_are_not_as_long_as_they_are_said_to_be_are_refused() -> None:
    assert [*parted([[1, 2], [2, None], [3, 0]], b"ab")] == [([1], b"ab"), ([2], None), ([3], b"")]
    with pytest.raises(ValueError, match="not as long"):
        list(parted([[1, 2]], b"abc"))
