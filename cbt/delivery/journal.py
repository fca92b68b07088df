"""The answer journal: one append per answer, durable before it is acknowledged.

Source: R-40, R-41; I1, I2, I3, I10, I11.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, cast

import flask
from sqlalchemy.orm import Session

from cbt.db.base import db
from cbt.db.gate import Gate
from cbt.db.group_commit import GroupWriter
from cbt.db.types import read_instant
from cbt.delivery.entries import Entry
from cbt.delivery.guard import AttemptInfo, Dialect, Guard, InfoCache
from cbt.rules.attempt_state import State
from cbt.rules.shape import is_answered

GAP = timedelta(seconds=20)
"""A silence longer than this is recorded (R-26) and lets the same machine take the lease (R-42)."""


class Outcome(StrEnum):
    """What became of a save."""

    SAVED = "saved"
    LEASE_LOST = "lease.lost"
    SUSPENDED = "attempt.suspended"
    CLOSED = "attempt.closed"
    UNIT_CLOSED = "unit.closed"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The acknowledgement of one entry: its sequence number and when the server first had it."""

    seq: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Saved:
    """The answer to one save: what became of it, the receipts, and the row for the clock."""

    outcome: Outcome
    guard: Guard
    receipts: tuple[Receipt, ...] = ()


class Journal:
    """The save path of one process."""

    def __init__(self, app: flask.Flask) -> None:
        with app.app_context():
            engine = db.engine
        self.dialect = Dialect(engine.dialect.name)
        self.writer = GroupWriter(engine, cast(Gate, app.extensions["cbt_gate"]))
        self.infos = InfoCache()
        self._sql = _Statements(self.dialect)

    def save(
        self, info: AttemptInfo, *, lease_hash: str, epoch: int, entries: Sequence[Entry], now: datetime
    ) -> Saved:
        """Append `entries` in the next group commit; no entries is a heartbeat.

        Raises Unavailable("db.write") when the commit did not come: nothing is promised then.
        """

        def work(cursor: Any) -> Saved:
            return self.append(cursor, info, lease_hash=lease_hash, epoch=epoch, entries=entries, now=now)

        return cast(Saved, self.writer.run(work, key=info.attempt_id))

    def save_within(
        self,
        session: Session,
        info: AttemptInfo,
        *,
        lease_hash: str,
        epoch: int,
        entries: Sequence[Entry],
        now: datetime,
    ) -> Saved:
        """Append `entries` within the unit of work of a unit's end or a 交卷."""
        cursor = session.connection().connection.cursor()
        saved = self.append(cursor, info, lease_hash=lease_hash, epoch=epoch, entries=entries, now=now)
        cursor.close()
        return saved

    def append(
        self,
        cursor: Any,
        info: AttemptInfo,
        *,
        lease_hash: str,
        epoch: int,
        entries: Sequence[Entry],
        now: datetime,
    ) -> Saved:
        """Check lease, state, window and grace against the locked row and append what counts.

        An entry that was appended before keeps its first receipt. One whose window is over is kept as
        evidence (R-29) and the whole save answers that the unit is closed.
        """
        guard = self.dialect.read_guard(cursor, info.attempt_id)
        if guard.lease_hash != lease_hash or guard.lease_epoch != epoch:
            return Saved(Outcome.LEASE_LOST, guard)
        refused = self._refusal(guard, now)
        if refused is Outcome.SUSPENDED:
            self._touch(cursor, info, guard, entries=(), now=now)
            return Saved(refused, guard)
        counting = [] if refused else [one for one in entries if guard.takes(self._unit(info, one), now=now)]
        known: dict[int, datetime] = {}
        if len(entries) == len(counting) == 1 and self._insert(cursor, info, epoch, entries[0], guard, now):
            # The usual save: one answer, and the insert itself told that it is new.
            taken, late = counting, []
        else:
            known = self._receipts(cursor, info, epoch, entries)
            taken = [entry for entry in counting if entry.seq not in known]
            late = [entry for entry in entries if entry.seq not in known and entry not in counting]
            if taken:
                rows = [self._row(info, epoch, entry, guard, now) for entry in taken]
                cursor.executemany(self._sql.insert, rows)
        if late:
            cursor.executemany(self._sql.keep_late, [self._row(info, epoch, one, None, now) for one in late])
        if not refused:
            self._touch(cursor, info, guard, entries=taken, now=now)
        receipts = [Receipt(seq, at) for seq, at in known.items()] + [Receipt(one.seq, now) for one in taken]
        if late:
            return Saved(refused or Outcome.UNIT_CLOSED, guard, tuple(receipts))
        return Saved(refused or Outcome.SAVED, guard, tuple(receipts))

    @staticmethod
    def _refusal(guard: Guard, now: datetime) -> Outcome | None:
        if guard.over:
            return Outcome.CLOSED
        if guard.state == State.SUSPENDED:
            return Outcome.SUSPENDED
        return None if guard.takes(0, now=now) else Outcome.CLOSED

    @staticmethod
    def _unit(info: AttemptInfo, entry: Entry) -> int:
        return info.units[entry.position - 1] if entry.position else 0

    def _insert(
        self, cursor: Any, info: AttemptInfo, epoch: int, entry: Entry, guard: Guard, now: datetime
    ) -> bool:
        """Append one entry and return whether it is new."""
        cursor.execute(self._sql.insert, self._row(info, epoch, entry, guard, now))
        return bool(cursor.rowcount == 1)

    def _receipts(
        self, cursor: Any, info: AttemptInfo, epoch: int, entries: Sequence[Entry]
    ) -> dict[int, datetime]:
        if not entries:
            return {}
        marks = ", ".join("?" * len(entries))
        cursor.execute(
            self.dialect.sql(f"{self._sql.known} ({marks})"),
            (info.attempt_id, epoch, *(entry.seq for entry in entries)),
        )
        return {seq: read_instant(at) for seq, at in cursor.fetchall()}

    def _row(
        self, info: AttemptInfo, epoch: int, entry: Entry, guard: Guard | None, now: datetime
    ) -> tuple[Any, ...]:
        row = (
            info.attempt_id,
            epoch,
            entry.seq,
            entry.position,
            entry.kind,
            entry.value,
            self.dialect.instant(now),
        )
        return row if guard is None else (*row, guard.in_grace(self._unit(info, entry), now=now))

    def _touch(
        self, cursor: Any, info: AttemptInfo, guard: Guard, *, entries: Sequence[Entry], now: datetime
    ) -> None:
        """Keep the board's row: seen, saved, answered; a silence over 20 s is recorded before it is gone."""
        at = self.dialect.instant(now)
        if guard.seen_at is not None and guard.seen_at < now - GAP:
            before = self.dialect.instant(now - GAP)
            cursor.execute(self._sql.gap, (at, len(entries), info.attempt_id, before))
        answers = [entry for entry in entries if entry.kind == "answer"]
        blurs = sum(1 for entry in entries if entry.is_blur)
        if blurs or not answers:
            saved_at = at if entries else None
            cursor.execute(self._sql.seen, (at, saved_at, blurs, info.attempt_id))
        for entry in answers:
            shape = info.shapes[entry.position - 1]
            full, place = int(is_answered(shape, entry.value)), entry.position
            cursor.execute(
                self._sql.mark, (at, at, full, place, place - 1, str(full), place + 1, info.attempt_id)
            )


class _Statements:
    """The save path's SQL, written once per process."""

    def __init__(self, dialect: Dialect) -> None:
        columns = "(attempt_id, lease_epoch, seq, position, kind, value, received_at"
        self.insert = dialect.sql(
            f"INSERT INTO journal {columns}, in_grace) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
        )
        self.keep_late = dialect.sql(
            f"INSERT INTO late_entry {columns}) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
        )
        self.known = (
            "SELECT seq, received_at FROM journal WHERE attempt_id = ? AND lease_epoch = ? AND seq IN"
        )
        usable = "true" if dialect.name == "postgresql" else "1"
        self.gap = dialect.sql(
            "INSERT INTO gap (attempt_id, from_at, to_at, usable, resent) "
            f"SELECT attempt_id, seen_at, ?, {usable}, ? FROM attempt_live "
            "WHERE attempt_id = ? AND seen_at < ?"
        )
        self.seen = dialect.sql(
            "UPDATE attempt_live SET seen_at = ?, saved_at = coalesce(?, saved_at), blurs = blurs + ? "
            "WHERE attempt_id = ?"
        )
        self.mark = dialect.sql(
            "UPDATE attempt_live SET seen_at = ?, saved_at = ?, "
            "answered = answered + ? - CASE WHEN substr(answered_map, ?, 1) = '1' THEN 1 ELSE 0 END, "
            "answered_map = substr(answered_map, 1, ?) || ? || substr(answered_map, ?) WHERE attempt_id = ?"
        )


def hash_lease(token: str) -> str:
    """Return the hash a lease is stored under."""
    return hashlib.sha256(token.encode()).hexdigest()


def init_journal(app: flask.Flask) -> None:
    """Give `app` its journal; the writing thread begins with the first save, after any fork."""
    app.extensions["cbt_journal"] = Journal(app)


def current_journal() -> Journal:
    """Return the journal of this process."""
    return cast(Journal, flask.current_app.extensions["cbt_journal"])
