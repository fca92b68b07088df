"""A statement that is put together once, as a cursor of the driver takes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ClauseElement
from sqlalchemy.engine import Dialect as SqlDialect
from sqlalchemy.sql.compiler import SQLCompiler


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
