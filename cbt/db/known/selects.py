"""A select that is put together once and asked by a cursor of the driver.

For what is asked so often that what SQLAlchemy does for each question and each value would be most of its price: a
row comes as the driver gives it, to be compared with the one of last time, and is made into values only where it
differs.

An embedded database gives Python's lock away for every row it looks for, and in a busy process each waits for half
a turn of another thread to come back: forty rows took thirty milliseconds, of which a fifth of one was work. So all
rows of an answer come as one there, a JSON text that SQLite makes of them.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import msgspec
from sqlalchemy import LargeBinary, Select, func, select
from sqlalchemy.engine import Dialect as SqlDialect
from sqlalchemy.orm import Session

from cbt.db.known.sql import RawSql
from cbt.db.known.together import remember
from cbt.db.types import db
from cbt.db.unit_of_work import raw_reading

Raw = tuple[Any, ...]
_read_rows: Callable[[str], list[Raw]] = msgspec.json.Decoder(list[Raw]).decode


class RawSelect:
    """A select of one kind of database; it is put together when it is first asked."""

    def __init__(self, statement: Select[*tuple[Any, ...]], dialect: SqlDialect) -> None:
        self._statement, self._dialect = statement, dialect
        remember(self)

    def prepare(self, _dialect: SqlDialect) -> None:
        """Put it together, if it is not yet."""
        _ = self._made

    def ask(self, cursor: Any, **values: object) -> list[Raw]:
        """Return the rows as the driver gives them."""
        return self._made.ask(cursor, values)

    def typed(self, raw: Raw) -> Any:
        """Return a row with the names and types of its columns."""
        return self._made.typed(raw)

    @cached_property
    def _made(self) -> _Made:
        return _Made(self._statement, self._dialect)


class _Made:
    def __init__(self, statement: Select[*tuple[Any, ...]], dialect: SqlDialect) -> None:
        columns = list(statement.selected_columns)
        self._in_one = dialect.name == "sqlite" and not any(
            isinstance(column.type.dialect_impl(dialect), LargeBinary) for column in columns
        )
        self._sql = RawSql(_in_one_row(statement) if self._in_one else statement, dialect)
        names = [getattr(column, "name", f"column_{place}") for place, column in enumerate(columns)]
        self._row = _row_type(names)
        self._read: list[tuple[int, Callable[[Any], Any]]] = []
        for place, column in enumerate(columns):
            read = column.type.dialect_impl(dialect).result_processor(dialect, None)
            if read is not None:
                self._read.append((place, read))

    def ask(self, cursor: Any, values: dict[str, object]) -> list[Raw]:
        cursor.execute(self._sql.text, self._sql.bound(values))
        if self._in_one:
            return _read_rows(cursor.fetchone()[0])
        rows: list[Raw] = cursor.fetchall()
        return rows

    def typed(self, raw: Raw) -> Any:
        values = list(raw)
        for place, read in self._read:
            values[place] = read(values[place])
        return self._row._make(values)


class KnownSelect:
    """A select that a session asks by a cursor of the driver, put together once for each kind of database."""

    def __init__(self, statement: Select[*tuple[Any, ...]]) -> None:
        self._statement = statement
        self._of: dict[str, RawSelect] = {}
        remember(self)

    def prepare(self, dialect: SqlDialect) -> None:
        """Put it together for a kind of database, if it is not yet."""
        self._for(dialect).prepare(dialect)

    def _for(self, dialect: SqlDialect) -> RawSelect:
        select = self._of.get(dialect.name)
        if select is None:
            select = self._of[dialect.name] = RawSelect(self._statement, dialect)
        return select

    def rows(self, session: Session, **values: object) -> list[Any]:
        """Return the rows, as the session's own changes have left them: each with its columns by their names."""
        session.flush()
        connection = session.connection()
        select = self._for(connection.dialect)
        cursor = connection.connection.cursor()
        try:
            return [select.typed(raw) for raw in select.ask(cursor, **values)]
        finally:
            cursor.close()

    def read(self, **values: object) -> list[Any]:
        """Return the rows as they are stored now, for who asks this one question and needs no session for it."""
        select = self._for(db.engine.dialect)
        with raw_reading(db.engine) as cursor:
            return [select.typed(raw) for raw in select.ask(cursor, **values)]


def _in_one_row(statement: Select[*tuple[Any, ...]]) -> Select[str]:
    """Return the question whose answer is all rows of another one, in their order, as a list of lists in JSON.

    Numbers and texts come back as they are, to the last digit; bytes are nothing that JSON can hold.
    """
    rows = statement.subquery()
    return select(func.json_group_array(func.json_array(*rows.c)))


def _row_type(names: Sequence[str]) -> Any:
    return collections.namedtuple("RawRow", names)
