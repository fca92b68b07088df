"""What a unit of work does while it keeps everybody else from writing, counted: no time is measured.

Source: I13.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import flask
from sqlalchemy import event

from cbt.storage.types import db

MOST_STATEMENTS = 300
MOST_ROWS = 600
"""Read and written: a piece of fifty rows with what has to be known of each."""
MOST_CALLS = 60_000
"""Functions of Python that are called: some twenty milliseconds."""
MOST_TEXT = 2_500_000
"""Of the statements with their values, in which a byte is two digits: a piece of a file with room to spare."""
_SHOWN = 12


@dataclass(slots=True)
class HeldUnit:
    """One writing transaction of the embedded database, from its BEGIN IMMEDIATE to its end."""

    statements: int = 0
    read: int = 0
    written: int = 0
    calls: int = 0
    text: int = 0
    first: list[str] = field(default_factory=list)
    """Its first statements, to know it by."""

    @property
    def too_long(self) -> bool:
        """Whether everybody's save would notice it."""
        rows = self.read + self.written
        much = self.calls > MOST_CALLS or self.text > MOST_TEXT
        return self.statements > MOST_STATEMENTS or rows > MOST_ROWS or much

    def __str__(self) -> str:
        begun = " | ".join(
            " ".join(one.split())[:70] for one in self.first if not one.startswith("SAVEPOINT")
        )
        counts = f"{self.statements} statements, {self.read} read, {self.written} written, {self.calls} calls"
        counts += f", {self.text} characters"
        return f"{counts}: {begun}"


class _Watched:
    """A connection of the driver whose transactions are counted."""

    def __init__(self, connection: Any, units: list[HeldUnit]) -> None:
        self._connection = connection
        self._units = units
        self._unit: HeldUnit | None = None
        self._changes = 0

    def begin(self) -> None:
        self._connection.set_trace_callback(self._statement)
        self._connection.row_factory = self._row

    def end(self) -> None:
        self._connection.set_trace_callback(None)
        self._connection.row_factory = None

    def _statement(self, sql: str) -> None:
        word = sql.lstrip()[:20].upper()
        if word.startswith("BEGIN IMMEDIATE"):
            self._unit, self._changes = HeldUnit(), self._connection.total_changes
            sys.setprofile(self._call)
            return
        unit = self._unit
        if unit is None:
            return
        if word.startswith("COMMIT") or word == "ROLLBACK":
            sys.setprofile(None)
            unit.written = self._connection.total_changes - self._changes
            self._units.append(unit)
            self._unit = None
            return
        unit.statements += 1
        unit.text += len(sql)
        if len(unit.first) < _SHOWN:
            unit.first.append(sql)

    def _call(self, _frame: FrameType, kind: str, _argument: object) -> None:
        if kind == "call" and self._unit is not None:
            self._unit.calls += 1

    def _row(self, _cursor: object, row: Any) -> Any:
        if self._unit is not None:
            self._unit.read += 1
        return row


@contextmanager
def held_units(app: flask.Flask) -> Iterator[list[HeldUnit]]:
    """Collect the writing transactions of the embedded database that end within the block, of all threads."""
    units: list[HeldUnit] = []
    watched: dict[int, _Watched] = {}
    lock = threading.Lock()

    def lend(connection: Any, *_rest: object) -> None:
        with lock:
            watched[id(connection)] = _Watched(connection, units)
            watched[id(connection)].begin()

    def take_back(connection: Any, *_rest: object) -> None:
        with lock:
            known = watched.pop(id(connection), None)
        if known is not None and connection is not None:
            known.end()

    with app.app_context():
        pool = db.engine.pool
        app.extensions["cbt_journal"].close()  # what it has open was lent before anybody watched
    event.listen(pool, "checkout", lend)
    event.listen(pool, "checkin", take_back)
    try:
        yield units
    finally:
        event.remove(pool, "checkout", lend)
        event.remove(pool, "checkin", take_back)
        with app.app_context():
            app.extensions["cbt_journal"].close()
