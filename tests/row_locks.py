"""The order in which transactions on PostgreSQL lock rows: watched in every test, and held against the one order.

Whoever asks a cursor of the driver is watched, past SQLAlchemy too. Rows are locked by an UPDATE, a DELETE, a
SELECT … FOR …, an INSERT that updates on a conflict, and by each reference that is written (KEY SHARE of the row it
refers to); what touches no row locks none. The rows of a table are one here.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from cbt.application.lock_order import LOCK_ORDER
from cbt.storage.types import db

_HERE = Path(__file__).resolve().parent
_TESTS, _PRODUCT = f"{_HERE}/", f"{_HERE.parent / 'cbt'}/"
_STORAGE = f"{_PRODUCT}storage/"
_ALONE = (f"{_PRODUCT}demo/", f"{_PRODUCT}rehearsal/", f"{_PRODUCT}ops/upgrade.py")
STRENGTH = ("key share", "share", "no key update", "update")
PLACE = {table: place for place, table in enumerate(LOCK_ORDER)}
_NAME = r'"?(\w+)"?'
_INSERT = re.compile(rf"INSERT INTO {_NAME}\s*\(([^)]*)\)", re.IGNORECASE)
_UPDATE = re.compile(rf"UPDATE {_NAME} SET (.*?)(?: WHERE | FROM |$)", re.IGNORECASE)
_DELETE = re.compile(rf"DELETE FROM {_NAME}", re.IGNORECASE)
_UPSERT = re.compile(r"ON CONFLICT .*DO UPDATE", re.IGNORECASE)
_LOCKING = re.compile(
    r"\bFOR (NO KEY UPDATE|KEY SHARE|UPDATE|SHARE)(?: OF ([\w\", ]+?))?( SKIP LOCKED| NOWAIT)?$",
    re.IGNORECASE,
)
_WORDS = "ON|WHERE|JOIN|LEFT|INNER|OUTER|CROSS|ORDER|GROUP|USING|LIMIT|FOR|SET"
_TABLES = re.compile(rf"(?:\bFROM|\bJOIN|,) {_NAME}(?: AS)?(?: (?!(?:{_WORDS})\b){_NAME})?", re.IGNORECASE)


class Lock(NamedTuple):
    """Rows of a table that a statement locks, how strongly, and the column that refers to them ("": none does)."""

    table: str
    mode: str
    by: str = ""


class Held:
    """What a transaction has locked so far, how strongly, and who asked for it."""

    def __init__(self) -> None:
        self.locks: dict[str, tuple[str, str]] = {}
        self.made: set[str] = set()
        """Tables with rows of its own, which nobody else sees yet."""


wrong: list[str] = []
"""What was locked against the order since a test began."""


@cache
def locks_of(statement: str) -> Sequence[Lock]:
    """Return what a statement locks where it touches any row."""
    sql = " ".join(statement.split())
    if match := _INSERT.match(sql):
        own = [Lock(match[1], "no key update")] if _UPSERT.search(sql) else []
        return [*_references(match[1], re.findall(r"\w+", match[2])), *own]
    if match := _UPDATE.match(sql):
        changed = re.findall(r"(\w+) ?= ?", match[2])
        return [Lock(match[1], "no key update"), *_references(match[1], changed)]
    if match := _DELETE.match(sql):
        return [Lock(match[1], "update")]
    match = _LOCKING.search(sql)
    if match is None or match[3] is not None:  # who waits for nobody closes no circle
        return []
    outer = re.split(" from ", sql[: match.start()].partition(" WHERE ")[0], maxsplit=1, flags=re.IGNORECASE)[
        -1
    ]
    names = {alias or table: table for table, alias in _TABLES.findall(f"FROM {outer}")}
    wanted = re.findall(r"\w+", match[2]) if match[2] else list(names)
    return [Lock(names.get(name, name), match[1].lower()) for name in wanted]


def _references(table: str, columns: Sequence[str]) -> list[Lock]:
    known = db.metadata.tables.get(table)
    keys = () if known is None else sorted(known.foreign_keys, key=lambda one: one.parent.name)
    return [
        Lock(key.column.table.name, "key share", key.parent.name)
        for key in keys
        if key.parent.name in columns
    ]


class WatchedCursor(psycopg.Cursor[Any]):
    """Notes what each statement locks that was carried out."""

    def execute(self, query: Any, params: Any = None, **how: Any) -> Any:
        begins = self._begins()
        super().execute(query, params, **how)
        self._note(query, params, begins)
        return self

    def executemany(self, query: Any, params_seq: Any, **how: Any) -> None:
        begins, rows = self._begins(), list(params_seq)
        super().executemany(query, rows, **how)
        self._note(query, rows[0] if rows else None, begins)

    def _begins(self) -> bool:
        return self.connection.info.transaction_status == TransactionStatus.IDLE

    def _note(self, query: Any, params: Any, begins: bool) -> None:
        connection: Any = self.connection
        if begins or not hasattr(connection, "held"):
            connection.held = Held()
        if connection.autocommit or not self.rowcount:
            return
        statement = query.decode() if isinstance(query, bytes) else str(query)
        locks = [one for one in locks_of(statement) if not _is_null(params, one.by)]
        if locks and (asker := _asker()):
            for lock in locks:
                take(connection.held, lock, asker)
        if match := _INSERT.match(statement.lstrip()):
            connection.held.made.add(match[1])


def _is_null(params: Any, column: str) -> bool:
    return isinstance(params, Mapping) and params.get(column, "") is None


def take(held: Held, lock: Lock, asker: str) -> None:
    """Note that a transaction locks rows, and whether what it holds comes after them in the order."""
    if lock.mode == STRENGTH[0] and lock.table in held.made:
        return
    has = held.locks.get(lock.table)
    if has is not None and STRENGTH.index(has[0]) >= STRENGTH.index(lock.mode):
        return
    place = PLACE.get(lock.table, len(PLACE))
    for table, (mode, before) in held.locks.items():
        if PLACE.get(table, -1) > place:
            wrong.append(f"{lock.table} ({lock.mode}: {asker}) is locked after {table} ({mode}: {before})")
    held.locks[lock.table] = lock.mode, asker


def _asker() -> str:
    """Return who of the product asked, innermost first; "" where a test did, in a transaction that it holds itself.

    What builds worlds to show, or brings tables forward, does so alone, and counts as a test.
    """
    frame, names = sys._getframe(3), list[str]()
    while frame is not None:
        path = frame.f_code.co_filename
        if path.startswith(_ALONE):
            return ""
        if path.startswith(_TESTS):
            held = frame.f_locals.values()
            own = any(isinstance(one, Session) and one.in_transaction() for one in held)
            return "" if own else " < ".join(names)
        if path.startswith(_PRODUCT) and not path.startswith(_STORAGE) and len(names) < 4:
            names.append(f"{path.removeprefix(_PRODUCT)}:{frame.f_lineno}")
        frame = frame.f_back
    return " < ".join(names)


def watch() -> None:
    """Have every connection of an engine to PostgreSQL watched from now on."""

    @event.listens_for(Engine, "connect")
    def set_up(connection: Any, _record: Any) -> None:
        if isinstance(connection, psycopg.Connection):
            connection.cursor_factory = WatchedCursor
