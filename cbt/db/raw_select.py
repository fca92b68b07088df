"""A select that is put together once and asked by a cursor of the driver.

For what is asked so often that what SQLAlchemy does for each question and each value would be most of its price: a
row comes as the driver gives it, to be compared with the one of last time, and is made into values only where it
differs.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import Select
from sqlalchemy.engine import Dialect as SqlDialect
from sqlalchemy.orm import Session

Raw = tuple[Any, ...]


class RawSelect:
    """A select of one kind of database; it is put together when it is first asked."""

    def __init__(self, statement: Select[*tuple[Any, ...]], dialect: SqlDialect) -> None:
        self._statement, self._dialect = statement, dialect

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
        compiled = statement.compile(dialect=dialect)
        self._sql = str(compiled)
        self._order: Sequence[str] | None = getattr(compiled, "positiontup", None)
        self._constants: dict[str, Any] = dict(compiled.params)
        self._bind: dict[str, Callable[[Any], Any]] = {}
        for name, parameter in compiled.binds.items():
            process = parameter.type.dialect_impl(dialect).bind_processor(dialect)
            if process is not None:
                self._bind[name] = process
        columns = list(statement.selected_columns)
        names = [getattr(column, "name", f"column_{place}") for place, column in enumerate(columns)]
        self._row = _row_type(names)
        self._read: list[tuple[int, Callable[[Any], Any]]] = []
        for place, column in enumerate(columns):
            read = column.type.dialect_impl(dialect).result_processor(dialect, None)
            if read is not None:
                self._read.append((place, read))

    def ask(self, cursor: Any, values: dict[str, object]) -> list[Raw]:
        bound = self._constants | values
        for name, process in self._bind.items():
            bound[name] = process(bound[name])
        cursor.execute(self._sql, bound if self._order is None else [bound[name] for name in self._order])
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

    def rows(self, session: Session, **values: object) -> list[Any]:
        """Return the rows, as the session's own changes have left them: each with its columns by their names."""
        session.flush()
        connection = session.connection()
        select = self._of.get(connection.dialect.name)
        if select is None:
            select = self._of[connection.dialect.name] = RawSelect(self._statement, connection.dialect)
        cursor = connection.connection.cursor()
        try:
            return [select.typed(raw) for raw in select.ask(cursor, **values)]
        finally:
            cursor.close()


def _row_type(names: Sequence[str]) -> Any:
    return collections.namedtuple("RawRow", names)
