"""Rows that a process has worked out, put down by whoever writes: in one go, or not at all.

What lasts is done before, while nobody waits: what is handed over is statements and their values. A parcel joins
the transaction of the saves that are under way, and is so small that those hardly notice.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, Protocol, cast

import flask
from sqlalchemy.orm import Session

from cbt.config import Settings
from cbt.errors import Unavailable
from cbt.storage.types import bind_instant, db
from cbt.storage.write_queue.writer_client import can_share

WRITING = "cbt_journal"
"""Where an app keeps who writes for it."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A statement, with `?` for its values, and the values of each row it is carried out for.

    `touches` is how many rows of the database they are to touch together, None for however many.
    """

    sql: str
    values: Sequence[tuple[Any, ...]]
    touches: int | None = None


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is put down together, and not at all where the database is not as it was read before."""

    rows: Sequence[Rows]
    lines: Sequence[Any] = ()
    """What the log says of it: entries that whoever writes seals (cbt.audit.chain.EntryDraft)."""


@dataclass(slots=True)
class ChangeSetOutcome:
    """What became of a parcel: whether it was put down, and what follows the commit of its lines."""

    whole: bool
    follows: Sequence[str] = ()


class Writing(Protocol):
    """Who writes for an app: this process, or the one that owns the writing."""

    @property
    def somebody_waits(self) -> bool:
        """Whether requests of this process wait for their transaction, or waited just now."""
        ...

    def begin(self) -> None:
        """Begin the threads that write."""
        ...

    def write_by(self, folder: Path) -> None:
        """Have the process that owns the writing in `folder` do it, while there is one."""
        ...

    def put_down(self, parcel: Parcel) -> bool:
        """Put a parcel down in the next transaction, with its lines; return whether it was."""
        ...

    def put_down_later(self, parcel: Parcel, what: str) -> None:
        """Have a parcel put down in one of the next transactions; the log says `what` is lost when it is not."""
        ...


def writing() -> Writing:
    return cast(Writing, flask.current_app.extensions[WRITING])


def join_writing() -> None:
    """Have what this process puts down be written by the server's writing process, while there is one."""
    settings: Settings = flask.current_app.extensions["cbt_settings"]
    if settings.embedded and can_share():
        writing().write_by(settings.data_dir)


def put_down(*rows: Rows, tries: int = 1, lines: Sequence[Any] = ()) -> bool:
    """Put rows down in the next transaction; return whether all of them touched what they were to touch.

    Nothing is put down where they did not, and the log says nothing of it. Raise Unavailable("db.write") when
    nobody knows what became of it: read again what is there; rows that may be put down twice are tried so many
    times. Not to be called within a unit of work, which keeps out whoever writes.
    """
    parcel, writes = _parcel(rows, lines), writing()
    for _ in range(tries - 1):
        with suppress(Unavailable):
            return writes.put_down(parcel)
    return writes.put_down(parcel)


def put_down_later(*rows: Rows, what: str) -> None:
    """Have rows put down in one of the next transactions, without waiting: for what is not worth anybody's time.

    The log says `what` is lost when nobody knows what became of them.
    """
    writing().put_down_later(_parcel(rows), what)


def one_writes() -> bool:
    """Return whether one writes at a time here, so that going along with others spares everybody a turn.

    PostgreSQL orders writers itself: what waits there for a row that somebody has locked would make all saves wait
    that it goes along with.
    """
    return db.engine.dialect.name == "sqlite"


def put_down_in(session: Session, *rows: Rows) -> bool:
    """Put rows down in a unit of work; return as `put_down` does."""
    session.flush()
    cursor = session.connection().connection.cursor()
    whole = put_down_within(cursor, _parcel(rows), db.engine.dialect.name)
    cursor.close()
    return whole


def _parcel(rows: Sequence[Rows], lines: Sequence[Any] = ()) -> Parcel:
    dialect = db.engine.dialect.name
    plain: list[Rows] = []
    for group in rows:
        values = [_plain(row, dialect) for row in group.values]
        last = plain[-1] if plain else None
        if (
            last is not None
            and last.sql == group.sql
            and last.touches is not None
            and group.touches is not None
        ):
            # Carried out in one go, and sent once: a look-up counts six times by the same statement.
            plain[-1] = Rows(group.sql, [*last.values, *values], last.touches + group.touches)
        else:
            plain.append(Rows(group.sql, values, group.touches))
    return Parcel(plain, lines)


def put_down_within(cursor: Any, parcel: Parcel, dialect: str) -> bool:
    """Put a parcel down in the transaction of a cursor; return whether it was."""
    cursor.execute("SAVEPOINT parcel")
    whole = all(_touched(cursor, one, dialect) for one in parcel.rows)
    if not whole:
        cursor.execute("ROLLBACK TO SAVEPOINT parcel")
    cursor.execute("RELEASE SAVEPOINT parcel")
    return whole


def _touched(cursor: Any, rows: Rows, dialect: str) -> bool:
    if not rows.values:
        return True
    sql = rows.sql.replace("?", "%s") if dialect == "postgresql" else rows.sql
    cursor.executemany(sql, rows.values)
    return rows.touches is None or rows.touches == cursor.rowcount


def _plain(row: Sequence[Any], dialect: str) -> tuple[Any, ...]:
    """Return values as the database binds them; what goes over a line is numbers, texts and bytes."""
    return tuple(
        bind_instant(value, dialect)
        if isinstance(value, datetime)
        else value.value
        if isinstance(value, Enum)
        else value
        for value in row
    )
