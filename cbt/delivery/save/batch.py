"""The saves of one batch: judged in order against the locked rows, appended and told to the board together.

Source: R-13, R-21, R-24, R-29, R-40, R-41, R-42; I1, I2, I3, I11.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from cbt.db.types import read_instant
from cbt.delivery.save.entries import Entry
from cbt.delivery.save.guard import Dialect, Guard
from cbt.delivery.save.quotas import is_full, size_of
from cbt.delivery.save.sql import SaveStatements
from cbt.rules.states.attempt import State
from cbt.web.who.machine import is_elsewhere

GAP = timedelta(seconds=20)
"""A silence longer than this is recorded (R-26) and lets the same machine take the lease (R-42)."""

Key = tuple[int, int, int]
"""Attempt id, lease epoch and sequence number: what makes an entry one and the same."""


class Outcome(StrEnum):
    """What became of a save."""

    SAVED = "saved"
    LEASE_LOST = "lease.lost"
    OTHER_MACHINE = "machine.other"
    SUSPENDED = "attempt.suspended"
    AWAY = "attempt.away"
    FULL = "attempt.full"
    CLOSED = "attempt.closed"
    UNIT_CLOSED = "unit.closed"
    STALE = "request.stale"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The acknowledgement of one entry: its sequence number and when the server first had it."""

    seq: int
    at: datetime


@dataclass(slots=True)
class Saved:
    """The answer to one save: what became of it, the receipts, and the row for the clock."""

    outcome: Outcome
    guard: Guard
    receipts: Sequence[Receipt] = ()


@dataclass(slots=True)
class Save:
    """One request of a browser: the entries it sends under its lease; none is a heartbeat."""

    attempt_id: int
    lease_hash: str
    epoch: int
    entries: Sequence[Entry]
    now: datetime
    machine: str
    """The identity of the machine that sends it."""


@dataclass(slots=True)
class _Case:
    """A save while its batch is carried out."""

    save: Save
    guard: Guard
    outcome: Outcome
    otherwise: Outcome = Outcome.SAVED
    """What becomes of a save without room when all it brings is kept already."""
    counting: Sequence[Entry] = ()
    """The entries whose time is not over."""
    taken: Sequence[Entry] = ()
    """Those of them that this save appended."""
    known: Mapping[int, datetime] = field(default_factory=dict)
    late: Sequence[Entry] = ()
    kept: Sequence[Entry] = ()
    """What is on disk by this save, as an answer or as evidence: it counts towards the quota."""


class SaveBatch:
    """Carries out saves on the cursor of one transaction that has their guards locked."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._sql = SaveStatements(dialect)

    def perform(
        self, cursor: Any, saves: Sequence[Save], guards: Mapping[int, Guard], *, at: datetime
    ) -> list[Saved]:
        """Append what counts of each save at the instant `at`, as if one after the other.

        Return what became of them. An entry that was appended before keeps its first receipt. One whose window
        is over is kept as evidence (R-29) and its whole save answers that the unit is closed.
        """
        cases = [_judge(save, guards[save.attempt_id], at=at) for save in saves]
        self._append(cursor, cases)
        self._touch(cursor, cases)
        return [_saved(case) for case in cases]

    def _append(self, cursor: Any, cases: Sequence[_Case]) -> None:
        rows: dict[Key, tuple[Any, ...]] = {}
        for case in cases:
            for entry in case.counting:
                rows.setdefault(_key(case.save, entry), self._row(case, entry))
        fresh = self._insert(cursor, list(rows.values())) if rows else set()
        for case in cases:
            save = case.save
            taken = case.taken = case.kept = [one for one in case.counting if _key(save, one) in fresh]
            fresh.difference_update([_key(save, one) for one in taken])  # the next one with it repeats it
            if len(taken) == len(save.entries) or case.outcome in _UNREAD:
                continue
            numbers = {entry.seq for entry in taken}
            case.known = self._receipts(cursor, save, [one for one in save.entries if one.seq not in numbers])
            numbers.update(case.known)
            left = [entry for entry in save.entries if entry.seq not in numbers]
            if case.outcome is Outcome.FULL:
                if not left or self._all_late(cursor, save, left):  # nothing of it needs room
                    case.outcome, case.late = case.otherwise, left
            elif left:
                case.late = left
                case.kept = [*taken, *self._keep_late(cursor, save, left)]

    def _keep_late(self, cursor: Any, save: Save, late: Sequence[Entry]) -> list[Entry]:
        """Keep entries as evidence and return those that were not there yet."""
        fresh = []
        for entry in late:
            cursor.execute(self._sql.keep_late, self._late_row(save, entry))
            if cursor.rowcount == 1:
                fresh.append(entry)
        return fresh

    def _insert(self, cursor: Any, rows: Sequence[tuple[Any, ...]]) -> set[Key]:
        """Append rows and return the keys of those that were not there yet."""
        if self._dialect.name == "postgresql":
            cursor.execute(self._sql.insert, [list(column) for column in zip(*rows, strict=True)])
            return set(cursor.fetchall())
        fresh = set()
        for row in rows:
            cursor.execute(self._sql.insert, row)
            if cursor.rowcount == 1:
                fresh.add(row[:3])
        return fresh

    def _receipts(self, cursor: Any, save: Save, entries: Sequence[Entry]) -> dict[int, datetime]:
        among, numbers = self._dialect.among([entry.seq for entry in entries])
        cursor.execute(f"{self._sql.known} {among}", (save.attempt_id, save.epoch, *numbers))
        return {seq: read_instant(at) for seq, at in cursor.fetchall()}

    def _all_late(self, cursor: Any, save: Save, entries: Sequence[Entry]) -> bool:
        """Return whether all these entries are kept as evidence already."""
        among, numbers = self._dialect.among([entry.seq for entry in entries])
        cursor.execute(f"{self._sql.known_late} {among}", (save.attempt_id, save.epoch, *numbers))
        return len(cursor.fetchall()) == len(entries)

    def _row(self, case: _Case, entry: Entry) -> tuple[Any, ...]:
        save = case.save
        in_grace = case.guard.in_grace(entry.unit, now=save.now)
        return (*self._late_row(save, entry), in_grace)

    def _late_row(self, save: Save, entry: Entry) -> tuple[Any, ...]:
        at = self._dialect.instant(save.now)
        return (save.attempt_id, save.epoch, entry.seq, entry.position, entry.kind, entry.value, at)

    def _touch(self, cursor: Any, cases: Sequence[_Case]) -> None:
        """Keep the board's rows: seen, saved, answered; a silence over 20 s is recorded before it is gone."""
        gaps: list[tuple[Any, ...]] = []
        seen: dict[int, _Seen] = {}
        marks: list[tuple[int, int, int]] = []
        unheard: list[tuple[int, int, int]] = []
        for case in cases:
            if case.outcome not in _HEARD:
                if case.kept:
                    unheard.append((len(case.kept), size_of(case.kept), case.save.attempt_id))
                continue
            save, guard, attempt_id = case.save, case.guard, case.save.attempt_id
            at = self._dialect.instant(save.now)
            if guard.seen_at is not None and guard.seen_at < save.now - GAP:
                gaps.append((at, len(case.taken), attempt_id, self._dialect.instant(save.now - GAP)))
            guard.seen_at = save.now
            row = seen.get(attempt_id)
            if row is None:
                row = seen[attempt_id] = _Seen()
            row.seen_at = at
            if case.taken:
                row.saved_at = at
            if case.kept:
                row.kept_rows += len(case.kept)
                row.kept_bytes += size_of(case.kept)
            for entry in case.taken:
                if entry.kind == "answer":
                    marks.append((attempt_id, entry.position, int(entry.full)))
                    row.marked = True
                elif entry.is_blur:
                    row.blurs += 1
        if gaps:
            cursor.executemany(self._sql.gap, gaps)
        if unheard:
            cursor.executemany(self._sql.kept, unheard)
        plain = [
            (row.seen_at, row.saved_at, row.blurs, *row.count(), attempt_id)
            for attempt_id, row in seen.items()
            if row.blurs or not row.marked
        ]
        if plain:
            self._update(cursor, self._sql.seen, plain)
        for layer in _layers(marks):
            rows = [
                (
                    at.seen_at,
                    at.saved_at,
                    full,
                    place,
                    place - 1,
                    str(full),
                    place + 1,
                    *at.count(),
                    attempt_id,
                )
                for attempt_id, place, full in layer
                for at in (seen[attempt_id],)
            ]
            self._update(cursor, self._sql.mark, rows)

    def _update(self, cursor: Any, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Update one row for each of `rows`, no two of them the same; on PostgreSQL in one statement."""
        if self._dialect.name == "postgresql":
            cursor.execute(statement, [list(column) for column in zip(*rows, strict=True)])
        else:
            cursor.executemany(statement, rows)


@dataclass(slots=True)
class _Seen:
    """What the board's row of one attempt gets from a batch."""

    seen_at: Any = None
    saved_at: Any = None
    blurs: int = 0
    marked: bool = False
    kept_rows: int = 0
    kept_bytes: int = 0

    def count(self) -> tuple[int, int]:
        """Return the rows and bytes to add, once: a batch may write a row several times."""
        rows, size = self.kept_rows, self.kept_bytes
        self.kept_rows = self.kept_bytes = 0
        return rows, size


_HEARD = (Outcome.SAVED, Outcome.SUSPENDED, Outcome.AWAY, Outcome.FULL)
_UNREAD = (Outcome.STALE, Outcome.LEASE_LOST, Outcome.OTHER_MACHINE, Outcome.SUSPENDED, Outcome.AWAY)
"""Their entries are neither acknowledged nor kept: the browser keeps them."""


def _layers(marks: Sequence[tuple[int, int, int]]) -> list[list[tuple[int, int, int]]]:
    """Return the marks in order, as lists that hold each attempt once at most: nearly always one list."""
    layers: list[list[tuple[int, int, int]]] = []
    seen: Counter[int] = Counter()
    for mark in marks:
        depth = seen[mark[0]]
        seen[mark[0]] += 1
        if depth == len(layers):
            layers.append([])
        layers[depth].append(mark)
    return layers


def _judge(save: Save, guard: Guard, *, at: datetime) -> _Case:
    """Check age, lease, machine, state, presence, quota, window and grace against the locked row.

    While somebody is out of the room nothing of theirs is taken, heartbeats included; the browser keeps it and
    sends it after the return (R-13).
    """
    if guard.is_stale(save.now, at=at):
        return _Case(save, guard, Outcome.STALE)
    if guard.lease_hash != save.lease_hash or guard.lease_epoch != save.epoch:
        return _Case(save, guard, Outcome.LEASE_LOST)
    if is_elsewhere(guard.lease_machine, save.machine):
        return _Case(save, guard, Outcome.OTHER_MACHINE)
    if guard.state == State.SUSPENDED:
        return _Case(save, guard, Outcome.SUSPENDED)
    now = save.now
    closed = guard.over or not guard.takes(0, now=now)
    if guard.left_at is not None and not closed:
        return _Case(save, guard, Outcome.AWAY)
    if is_full(guard, save.entries):
        return _Case(save, guard, Outcome.FULL, Outcome.CLOSED if closed else Outcome.SAVED)
    guard.kept_rows += len(save.entries)  # for the next save of the batch; its row counts what is kept
    guard.kept_bytes += size_of(save.entries)
    if closed:
        return _Case(save, guard, Outcome.CLOSED)
    counting = [one for one in save.entries if guard.takes(one.unit, now=now)]
    return _Case(save, guard, Outcome.SAVED, counting=counting)


def _saved(case: _Case) -> Saved:
    receipts = [Receipt(seq, at) for seq, at in case.known.items()]
    receipts += [Receipt(entry.seq, case.save.now) for entry in case.taken]
    outcome = case.outcome
    if case.late and outcome is Outcome.SAVED:
        outcome = Outcome.UNIT_CLOSED
    return Saved(outcome, case.guard, receipts)


def _key(save: Save, entry: Entry) -> Key:
    return (save.attempt_id, save.epoch, entry.seq)
