"""Group commit: what queues while a commit is under way becomes the next transaction.

One thread per process owns the writing connection of the save path. Each request waits for the commit
that holds its work, so an answer is on disk before it is acknowledged (R-40).
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy.engine import Engine

from cbt.db.gate import Gate
from cbt.errors import CbtError, Unavailable

Perform = Callable[[Any, Sequence[Any]], Sequence[Any]]
"""Carries out the requests of one batch on the DBAPI cursor it is given; returns one result for each.

It may be asked again for each request alone when it raises, so it changes nothing but the database.
"""

MAX_BATCH = 512
WAIT_SECONDS = 20.0
log = logging.getLogger(__name__)


class _Ticket:
    __slots__ = ("error", "pending", "request", "result")

    def __init__(self, request: Any) -> None:
        self.request = request
        self.pending = threading.Lock()  # held until answered: a bare lock costs far less than an Event
        self.pending.acquire()
        self.result: Any = None
        self.error: BaseException | None = None


class GroupWriter:
    """The writer of one process. `run(request)` returns once the transaction holding it is durable."""

    def __init__(
        self,
        engine: Engine,
        gate: Gate,
        perform: Perform,
        *,
        before_commit: Callable[[], None] | None = None,
    ) -> None:
        self._engine = engine
        self._gate = gate
        self._perform = perform
        self._embedded = engine.dialect.name == "sqlite"
        self._before_commit = before_commit
        self._queue: queue.SimpleQueue[_Ticket | None] = queue.SimpleQueue()
        self._connection: Any = None
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None

    def run(self, request: Any) -> Any:
        """Have `request` carried out in the next transaction and return its result after the commit.

        Raise Unavailable("db.write") when the commit failed or did not come: nothing is promised then,
        and the same request may be sent again.
        """
        if self._thread is None:
            self._begin_thread()
        ticket = _Ticket(request)
        self._queue.put(ticket)
        if not ticket.pending.acquire(timeout=WAIT_SECONDS):
            raise Unavailable("db.write")
        if ticket.error is not None:
            raise ticket.error
        return ticket.result

    def close(self) -> None:
        """End the thread after what is queued; used when an app is taken down."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    def _begin_thread(self) -> None:
        with self._start:
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name="group-writer", daemon=True)
                self._thread.start()

    def _loop(self) -> None:
        while True:
            first = self._queue.get()
            if first is None:
                self._drop()
                return
            self._commit([first], gather=True)

    def _commit(self, batch: list[_Ticket], *, gather: bool = False) -> None:
        try:
            self._transact(batch, gather=gather)
        except CbtError as error:
            self._drop()
            self._answer(batch, error)
        except Exception as error:
            log.warning("batch of %d rolled back: %s", len(batch), type(error).__name__)
            self._drop()
            if len(batch) == 1:
                self._answer(batch, Unavailable("db.write"))
                return
            for ticket in batch:
                self._commit([ticket])
        else:
            for ticket in batch:
                ticket.pending.release()

    def _gather(self, batch: list[_Ticket]) -> None:
        """Add what is queued; done within the gate, so that what came while waiting for it goes along."""
        while len(batch) < MAX_BATCH:
            try:
                ticket = self._queue.get_nowait()
            except queue.Empty:
                return
            if ticket is None:
                self._queue.put(None)  # the end comes after this batch
                return
            batch.append(ticket)

    def _transact(self, batch: list[_Ticket], *, gather: bool) -> None:
        if self._connection is None:
            self._connection = self._connect()
        with self._gate():
            if gather:
                self._gather(batch)
            cursor = self._connection.cursor()
            if self._embedded:
                cursor.execute("BEGIN IMMEDIATE")
            results = self._perform(cursor, [ticket.request for ticket in batch])
            for ticket, result in zip(batch, results, strict=True):
                ticket.result = result
            if self._before_commit is not None:
                self._before_commit()
            try:
                if self._embedded:
                    cursor.execute("COMMIT")
                else:
                    self._connection.commit()
            except Exception as error:
                # The outcome is unknown: retrying alone could acknowledge twice, so say 503 to all.
                raise Unavailable("db.write") from error
            cursor.close()

    def _connect(self) -> Any:
        """Take a connection for good; one that has read before refuses to write until it is told."""
        connection = self._engine.raw_connection()
        if self._embedded:
            cursor = connection.cursor()
            cursor.execute("PRAGMA query_only = 0")
            cursor.close()
        return connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.invalidate()
            except Exception:
                log.warning("the writing connection could not be closed")

    @staticmethod
    def _answer(batch: list[_Ticket], error: BaseException) -> None:
        for ticket in batch:
            ticket.error = error
            ticket.pending.release()
