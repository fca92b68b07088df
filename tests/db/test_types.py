"""Instants and points mean the same in Python and in both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import flask
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, text
from sqlalchemy.exc import DatabaseError

from cbt.http.models import Throttle
from cbt.storage.engine import WRITE
from cbt.storage.types import bind_instant, db, from_micros, to_micros
from cbt.storage.unit_of_work import reading, unit_of_work

INSTANTS = st.datetimes(
    min_value=datetime(1970, 1, 2), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)
)


def _counter(subject: str, window_from: datetime) -> dict[str, object]:
    return {
        "scope": "test",
        "subject": subject,
        "machine": "",
        "tries": 1,
        "window_from": window_from,
        "last_machine": "",
        "last_address": "",
    }


@given(INSTANTS)
def test_an_instant_survives_its_microseconds(instant: datetime) -> None:
    assert from_micros(to_micros(instant)) == instant


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        to_micros(datetime(2026, 11, 24))
    with pytest.raises(ValueError, match="aware"):
        bind_instant(datetime(2026, 11, 24), "sqlite")


def test_an_instant_of_another_zone_is_the_same_instant() -> None:
    shanghai = datetime(2026, 11, 24, 9, tzinfo=timezone(timedelta(hours=8)))
    assert to_micros(shanghai) == to_micros(datetime(2026, 11, 24, 1, tzinfo=UTC))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(INSTANTS, min_size=2, max_size=12, unique=True))
def test_the_database_orders_instants_as_python_does(app: flask.Flask, instants: list[datetime]) -> None:
    with app.app_context():
        rows = [_counter(f"k{n}", at) for n, at in enumerate(instants)]
        with unit_of_work() as session:
            session.execute(delete(Throttle))
            session.execute(insert(Throttle), rows)
        middle = sorted(instants)[len(instants) // 2]
        with reading() as session:
            ordered = session.scalars(select(Throttle.window_from).order_by(Throttle.window_from)).all()
            before = session.execute(
                text("SELECT count(*) FROM throttle WHERE window_from < :at"),
                {"at": bind_instant(middle, db.engine.dialect.name)},
            ).scalar_one()
    assert ordered == sorted(instants)
    assert before == sum(1 for instant in instants if instant < middle)


def test_points_are_kept_to_the_last_digit(app: flask.Flask) -> None:
    from cbt.storage.types import DecimalText

    kind = DecimalText()
    with app.app_context():
        dialect = db.engine.dialect
    for points in (Decimal("59.95"), Decimal("0.1"), Decimal("100")):
        assert kind.process_result_value(kind.process_bind_param(points, dialect), dialect) == points


def test_a_write_in_a_reading_transaction_is_refused_by_the_database(app: flask.Flask) -> None:
    with app.app_context(), reading() as session, pytest.raises(Exception, match=r"(?i)read-?only"):
        session.execute(insert(Throttle).values(_counter("k", datetime.now(UTC))))


# Only there: PostgreSQL reads each statement as of its own beginning.
@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_what_is_read_together_is_of_one_moment(app: flask.Flask) -> None:
    seen = select(Throttle.subject).where(Throttle.scope == "test")
    with app.app_context(), reading() as session:
        assert session.scalars(seen).all() == []
        with app.app_context(), unit_of_work() as another:
            another.add(Throttle(**_counter("meanwhile", datetime(2026, 1, 1, tzinfo=UTC))))
        assert session.scalars(seen).all() == []
    with app.app_context(), reading() as session:
        assert session.scalars(seen).all() == ["meanwhile"]


def test_a_unit_of_work_that_raises_leaves_nothing(app: flask.Flask) -> None:
    with app.app_context():
        with pytest.raises(RuntimeError), unit_of_work() as session:
            session.add(Throttle(**_counter("half", datetime(2026, 1, 1, tzinfo=UTC))))
            session.flush()
            raise RuntimeError
        with reading() as session:
            assert session.get(Throttle, ("test", "half", "")) is None


def test_writers_are_marked_as_such(app: flask.Flask) -> None:
    with app.app_context(), unit_of_work() as session:
        assert session.connection().get_execution_options().get(WRITE) is True


def test_a_refused_statement_does_not_tell_its_values(app: flask.Flask) -> None:
    """What a failed statement says ends in the log, and answers and names are among its values."""
    with app.app_context(), unit_of_work() as session, pytest.raises(DatabaseError) as refused:
        session.execute(text("INSERT INTO no_such_table VALUES (:name)"), {"name": "王小明"})
    assert "no_such_table" in str(refused.value)
    assert "王小明" not in str(refused.value)
