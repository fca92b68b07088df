"""Changes put together once: carried out in a unit of work, or going along with what others write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import ClauseElement
from sqlalchemy.engine import Dialect as SqlDialect
from sqlalchemy.orm import Session

from cbt.db.known.sql import RawSql
from cbt.db.known.together import remember
from cbt.db.types import db
from cbt.db.writing.parcels import Rows


class KnownChange:
    """A statement that changes rows, which `made` puts together for a kind of database, by its name."""

    def __init__(self, made: Callable[[str], ClauseElement]) -> None:
        self._made = made
        self._of: dict[str, RawSql] = {}
        remember(self)

    def prepare(self, dialect: SqlDialect) -> None:
        """Put it together for a kind of database, if it is not yet."""
        self.put_together(dialect)

    def of(self, **values: object) -> Change:
        """Return it with its values."""
        return Change(self, values)

    def put_together(self, dialect: SqlDialect) -> RawSql:
        """Return it for a kind of database."""
        known = self._of.get(dialect.name)
        if known is None:
            known = self._of[dialect.name] = RawSql(self._made(dialect.name), dialect)
        return known


@dataclass(frozen=True, slots=True)
class Change:
    """A change with its values."""

    known: KnownChange
    values: Mapping[str, object]

    def carry_out(self, session: Session) -> None:
        """Carry it out in a unit of work, after the session's own changes."""
        session.flush()
        connection = session.connection()
        known = self.known.put_together(connection.dialect)
        cursor = connection.connection.cursor()
        try:
            cursor.execute(known.text, known.bound(self.values))
        finally:
            cursor.close()

    def rows(self, *, touches: int | None = None) -> Rows:
        """Return it for a parcel; `touches` as Rows says it."""
        known = self.known.put_together(db.engine.dialect)
        return Rows(known.text, [known.bound(self.values)], touches)
