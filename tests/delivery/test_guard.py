"""The columns of a guard, its row and its way over the line follow from its fields."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta

import pytest

from cbt.candidates.models import Registration
from cbt.rules.states import State
from cbt.runner.models import Attempt, AttemptLive
from cbt.runner.save import attempt_row as guards
from cbt.runner.save.attempt_row import Guard, guard_of, row_of

PLAIN = {"int", "int | None", "str | None"}
TABLES = {"a": Attempt, "r": Registration, "l": AttemptLive}
AT = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)


def test_every_field_is_a_column_of_the_table_it_is_read_from() -> None:
    columns = [one.split(".") for one in guards._GUARD_COLUMNS.split(", ")]
    assert [name for _, name in columns] == [field.name for field in fields(Guard)]
    assert all(name in TABLES[table].__table__.columns for table, name in columns)


def test_every_field_is_of_a_kind_that_both_ends_know() -> None:
    read = (guards._TEXTS, guards._INSTANTS, guards._SPANS, guards._TRUTHS)
    known = {place for places in read for place in places}
    plain = {place for place, field in enumerate(fields(Guard)) if field.type in PLAIN}
    assert known | plain == set(range(len(fields(Guard))))
    assert not known & plain


@pytest.mark.parametrize(
    "at",
    [
        pytest.param(AT, id="as PostgreSQL gives an instant"),
        pytest.param(int(AT.timestamp()) * 1_000_000, id="as SQLite and the line give it"),
    ],
)
def test_a_row_is_read_field_by_field(at: datetime | int) -> None:
    row = ("interacting", "hash", 2, at, None, 1, at, None, None, 3_000_000, 1, None, None, "m", None, None)
    found = guard_of(row)
    assert (found.closes_at, found.unit_ends_at, found.earliest_submit_at) == (AT, AT, None)
    assert (found.grace, found.has_message) == (timedelta(seconds=3), True)
    assert (found.kept_rows, found.kept_bytes) == (0, 0)  # nobody was heard of yet


def test_what_goes_over_the_line_is_plain() -> None:
    guard = Guard(
        State.SUSPENDED,
        None,
        0,
        AT,
        None,
        None,
        None,
        None,
        None,
        timedelta(seconds=3),
        False,
        None,
        None,
        None,
    )
    row = row_of(guard)
    assert {type(value) for value in row} == {str, int, bool, type(None)}
    assert guard_of(row) == guard
