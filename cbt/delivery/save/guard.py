"""What the save path knows about an attempt: what never changes of it, and its row as a batch reads it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cbt.db.types import bind_instant, read_instant
from cbt.rules.clock import timing
from cbt.rules.exam.paper import Paper
from cbt.rules.states.attempt import Event, before

_OVER = before(Event.SCORE, Event.RESCORE)
PaperKey = tuple[int, str]
"""Which paper: its blueprint's version and its code."""


@dataclass(frozen=True, slots=True)
class AttemptInfo:
    """What never changes about an attempt once its form is frozen."""

    attempt_id: int
    registration_ref: str
    shapes: Sequence[Mapping[str, Any]]
    """What may come in at each position (index 0 is position 1)."""
    units: Sequence[int]
    """The strict unit of each position; 0 when its time is the paper's."""
    paper_key: PaperKey
    paper: Paper
    title: str
    warnings: str
    """The end of the clock's JSON, which is the same for everybody on this paper."""


@dataclass(slots=True)
class Guard:
    """The attempt's row as one transaction sees it; closing and saving exclude each other on it."""

    state: str
    lease_hash: str | None
    lease_epoch: int
    closes_at: datetime | None
    earliest_submit_at: datetime | None
    open_unit: int | None
    unit_ends_at: datetime | None
    prior_unit: int | None
    prior_unit_ends_at: datetime | None
    grace: timedelta
    has_message: bool
    left_at: datetime | None
    seen_at: datetime | None
    lease_machine: str | None
    kept_rows: int = 0
    kept_bytes: int = 0

    def takes(self, unit: int, *, now: datetime) -> bool:
        """Return whether an entry for a position of `unit` (0: the whole paper) counts at `now`.

        Source: R-21, R-24.
        """
        if not self._open(self.closes_at, now):
            return False
        if unit == 0:
            return True
        if unit == self.open_unit:
            return self._open(self.unit_ends_at, now)
        return unit == self.prior_unit and self._open(self.prior_unit_ends_at, now)

    def in_grace(self, unit: int, *, now: datetime) -> bool:
        """Return whether an entry counts only by the transport grace, which is recorded on it (R-21)."""
        end_at = self.closes_at
        if unit:
            end_at = self.unit_ends_at if unit == self.open_unit else self.prior_unit_ends_at
        return timing.in_grace(now, closes_at=end_at, grace=self.grace)

    def is_stale(self, received_at: datetime, *, at: datetime) -> bool:
        """Return whether what was received at `received_at` waited longer than the transport grace until `at`.

        Source: R-21.
        """
        return at - received_at > self.grace

    def _open(self, end_at: datetime | None, now: datetime) -> bool:
        return timing.accepts_answers(now, opens_at=now, closes_at=end_at, grace=self.grace)

    @property
    def over(self) -> bool:
        """Return whether the attempt is closed."""
        return self.state in _OVER


_COLUMNS = (
    "a.id, a.state, a.lease_hash, a.lease_epoch, a.closes_at, a.earliest_submit_at, a.open_unit, "
    "a.unit_ends_at, a.prior_unit, a.prior_unit_ends_at, a.grace, a.has_message, r.left_at, l.seen_at, "
    "a.lease_machine, l.kept_rows, l.kept_bytes"
)
_JOINS = {
    "sqlite": "LEFT JOIN registration r INDEXED BY ix_registration_out",
    "postgresql": "LEFT JOIN registration r",
}
"""Who is out of the room is asked of a small index. Reading (and deciphering) a page of registrations for each
save, as SQLite prefers, would be a quarter of what is read."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """The few places where the two databases write the save path's SQL differently."""

    name: str

    def sql(self, text: str) -> str:
        """Return `text`, written with `?`, in this driver's parameter style."""
        return text.replace("?", "%s") if self.name == "postgresql" else text

    def instant(self, value: datetime) -> Any:
        """Return `value` as this database binds it."""
        return bind_instant(value, self.name)

    def among(self, keys: Sequence[Any]) -> tuple[str, tuple[Any, ...]]:
        """Return what follows a column to find some keys (at least one), and its parameters.

        SQLite gets a list that is as long as the next power of two, so that a few prepared statements do.
        """
        if self.name == "postgresql":
            return "= ANY(%s)", (list(keys),)
        width = 1 << (len(keys) - 1).bit_length()
        padding = (keys[-1],) * (width - len(keys))
        return f"IN ({', '.join('?' * width)})", (*keys, *padding)

    def read_guards(
        self, cursor: Any, attempt_ids: Iterable[int], *, exclusive: bool = False
    ) -> dict[int, Guard]:
        """Read the rows of attempts.

        On PostgreSQL each is locked, in the order of the ids as closings do, so that no closing passes
        before the commit and nobody waits in a circle; `exclusive` keeps other saves and starts out too.
        """
        lock = ""
        if self.name == "postgresql":
            lock = f" ORDER BY a.id FOR {'UPDATE' if exclusive else 'SHARE'} OF a"
        return self._guards(cursor, sorted(set(attempt_ids)), lock)

    def peek_guard(self, cursor: Any, attempt_id: int) -> Guard:
        """Read the attempt's row without a lock, for showing it."""
        return self._guards(cursor, [attempt_id], "")[attempt_id]

    def _guards(self, cursor: Any, attempt_ids: Sequence[int], lock: str) -> dict[int, Guard]:
        among, values = self.among(attempt_ids)
        cursor.execute(
            f"SELECT {_COLUMNS} FROM attempt a LEFT JOIN attempt_live l ON l.attempt_id = a.id "
            f"{_JOINS[self.name]} ON r.id = a.registration_id AND r.left_at IS NOT NULL "
            f"WHERE a.id {among}{lock}",
            values,
        )
        return {row[0]: guard_of(row[1:]) for row in cursor.fetchall()}


def guard_of(row: Sequence[Any]) -> Guard:
    """Return the guard of a row: its fields in their order, as either database gives them."""
    return Guard(
        state=row[0],
        lease_hash=row[1],
        lease_epoch=row[2],
        closes_at=_instant(row[3]),
        earliest_submit_at=_instant(row[4]),
        open_unit=row[5],
        unit_ends_at=_instant(row[6]),
        prior_unit=row[7],
        prior_unit_ends_at=_instant(row[8]),
        grace=timedelta(microseconds=row[9]),
        has_message=bool(row[10]),
        left_at=_instant(row[11]),
        seen_at=_instant(row[12]),
        lease_machine=row[13],
        kept_rows=row[14] or 0,
        kept_bytes=row[15] or 0,
    )


def hash_lease(token: str) -> str:
    """Return the hash a lease is stored under."""
    return hashlib.sha256(token.encode()).hexdigest()


def _instant(value: Any) -> datetime | None:
    return None if value is None else read_instant(value)
