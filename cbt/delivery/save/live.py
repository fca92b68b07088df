"""The board's rows of a batch's attempts: when each was heard and saved, and what is answered.

Source: R-26, R-40, R-42.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from cbt.delivery.save.exchange import Outcome
from cbt.delivery.save.guard import Dialect
from cbt.delivery.save.judging import Judged
from cbt.delivery.save.quotas import size_of
from cbt.delivery.save.sql import SaveStatements, update_each

GAP = timedelta(seconds=20)
"""A silence longer than this is recorded (R-26) and lets the same machine take the lease (R-42)."""
_HEARD = (Outcome.SAVED, Outcome.SUSPENDED, Outcome.AWAY, Outcome.FULL)


class LiveRows:
    """Keeps the board's rows on the cursor of the transaction that carries a batch out."""

    def __init__(self, dialect: Dialect, sql: SaveStatements) -> None:
        self._dialect = dialect
        self._sql = sql

    def touch(self, cursor: Any, cases: Sequence[Judged]) -> None:
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
