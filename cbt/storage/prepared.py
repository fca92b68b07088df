"""Prepared statements: put together once for each kind of database, and asked by a cursor of the driver."""

from __future__ import annotations

import collections
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import msgspec
from sqlalchemy import ClauseElement, LargeBinary, Select, func, inspect, select
from sqlalchemy.engine import Dialect as SqlDialect
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler

from cbt.storage.types import db
from cbt.storage.unit_of_work import raw_reading
from cbt.storage.write_queue.change_set import Rows


class RawSql:
    """A statement of one kind of database, and how its values are bound."""

    def __init__(self, statement: ClauseElement, dialect: SqlDialect) -> None:
        compiled = statement.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)
        self.text = str(compiled)
        self._order: Sequence[str] | None = compiled.positiontup
        self._constants: dict[str, Any] = dict(compiled.params)
        self._bind: dict[str, Callable[[Any], Any]] = {}
        for parameter, name in compiled.bind_names.items():
            process = parameter.type.dialect_impl(dialect).bind_processor(dialect)
            if process is not None:
                self._bind[name] = process

    def bound(self, values: Mapping[str, object]) -> Any:
        """Return the values as the driver takes them: in their order, or by their names where it asks for these."""
        bound = {**self._constants, **values}
        for name, process in self._bind.items():
            bound[name] = process(bound[name])
        return bound if self._order is None else tuple(bound[name] for name in self._order)


class PreparedStatement(Protocol):
    """A select or a change that is put together once for each kind of database."""

    def prepare(self, dialect: SqlDialect) -> None:
        """Put it together for a kind of database, if it is not yet."""
        ...


_known: weakref.WeakSet[PreparedStatement] = weakref.WeakSet()
_counting = threading.Lock()
"""Requests make some of them while a thread goes through all: a set that grows meanwhile cannot be gone through."""


def remember(statement: PreparedStatement) -> None:
    with _counting:
        _known.add(statement)


def put_together(dialect: SqlDialect) -> None:
    """Put all of this process together that were not asked yet, for one kind of database."""
    with _counting:
        statements = list(_known)
    for statement in statements:
        statement.prepare(dialect)


# A select that is put together once and asked by a cursor of the driver.
#
# For what is asked so often that what SQLAlchemy does for each question and each value would be most of its
# price: a row comes as the driver gives it, to be compared with the one of last time, and is made into values
# only where it differs.
#
# An embedded database gives Python's lock away for every row it looks for, and in a busy process each waits
# for half a turn of another thread to come back: forty rows took thirty milliseconds, of which a fifth of one
# was work. So all rows of an answer come as one there, a JSON text that SQLite makes of them.

Raw = tuple[Any, ...]
_read_rows: Callable[[str], list[Raw]] = msgspec.json.Decoder(list[Raw]).decode


class RawSelect:
    """A select of one kind of database; it is put together when it is first asked."""

    def __init__(self, statement: Select[*tuple[Any, ...]], dialect: SqlDialect) -> None:
        self._statement, self._dialect = statement, dialect
        remember(self)

    def prepare(self, _dialect: SqlDialect) -> None:
        _ = self._made

    def ask(self, cursor: Any, **values: object) -> list[Raw]:
        return self._made.ask(cursor, values)

    def typed(self, raw: Raw) -> Any:
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


class PreparedSelect:
    """A select that a session asks by a cursor of the driver, put together once for each kind of database."""

    def __init__(self, statement: Select[*tuple[Any, ...]]) -> None:
        self._statement = statement
        self._of: dict[str, RawSelect] = {}
        remember(self)

    def prepare(self, dialect: SqlDialect) -> None:
        self._for(dialect).prepare(dialect)

    def _for(self, dialect: SqlDialect) -> RawSelect:
        select = self._of.get(dialect.name)
        if select is None:
            select = self._of[dialect.name] = RawSelect(self._statement, dialect)
        return select

    def rows(self, session: Session, **values: object) -> list[Any]:
        """Return the rows, as the session's own changes have left them: each with its columns by their names."""
        return list(self.fetch(session, **values))

    def fetch(self, session: Session, **values: object) -> Iterator[Any]:
        """Have the rows read now; each becomes what `rows` returns as it is taken, for which no snapshot waits."""
        session.flush()
        connection = session.connection()
        select = self._for(connection.dialect)
        cursor = connection.connection.cursor()
        try:
            return map(select.typed, select.ask(cursor, **values))
        finally:
            cursor.close()

    def at(self, cursor: Any, **values: object) -> list[Any]:
        """Return the rows as a cursor of the driver reads them (raw_reading)."""
        select = self._for(db.engine.dialect)
        return [select.typed(raw) for raw in select.ask(cursor, **values)]

    def read(self, **values: object) -> list[Any]:
        """Return the rows as they are stored now, for who asks this one question and needs no session for it."""
        with raw_reading(db.engine) as cursor:
            return self.at(cursor, **values)


class PreparedEntities:
    """A select of entities and columns, asked as `PreparedSelect` is: each entity comes as a row of its columns.

    So what reads attributes alone reads these rows as well; they belong to no session and follow no relationship.
    An entity that an outer join did not find is None.
    """

    def __init__(self, statement: Select[*tuple[Any, ...]]) -> None:
        columns: list[Any] = []
        self._parts: list[tuple[slice, Any]] = []
        for described in statement.column_descriptions:
            part, begin = described["expr"], len(columns)
            is_entity = described["entity"] is part
            names = [column.key for column in inspect(part).mapper.column_attrs] if is_entity else []
            parts = [getattr(part, name) for name in names] if is_entity else [part]
            columns += [column.label(f"c{begin + place}") for place, column in enumerate(parts)]
            self._parts.append((slice(begin, len(columns)), _row_type(names) if names else None))
        self._select = PreparedSelect(statement.with_only_columns(*columns))

    def rows(self, session: Session, **values: object) -> list[tuple[Any, ...]]:
        """Return the rows, as the session's own changes have left them."""
        return list(self.fetch(session, **values))

    def fetch(self, session: Session, **values: object) -> Iterator[tuple[Any, ...]]:
        """Have the rows read now; each becomes what `rows` returns as it is taken, for which no snapshot waits."""
        return map(self._split, self._select.fetch(session, **values))

    def read(self, **values: object) -> list[tuple[Any, ...]]:
        """Return the rows as they are stored now."""
        return [self._split(row) for row in self._select.read(**values)]

    def _split(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        parts: list[Any] = []
        for part, entity in self._parts:
            values = row[part]
            if entity is None:
                parts.append(values[0])
            else:
                parts.append(None if all(value is None for value in values) else entity._make(values))
        return tuple(parts)


def _in_one_row(statement: Select[*tuple[Any, ...]]) -> Select[str]:
    """Return the question whose answer is all rows of another one, in their order, as a list of lists in JSON.

    Numbers and texts come back as they are, to the last digit; bytes are nothing that JSON can hold.
    """
    rows = statement.subquery()
    return select(func.json_group_array(func.json_array(*rows.c)))


def _row_type(names: Sequence[str]) -> Any:
    return collections.namedtuple("RawRow", names)


class PreparedChange:
    """A statement that changes rows, which `made` puts together for a kind of database, by its name."""

    def __init__(self, made: Callable[[str], ClauseElement]) -> None:
        self._made = made
        self._of: dict[str, RawSql] = {}
        remember(self)

    def prepare(self, dialect: SqlDialect) -> None:
        self.put_together(dialect)

    def of(self, **values: object) -> Change:
        return Change(self, values)

    def put_together(self, dialect: SqlDialect) -> RawSql:
        raw_sql = self._of.get(dialect.name)
        if raw_sql is None:
            raw_sql = self._of[dialect.name] = RawSql(self._made(dialect.name), dialect)
        return raw_sql


@dataclass(frozen=True, slots=True)
class Change:
    """A change with its values."""

    known: PreparedChange
    values: Mapping[str, object]

    def carry_out(self, session: Session) -> None:
        """Carry it out in a unit of work, after the session's own changes."""
        session.flush()
        connection = session.connection()
        raw_sql = self.known.put_together(connection.dialect)
        cursor = connection.connection.cursor()
        try:
            cursor.execute(raw_sql.text, raw_sql.bound(self.values))
        finally:
            cursor.close()

    def rows(self, *, touches: int | None = None) -> Rows:
        """Return it for a parcel; `touches` as Rows says it."""
        raw_sql = self.known.put_together(db.engine.dialect)
        return Rows(raw_sql.text, [raw_sql.bound(self.values)], touches)
