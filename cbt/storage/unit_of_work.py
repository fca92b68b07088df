"""The unit of work: one use case in one transaction, what joins or follows it, and long work in pieces."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol, TypeVar, cast

import flask
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from cbt.storage.engine import WRITE
from cbt.storage.types import db
from cbt.storage.write_queue.change_set import Rows, put_down, writing
from cbt.storage.write_queue.write_lock import Gate

RAW_READERS = 4
_AFTER = "cbt_after"
_joining: ContextVar[Joining | None] = ContextVar("cbt_joining", default=None)
_last: ContextVar[Callable[[Session], None] | None] = ContextVar("cbt_last", default=None)
_few = threading.BoundedSemaphore(RAW_READERS)


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Joining:
    """What is written with whatever the units of work of a block write, and not at all where they write nothing."""

    write: Callable[[Session], None]
    """Called at the beginning of each of them; it may raise."""
    rows: Callable[[], Sequence[Rows]]
    """The same for what goes along with others; where they do not touch what they are to, nothing is put down."""
    written: Callable[[], object]
    """Called once such rows are put down."""
    refused: Callable[[], None] = _nothing
    """Called where rows that others were put down with were not; it may raise."""


@contextmanager
def unit_of_work() -> Iterator[Session]:
    """Open a writing transaction: commit at the end of the block, roll back when it raises.

    On SQLite the block holds the gate, so it computes and queries only; files are parsed before it.
    """
    gate = cast(Gate, flask.current_app.extensions["cbt_gate"])
    with gate(), Session(db.engine.execution_options(**{WRITE: True})) as session, session.begin():
        joining = _joining.get()
        if joining is not None:
            joining.write(session)
        yield session
        last = _last.get()
        if last is not None:
            last(session)
        session.flush()
        gate.committing()
    follow_commit(session)


@contextmanager
def joined_by(joining: Joining) -> Iterator[None]:
    """Have something written, too, with every unit of work that the block opens in this thread."""
    former = _joining.set(joining)
    try:
        yield
    finally:
        _joining.reset(former)


def put_down_joined(*rows: Rows, tries: int = 1, lines: Sequence[Any] = ()) -> bool:
    """Put rows down with what others write, and with what joins every unit of work here; as `put_down` does."""
    joining = _joining.get()
    joined = () if joining is None else joining.rows()
    whole = put_down(*joined, *rows, tries=tries, lines=lines)
    if joining is not None:
        (joining.written if whole else joining.refused)()
    return whole


def ending_with(call: Callable[[Session], None] | None) -> None:
    """Have `call` write, too, at the end of every unit of work of this thread from now on; None: nothing more."""
    _last.set(call)


def follow_commit(session: Session) -> None:
    """Do what was to follow the commit of `session`, where a transaction of another kind was committed."""
    for call in session.info.pop(_AFTER, ()):
        call()


def after_commit(session: Session, call: Callable[[], None]) -> None:
    """Have `call` follow the commit of a unit of work, outside the gate; it must not raise."""
    session.info.setdefault(_AFTER, []).append(call)


@contextmanager
def raw_reading(engine: Engine) -> Iterator[Any]:
    """Lend a cursor of the driver where the price of a Session would be paid too often; each query by itself.

    No transaction is begun: each query sees what is stored when it is asked, and travels alone. When everybody
    asks at once they take turns on a few connections: to open one costs more than to wait.
    """
    with _few:
        connection = engine.raw_connection()
        try:
            with (
                _autocommit(connection.driver_connection, engine.dialect.name),
                closing(connection.cursor()) as cursor,
            ):
                yield cursor  # closed before somebody else gets the connection: it may not be at its end
        finally:
            connection.close()


@contextmanager
def _autocommit(connection: Any, dialect_name: str) -> Iterator[None]:
    if dialect_name != "postgresql":
        yield  # SQLite begins none by itself
        return
    connection.autocommit = True
    try:
        yield
    finally:
        if not connection.closed:
            connection.autocommit = False


@contextmanager
def reading() -> Iterator[Session]:
    """Open a reading transaction on one snapshot; a write in it is refused by the database.

    On PostgreSQL it ends with COMMIT: the driver forgets what it has prepared when a transaction is rolled
    back, and to plan a query of many tables anew takes ten times as long as to answer it.
    """
    with Session(db.engine, expire_on_commit=False) as session:
        if db.engine.dialect.name != "postgresql":
            yield session
            return
        session.connection(execution_options={"postgresql_readonly": True})
        yield session
        if session.in_transaction():
            session.connection().connection.commit()


def let_go(session: Session) -> None:
    """End the snapshot of a reading session; what was read stays, and what is read next is of a new one.

    While a snapshot stands SQLite's log cannot be emptied behind it: one that stands for a minute of saves leaves
    so much that whoever commits next keeps everybody waiting while it is written back.

    Source: I13.
    """
    session.commit()
    if db.engine.dialect.name == "postgresql":
        session.connection(execution_options={"postgresql_readonly": True})


# Long work in pieces: each is a unit of work of its own, so short that nobody's save notices it.
#
# Source: I13.

PIECE = 50
"""Rows that are written in one unit of work, with what has to be known of each."""
REST = 4.0
"""While requests wait to be written, a piece of work is followed by a rest so many times as long."""
LONGEST_REST = 0.1
T = TypeVar("T")


def pieces_of(rows: Iterable[T], *, size: int = PIECE) -> Iterator[Sequence[T]]:
    """Yield `rows` a piece at a time; while people's saves wait, each piece is followed by a rest.

    What `rows` works out as it goes is worked out between the pieces.

    Whoever writes a piece repeats in it the state it relies on, for others write in between. What makes the whole
    count (a state, a release) is written last, with the line of the log that says so.
    """
    waiting = iter(rows)
    while piece := list(islice(waiting, size)):
        begun = time.perf_counter()
        yield piece
        if writing().somebody_waits:
            time.sleep(min(REST * (time.perf_counter() - begun), LONGEST_REST))


class LongWork(Protocol):
    """How long work is carried out: who writes its pieces, who hears how far it is, what goes on after a stop."""

    @property
    def so_far(self) -> Mapping[str, Any]:
        """What was kept of it before a stop; nothing at its beginning."""
        ...

    def in_front(self, write: Callable[[], T]) -> T:
        """Do a unit of work and return what it returns."""
        ...

    def tell(self, done: int, total: int) -> None:
        """Say how far it is; it may raise to end the work between two pieces."""
        ...

    def keeping(self, **so_far: Any) -> Sequence[Rows]:
        """Return what keeps, with a piece, what is done once that is written; `put_down_in` its unit of work."""
        ...


class _Directly:
    """Whoever calls carries the work out, in one go."""

    so_far: Mapping[str, Any] = {}

    def in_front(self, write: Callable[[], T]) -> T:
        return write()

    def tell(self, done: int, total: int) -> None:
        pass

    def keeping(self, **so_far: Any) -> Sequence[Rows]:
        return ()


DIRECTLY: LongWork = _Directly()
