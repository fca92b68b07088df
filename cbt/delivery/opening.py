"""The starts of one batch: each opens or reopens a paper for one browser and issues its lease.

Written with the statements of the save path, for everybody begins at the same moment.

Source: R-14, R-20, R-25, R-26, R-42; I11.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cbt.delivery.facts import RoomFacts, clock_columns, timing_facts
from cbt.delivery.guard import AttemptInfo, Dialect, Guard, PaperKey, hash_lease
from cbt.delivery.saving import GAP
from cbt.delivery.start_facts import FactReader, OwnFacts, StartRow
from cbt.delivery.steps import ROOM_GOES_ON
from cbt.errors import CbtError, Conflict, Gone, Locked, TooEarly
from cbt.rules import timing
from cbt.rules.paper import Paper

JournalRows = Sequence[tuple[str, int, str | None, int]]
_CLOCK = (
    "state",
    "closes_at",
    "earliest_submit_at",
    "open_unit",
    "unit_ends_at",
    "prior_unit",
    "prior_unit_ends_at",
)


@dataclass(slots=True)
class Start:
    """One request to open an attempt: by which login session, at which machine."""

    attempt_id: int
    paper_key: PaperKey
    places: int
    """How many positions the form has."""
    login_session_id: int
    machine: str
    now: datetime
    lease: str


def start_of(info: AttemptInfo, login_session_id: int, machine: str, now: datetime) -> Start:
    """Return the request to open an attempt, with a lease of its own."""
    lease = secrets.token_urlsafe(24)
    return Start(info.attempt_id, info.paper_key, len(info.shapes), login_session_id, machine, now, lease)


@dataclass(slots=True)
class Opened:
    """What the page gets: the lease, the row for the clock and the paper, the journal written so far."""

    lease: str
    epoch: int
    guard: Guard
    journal: JournalRows


class StartBatch:
    """Carries out starts on the cursor of one transaction that has their guards locked."""

    def __init__(self, dialect: Dialect, paper: Callable[[PaperKey], Paper]) -> None:
        self._dialect = dialect
        self._paper = paper
        self._facts = FactReader(dialect)
        self._sql = _Statements(dialect)

    def perform(
        self, cursor: Any, starts: Sequence[Start], guards: Mapping[int, Guard]
    ) -> list[Opened | CbtError]:
        """Open what may be opened, as if one after the other; a refusal is returned, and changes nothing.

        The refusals: TooEarly("not_started") (R-20), Gone("attempt.closed"), Conflict("door.unconfirmed")
        before the pledge or while a proctor is to compare (R-14), Conflict("lease.held") (R-42), and
        Locked("attempt.suspended"): nothing of the paper is sent while it is blanked, and nobody's clock
        begins in a hold (R-25).
        """
        ids = sorted({start.attempt_id for start in starts})
        rows = self._facts.rows(cursor, ids)
        rooms = self._facts.rooms(cursor, sorted({row.room_id for row in rows.values()}))
        facts = self._facts.own(cursor, ids)
        writes = _Writes()
        results: list[Opened | CbtError] = []
        for start in starts:
            attempt_id = start.attempt_id
            row, guard = rows[attempt_id], guards[attempt_id]
            paper = self._paper(start.paper_key)
            columns = _columns(start, paper, row, guard, rooms[row.room_id], facts[attempt_id])
            if isinstance(columns, CbtError):
                results.append(columns)
                continue
            self._take(start, row, guard, columns, writes)
            results.append(Opened(start.lease, guard.lease_epoch, guard, ()))
        self._write(cursor, writes)
        for start, result in zip(starts, results, strict=True):
            if isinstance(result, Opened) and result.epoch > 1:
                cursor.execute(self._sql.journal, (start.attempt_id,))
                result.journal = cursor.fetchall()
        return results

    def _take(
        self, start: Start, row: StartRow, guard: Guard, columns: Mapping[str, Any], writes: _Writes
    ) -> None:
        """Note what the start writes, in the rows to write and in what the next start of the batch sees."""
        attempt_id, now = start.attempt_id, start.now
        at = self._dialect.instant(now)
        row.started_at = row.started_at or now
        for name, value in columns.items():
            setattr(guard, name, value)
        guard.lease_hash = hash_lease(start.lease)
        guard.lease_epoch += 1
        row.lease_login_id, row.lease_machine, row.move_allowed = start.login_session_id, start.machine, False
        writes.attempts.append(
            (
                self._bound(row.started_at),
                *(self._bound(columns[name]) for name in _CLOCK),
                *(guard.lease_hash, guard.lease_epoch, row.lease_login_id, row.lease_machine, attempt_id),
            )
        )
        if row.seen_at is None:
            writes.new.append((attempt_id, at, "0" * start.places, at))
        else:
            if now - row.seen_at > GAP:
                # A silence before this opening was time without the ability to answer.
                writes.gaps.append((attempt_id, self._bound(row.seen_at), at, False, 0))
            writes.seen.append((at, at, attempt_id))
        row.seen_at = guard.seen_at = now

    def _write(self, cursor: Any, writes: _Writes) -> None:
        sql = self._sql
        for statement, rows in (
            (sql.open, writes.attempts),
            (sql.gap, writes.gaps),
            (sql.new, writes.new),
            (sql.seen, writes.seen),
        ):
            if rows:
                cursor.executemany(statement, rows)

    def _bound(self, value: Any) -> Any:
        return self._dialect.instant(value) if isinstance(value, datetime) else value


@dataclass(slots=True)
class _Writes:
    """The rows a batch writes, by statement."""

    attempts: list[tuple[Any, ...]] = field(default_factory=list)
    gaps: list[tuple[Any, ...]] = field(default_factory=list)
    new: list[tuple[Any, ...]] = field(default_factory=list)
    seen: list[tuple[Any, ...]] = field(default_factory=list)


def _columns(
    start: Start, paper: Paper, row: StartRow, guard: Guard, room: RoomFacts, own: OwnFacts
) -> Mapping[str, Any] | CbtError:
    """Return what the attempt's row says once it is open, or why it may not be opened."""
    now = start.now
    if room.started_at is None:
        return TooEarly("not_started")
    if guard.over or room.state not in ROOM_GOES_ON:
        return Gone("attempt.closed")
    if not row.came_in:
        return Conflict("door.unconfirmed")
    if not _may_take_lease(start, row, guard):
        return Conflict("lease.held")
    facts = timing_facts(
        room,
        paper,
        started_at=row.started_at or now,
        factor=row.factor,
        extra=row.extra,
        suspensions=own.suspensions,
        adjustments=own.adjustments,
        units_done=own.units_done,
    )
    clock = timing.clock_at(facts, now=now)
    if clock.suspended:
        return Locked("attempt.suspended")
    if clock.closes_at is not None and now >= clock.closes_at:
        return Gone("attempt.closed")
    return clock_columns(facts, paper, room, clock)


def _may_take_lease(start: Start, row: StartRow, guard: Guard) -> bool:
    """One writing browser: another login needs a silent former browser on this machine, or 允许换机 (R-42)."""
    if guard.lease_hash is None or row.lease_login_id == start.login_session_id or row.move_allowed:
        return True
    silent = row.seen_at is None or start.now - row.seen_at >= GAP
    return row.lease_machine == start.machine and silent


class _Statements:
    """The SQL of starts, written once per process."""

    def __init__(self, dialect: Dialect) -> None:
        clock = ", ".join(f"{name} = ?" for name in _CLOCK)
        self.open = dialect.sql(
            f"UPDATE attempt SET started_at = ?, {clock}, lease_hash = ?, lease_epoch = ?, "
            "lease_login_id = ?, lease_machine = ?, move_allowed_at = NULL WHERE id = ?"
        )
        self.gap = dialect.sql(
            "INSERT INTO gap (attempt_id, from_at, to_at, usable, resent) VALUES (?, ?, ?, ?, ?)"
        )
        self.new = dialect.sql(
            "INSERT INTO attempt_live (attempt_id, seen_at, answered, answered_map, usable_at, blurs) "
            "VALUES (?, ?, 0, ?, ?, 0)"
        )
        self.seen = dialect.sql("UPDATE attempt_live SET seen_at = ?, usable_at = ? WHERE attempt_id = ?")
        self.journal = dialect.sql(
            "SELECT kind, position, value, seq FROM journal WHERE attempt_id = ? ORDER BY lease_epoch, seq"
        )
