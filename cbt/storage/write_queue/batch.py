"""Carries out a batch in one transaction on a connection of its own, and says how it went for each request."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy.engine import Engine

from cbt.errors import CbtError, Unavailable
from cbt.storage.engine import is_damaged
from cbt.storage.write_queue.write_lock import Gate

log = logging.getLogger(__name__)
WRITER_CACHE_KIB = 65_536
"""What the writing connection keeps of the database: the pages a sitting of thousands writes again and again."""

Perform = Callable[[Any, Sequence[Any]], Sequence[Any]]
"""Carries out the requests of one batch on the DBAPI cursor it is given; returns one result for each.

It may be asked again for each request alone when it raises, so it changes nothing but the database.
"""
Tell = Callable[[int, float | None], None]
More = Callable[[], Sequence[Any]]
"""Returns what was asked for meanwhile; called within the gate, so that what came while waiting goes along."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The outcome of a request that was not carried out, or of which nobody knows."""

    error: CbtError


@dataclass(frozen=True, slots=True)
class Carried:
    """What became of a batch: an outcome for each request (a result or Failed), and the seconds COMMIT took.

    `seconds_before` went by in the transaction until then.
    """

    outcomes: Sequence[Any]
    commit_seconds: float | None = None
    seconds_before: float = 0.0


class _Refused(Exception):
    """A request was refused by raising: it concerns nobody else of the batch."""

    def __init__(self, why: CbtError) -> None:
        super().__init__(why.code)
        self.why = why


class Carrier(Protocol):
    """Has batches carried out. One thread uses it."""

    def carry_out(self, requests: Sequence[Any], more: More) -> Carried:
        """Carry out `requests`, and what `more` adds to them, in one transaction."""
        ...

    def close(self) -> None:
        """Let go of what it holds."""
        ...


class Commits:
    """The writing connection of this process; `before_commit` is called within the gate (tests, bench).

    `tell` is called after each batch with its size and the seconds COMMIT took, None when there was none.
    """

    def __init__(self, engine: Engine, gate: Gate, perform: Perform, tell: Tell) -> None:
        self._engine = engine
        self._gate = gate
        self.perform = perform
        self._tell = tell
        self._embedded = engine.dialect.name == "sqlite"
        self.before_commit: Callable[[], None] | None = None
        self._connection: Any = None
        self._begun = False
        """Whether its transaction is under way, or nobody knows how it ended."""

    def carry_out(
        self, requests: Sequence[Any], more: More, meanwhile: Callable[[], None] | None = None
    ) -> Carried:
        """Carry out `requests`, and what `more` adds to them, in one transaction.

        `meanwhile` is called right before the COMMIT: what it begins goes on while that takes its time.

        When a statement raises, or one of them is refused by raising, the batch is rolled back and each request
        is tried alone. When COMMIT fails, all of them are Failed: nothing is promised then, and the same requests
        may be sent again.
        """
        batch = list(requests)
        try:
            carried = self._transact(batch, more, meanwhile)
        except CbtError as error:
            self._tell(len(batch), None)
            # Whom the gate keeps out has begun nothing: the connection stays, for another may not be had just then.
            if self._begun:
                self.close()
            return Carried([Failed(error)] * len(batch))
        except Exception as error:
            log.warning("batch of %d rolled back: %s", len(batch), type(error).__name__, exc_info=error)
            self._tell(len(batch), None)
            self.close()
            if len(batch) == 1:
                why = (
                    error.why
                    if isinstance(error, _Refused)
                    else Unavailable("db.page_damaged" if is_damaged(error) else "db.write")
                )
                return Carried([Failed(why)])
            return Carried([self.carry_out([one], _nothing).outcomes[0] for one in batch])
        self._tell(len(batch), carried.commit_seconds)
        return carried

    def _transact(self, batch: list[Any], more: More, meanwhile: Callable[[], None] | None) -> Carried:
        if self._connection is None:
            self._connection = self._connect()
        with self._gate():
            self._begun = True
            batch += more()
            inside = time.perf_counter()
            cursor = self._connection.cursor()
            if self._embedded:
                cursor.execute("BEGIN IMMEDIATE")
            try:
                results = self.perform(cursor, batch)
            except CbtError as error:
                raise _Refused(error) from error
            if len(results) != len(batch):
                raise RuntimeError("each request has one result")
            if meanwhile is not None:
                meanwhile()
            began = time.perf_counter()
            self._gate.committing()
            if self.before_commit is not None:
                self.before_commit()
            try:
                if self._embedded:
                    cursor.execute("COMMIT")
                else:
                    self._connection.commit()
            except Exception as error:
                # The outcome is unknown: retrying alone could acknowledge twice, so say 503 to all.
                raise Unavailable("db.write") from error
            self._begun = False
            cursor.close()
        return Carried(results, time.perf_counter() - began, began - inside)

    def _connect(self) -> Any:
        """Take a connection for good; one that has read before refuses to write until it is told."""
        connection = self._engine.raw_connection()
        if self._embedded:
            cursor = connection.cursor()
            cursor.execute("PRAGMA query_only = 0")
            cursor.execute(f"PRAGMA cache_size = -{WRITER_CACHE_KIB}")
            cursor.close()
        return connection

    def close(self) -> None:
        """Let go of the connection; the next batch opens another."""
        connection, self._connection, self._begun = self._connection, None, False
        if connection is not None:
            try:
                connection.invalidate()
            except Exception:
                log.warning("the writing connection could not be closed")


def _nothing() -> Sequence[Any]:
    return ()
