"""The saves of one batch: judged in order against the locked rows, appended and told to the board together.

Source: R-13, R-21, R-24, R-29, R-40, R-41, R-42; I1, I2, I3, I11.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cbt.db.types import read_instant
from cbt.delivery.save.entries import Entry
from cbt.delivery.save.exchange import Outcome, Receipt, Save, Saved
from cbt.delivery.save.guard import Dialect, Guard
from cbt.delivery.save.judging import Judged, judge
from cbt.delivery.save.live import LiveRows
from cbt.delivery.save.sql import SaveStatements

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

    def _append(self, cursor: Any, cases: Sequence[Judged]) -> None:
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

    def _keep_late(self, cursor: Any, case: Judged, late: Sequence[Entry]) -> list[Entry]:
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
        """Return whether all these entries are kept as evidence already."""
        among, numbers = self._dialect.among([entry.seq for entry in entries])
        cursor.execute(f"{self._sql.known_late} {among}", (save.attempt_id, save.epoch, *numbers))
        return len(cursor.fetchall()) == len(entries)


def _row(case: Judged, entry: Entry) -> tuple[Any, ...]:
    return (*_late_row(case, entry), case.guard.in_grace(entry.unit, now=case.save.now))


def _late_row(case: Judged, entry: Entry) -> tuple[Any, ...]:
    save = case.save
    return (save.attempt_id, save.epoch, entry.seq, entry.position, entry.kind, entry.value, case.at)


def _saved(case: Judged) -> Saved:
    receipts = [Receipt(seq, at) for seq, at in case.known.items()]
    receipts += [Receipt(entry.seq, case.save.now) for entry in case.taken]
    outcome = case.outcome
    if case.late and outcome is Outcome.SAVED:
        outcome = Outcome.UNIT_CLOSED
    return Saved(outcome, case.guard, receipts)


def _key(save: Save, entry: Entry) -> Key:
    return (save.attempt_id, save.epoch, entry.seq)
