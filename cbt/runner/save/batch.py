"""The batch of saves: each judged against its locked row, appended and told to the board, within its quotas.

What an honest candidate needs at most: 100 items changed five times with as many flags and notes; a text that
is typed without a break for an hour and flushed every two seconds (1,800 times); some events. That is 3,000
rows. The texts decide the bytes: 1,800 states of an essay that grows to 3,000 characters are 8 MB, everything
else is less than one. The quota is far above that. Notes, marks, flags, strikes, settings and events count as
answers do, and so does what is kept as evidence (R-29): whatever a lease can write is on the same disk.

Source: R-13, R-21, R-24, R-26, R-29, R-40, R-41, R-42; I1, I2, I3, I11, I12.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cbt.http.auth.machine import is_elsewhere
from cbt.rules.states import State
from cbt.runner.protocol import Entry, Outcome, Receipt, Save, Saved
from cbt.runner.save.attempt_row import Guard, SaveStatements, update_each
from cbt.storage.engine import Dialect
from cbt.storage.types import read_instant

MOST_ROWS = 30_000
MOST_BYTES = 80_000_000
"""What an attempt may keep."""


def size_of(entries: Sequence[Entry]) -> int:
    """Return the bytes that the values of some entries take."""
    return sum([len(one.value.encode()) for one in entries if one.value is not None])


def is_full(guard: Guard, rows: int, size: int) -> bool:
    """Return whether an attempt has no room for so many entries of `size` bytes; a heartbeat always finds some."""
    return rows > 0 and (guard.kept_rows + rows > MOST_ROWS or guard.kept_bytes + size > MOST_BYTES)


@dataclass(slots=True)
class JudgedSave:
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
    at: Any = None
    """When it was received, as the database binds it."""


def judge(save: Save, guard: Guard, *, at: datetime) -> JudgedSave:
    """Check age, lease, machine, state, presence, quota, window and grace against the locked row.

    While somebody is out of the room nothing of theirs is taken, heartbeats included; the browser keeps it and
    sends it after the return (R-13).
    """
    if guard.is_stale(save.now, at=at):
        return JudgedSave(save, guard, Outcome.STALE)
    if guard.lease_hash != save.lease_hash or guard.lease_epoch != save.epoch:
        return JudgedSave(save, guard, Outcome.LEASE_LOST)
    if is_elsewhere(guard.lease_machine, save.machine):
        return JudgedSave(save, guard, Outcome.OTHER_MACHINE)
    if guard.state == State.SUSPENDED:
        return JudgedSave(save, guard, Outcome.SUSPENDED)
    now = save.now
    closed = guard.over or not guard.takes(0, now=now)
    if guard.left_at is not None and not closed:
        return JudgedSave(save, guard, Outcome.AWAY)
    size = size_of(save.entries)
    if is_full(guard, len(save.entries), size):
        return JudgedSave(save, guard, Outcome.FULL, otherwise=Outcome.CLOSED if closed else Outcome.SAVED)
    guard.kept_rows += len(save.entries)  # for the next save of the batch; its row counts what is kept
    guard.kept_bytes += size
    if closed:
        return JudgedSave(save, guard, Outcome.CLOSED)
    counting = [one for one in save.entries if guard.takes(one.unit, now=now)]
    return JudgedSave(save, guard, Outcome.SAVED, counting=counting)


GAP = timedelta(seconds=20)
"""A silence longer than this is recorded (R-26) and lets the same machine take the lease (R-42)."""
_HEARD = (Outcome.SAVED, Outcome.SUSPENDED, Outcome.AWAY, Outcome.FULL)


class LiveRows:
    """Keeps the board's rows on the cursor of the transaction that carries a batch out."""

    def __init__(self, dialect: Dialect, sql: SaveStatements) -> None:
        self._dialect = dialect
        self._sql = sql

    def touch(self, cursor: Any, cases: Sequence[JudgedSave]) -> None:
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
            at = case.at
            if guard.seen_at is not None and guard.seen_at < save.now - GAP:
                gaps.append((at, len(case.taken), attempt_id, self._dialect.instant(save.now - GAP)))
            guard.seen_at = save.now if guard.seen_at is None else max(guard.seen_at, save.now)
            row = seen.get(attempt_id)
            if row is None:
                row = seen[attempt_id] = _Seen()
            row.seen_at = at if guard.seen_at == save.now else self._dialect.instant(guard.seen_at)
            row.place = save.place or row.place
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
            (row.seen_at, row.saved_at, row.blurs, row.place, *row.count(), attempt_id)
            for attempt_id, row in seen.items()
            if row.blurs or not row.marked
        ]
        if plain:
            update_each(cursor, self._dialect, self._sql.seen, plain)
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
                    at.place,
                    *at.count(),
                    attempt_id,
                )
                for attempt_id, place, full in layer
                for at in (seen[attempt_id],)
            ]
            update_each(cursor, self._dialect, self._sql.mark, rows)


@dataclass(slots=True)
class _Seen:
    """What the board's row of one attempt gets from a batch."""

    seen_at: Any = None
    saved_at: Any = None
    blurs: int = 0
    marked: bool = False
    place: int | None = None
    kept_rows: int = 0
    kept_bytes: int = 0

    def count(self) -> tuple[int, int]:
        """Return the rows and bytes to add, once: a batch may write a row several times."""
        rows, size = self.kept_rows, self.kept_bytes
        self.kept_rows = self.kept_bytes = 0
        return rows, size


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


Key = tuple[int, int, int]
"""Attempt id, lease epoch and sequence number: what makes an entry one and the same."""
_UNREAD = (Outcome.STALE, Outcome.LEASE_LOST, Outcome.OTHER_MACHINE, Outcome.SUSPENDED, Outcome.AWAY)
"""Their entries are neither acknowledged nor kept: the browser keeps them."""


class SaveBatch:
    """Carries out saves on the cursor of one transaction that has their guards locked."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._sql = SaveStatements(dialect)
        self._live = LiveRows(dialect, self._sql)

    def perform(
        self, cursor: Any, saves: Sequence[Save], guards: Mapping[int, Guard], *, at: datetime
    ) -> list[Saved]:
        """Append what counts of each save at the instant `at`, as if one after the other.

        Return what became of them. An entry that was appended before keeps its first receipt. One whose window
        is over is kept as evidence (R-29) and its whole save answers that the unit is closed.
        """
        cases = [judge(save, guards[save.attempt_id], at=at) for save in saves]
        for case in cases:
            case.at = self._dialect.instant(case.save.now)
        self._append(cursor, cases)
        self._live.touch(cursor, cases)
        return [_saved(case) for case in cases]

    def _append(self, cursor: Any, cases: Sequence[JudgedSave]) -> None:
        rows: dict[Key, tuple[Any, ...]] = {}
        for case in cases:
            for entry in case.counting:
                row = _row(case, entry)
                rows.setdefault(row[:3], row)
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
                case.kept = [*taken, *self._keep_late(cursor, case, left)]

    def _keep_late(self, cursor: Any, case: JudgedSave, late: Sequence[Entry]) -> list[Entry]:
        """Keep entries as evidence and return those that were not there yet."""
        fresh = []
        for entry in late:
            cursor.execute(self._sql.keep_late, _late_row(case, entry))
            if cursor.rowcount == 1:
                fresh.append(entry)
        return fresh

    def _insert(self, cursor: Any, rows: Sequence[tuple[Any, ...]]) -> set[Key]:
        """Append rows and return the keys of those that were not there yet."""
        if self._dialect.name == "postgresql":
            cursor.execute(self._sql.insert, [list(column) for column in zip(*rows, strict=True)])
            return set(cursor.fetchall())
        cursor.executemany(self._sql.insert, rows)
        if cursor.rowcount == len(rows):
            return {row[:3] for row in rows}
        cursor.execute(self._sql.newest, (cursor.rowcount,))
        return set(cursor.fetchall())

    def _receipts(self, cursor: Any, save: Save, entries: Sequence[Entry]) -> dict[int, datetime]:
        among, numbers = self._dialect.among([entry.seq for entry in entries])
        cursor.execute(f"{self._sql.known} {among}", (save.attempt_id, save.epoch, *numbers))
        return {seq: read_instant(at) for seq, at in cursor.fetchall()}

    def _all_late(self, cursor: Any, save: Save, entries: Sequence[Entry]) -> bool:
        among, numbers = self._dialect.among([entry.seq for entry in entries])
        cursor.execute(f"{self._sql.known_late} {among}", (save.attempt_id, save.epoch, *numbers))
        return len(cursor.fetchall()) == len(entries)


def _row(case: JudgedSave, entry: Entry) -> tuple[Any, ...]:
    return (*_late_row(case, entry), case.guard.in_grace(entry.unit, now=case.save.now))


def _late_row(case: JudgedSave, entry: Entry) -> tuple[Any, ...]:
    save = case.save
    return (save.attempt_id, save.epoch, entry.seq, entry.position, entry.kind, entry.value, case.at)


def _saved(case: JudgedSave) -> Saved:
    receipts = [Receipt(seq, at) for seq, at in case.known.items()]
    receipts += [Receipt(entry.seq, case.save.now) for entry in case.taken]
    outcome = case.outcome
    if case.late and outcome is Outcome.SAVED:
        outcome = Outcome.UNIT_CLOSED
    return Saved(outcome, case.guard, receipts)


def _key(save: Save, entry: Entry) -> Key:
    return (save.attempt_id, save.epoch, entry.seq)
