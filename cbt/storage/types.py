"""The types of tables: the base of every room's tables, their columns, and the use of Flask-SQLAlchemy."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, Self

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import BigInteger, DateTime, MetaData, Select, String, bindparam, select
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.types import TypeDecorator, TypeEngine

from cbt.errors import NotFound

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


OF_THE_DATABASE = "item_words"
"""How the names begin of what a database keeps for itself to search by: a migration makes it, no model has it."""


def is_of_models(name: str | None, _kind: str, _parents: object) -> bool:
    """Return whether a table or an index of a database is one of the models', for whoever compares the two."""
    return name is None or not name.startswith(OF_THE_DATABASE)


def to_micros(instant: datetime) -> int:
    """Return whole microseconds since the epoch; raise ValueError for a naive instant."""
    if instant.tzinfo is None:
        raise ValueError("an instant must be aware")
    return (instant - _EPOCH) // _MICROSECOND


def from_micros(value: int) -> datetime:
    """Return the aware UTC instant `value` microseconds after the epoch."""
    return _EPOCH + timedelta(microseconds=value)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC instant: whole microseconds since the epoch on SQLite, timestamptz on PostgreSQL."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(DateTime(timezone=True))
        return dialect.type_descriptor(BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        return None if value is None else bind_instant(value, dialect.name)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:
        return read_instant_or_none  # without a call around it: a board has hundreds of instants

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return read_instant_or_none(value)


def bind_instant(value: datetime, dialect_name: str) -> Any:
    """Return `value` as raw SQL of that dialect wants it, through the same conversion as the column."""
    if value.tzinfo is None:
        raise ValueError("an instant must be aware")
    return value.astimezone(UTC) if dialect_name == "postgresql" else to_micros(value)


def read_instant(value: Any) -> datetime:
    """Return the instant a raw row holds, whichever database it came from."""
    return value.astimezone(UTC) if isinstance(value, datetime) else from_micros(int(value))


def read_instant_or_none(value: Any) -> datetime | None:
    return None if value is None else read_instant(value)


class Span(TypeDecorator[timedelta]):
    """A span of time, stored as whole microseconds."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: timedelta | None, dialect: Dialect) -> int | None:
        return None if value is None else value // _MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> timedelta | None:
        return None if value is None else timedelta(microseconds=int(value))


class DecimalText(TypeDecorator[Decimal]):
    """A Decimal kept as its text, so that no database rounds it."""

    impl = String(40)
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(str(value))


class Base(DeclarativeBase):
    """What every table inherits; constraint names are fixed so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )

    def __init_subclass__(cls) -> None:
        """Name a table as its class is, `SittingRoom` sitting_room, unless the class names it."""
        if "__abstract__" not in cls.__dict__ and "__tablename__" not in cls.__dict__:
            cls.__tablename__ = _CAPITAL.sub("_", cls.__name__).casefold()
        super().__init_subclass__()


class Row(Base):
    """A table whose rows are numbered."""

    __abstract__ = True

    id: Mapped[int] = mapped_column(primary_key=True)


class Named(Row):
    """A table whose rows have a public identifier."""

    __abstract__ = True

    ref: Mapped[str] = mapped_column(String(40), unique=True)

    @classmethod
    def by_ref(cls, session: Session, ref: str, *, unknown: str) -> Self:
        """Return the row of that name; raise NotFound(`unknown`)."""
        row = session.scalar(cls._named(), {"ref": ref})
        if row is None:
            raise NotFound(unknown)
        return row

    @classmethod
    @cache
    def _named(cls) -> Select[Self]:
        """Return the query that nearly every page begins with: put together once."""
        return select(cls).where(cls.ref == bindparam("ref"))

    @property
    def logged_as(self) -> str:
        return f"{self.__tablename__}:{self.ref}"


# Flask-SQLAlchemy makes the engine from the app's settings; sessions are our own (unit_of_work.py),
# so its scoped session and query helpers are not used anywhere.
db = SQLAlchemy(model_class=Base, disable_autonaming=True)


_ALPHABET = b"23456789abcdefghjkmnpqrstuvwxyz"
_WHOLE = 256 - 256 % len(_ALPHABET)
_LETTERS = bytes(_ALPHABET[byte % len(_ALPHABET)] for byte in range(256))
_LEFT_OVER = bytes(range(_WHOLE, 256))
"""Bytes by which some letters would come up more often than others."""


def new_ref(prefix: str, length: int = 14) -> str:
    """Return a fresh public identifier such as `at-7k2m…` (about 69 bits)."""
    letters = b""
    while len(letters) < length:
        letters += secrets.token_bytes(length + 2).translate(_LETTERS, _LEFT_OVER)
    return f"{prefix}-{letters[:length].decode()}"
