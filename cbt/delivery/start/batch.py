"""The starts of one batch: each opens or reopens a paper for one browser and issues its lease.

Written with the statements of the save path, for everybody begins at the same moment.

Source: R-13, R-14, R-20, R-24, R-25, R-26, R-42; I11.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from cbt.delivery.fact_reader import FactReader
from cbt.delivery.facts import CLOCK, OwnFacts, RoomFacts, clock_columns, timing_facts
from cbt.delivery.moving import follow
from cbt.delivery.paper.layout import read_layout
from cbt.delivery.save.guard import Dialect, Guard, PaperKey
from cbt.delivery.save.live import GAP
from cbt.delivery.start.claims import Claim, ClaimReader, FormRow, Start
from cbt.delivery.start.rows import StartRow, start_rows, with_machine
from cbt.delivery.steps import ROOM_GOES_ON
from cbt.errors import CbtError, Conflict, Gone, Locked, TooEarly, Unavailable
from cbt.rules.clock.facts import AttemptClock, UnitWindow, present
from cbt.rules.clock.windows import clock_at, windows_ahead
from cbt.rules.exam.paper import Paper
from cbt.web.who.login import token_hash

JournalRows = Sequence[tuple[str, int, str | None, int]]


@dataclass(slots=True)
class Opened:
    """What the page gets: the lease, the row for the clock and the paper, the form, the journal written so far,
    the position the page before it was at, and the windows that are open or to come."""

    lease: str
    epoch: int
    guard: Guard
    form: FormRow
    journal: JournalRows
    place: int | None = None
    windows: Sequence[UnitWindow] = ()


class StartBatch:
    """Carries out starts on the cursor of one transaction that has their guards locked."""

    def __init__(self, dialect: Dialect, paper: Callable[[PaperKey], Paper]) -> None:
        self._dialect = dialect
        self._paper = paper
        self._claims = ClaimReader(dialect)
        self._facts = FactReader(dialect)
        self._sql = _Statements(dialect)

    def claims(self, cursor: Any, starts: Sequence[Start]) -> list[Claim | CbtError]:
        """Read who wants to open what; the rows of the attempts are not locked yet."""
        return self._claims.read(cursor, starts)

    def perform(
        self,
        cursor: Any,
        starts: Sequence[Start],
        claims: Sequence[Claim | CbtError],
        guards: Mapping[int, Guard],
        *,
        at: datetime,
    ) -> list[Opened | CbtError]:
        """Open what may be opened at the instant `at`, as if one after the other.

        A refusal is returned, and changes nothing.

        The refusals: those of the claims, Unavailable("request.stale") (R-21), TooEarly("not_started") (R-20),
        Gone("attempt.closed"), Conflict("door.unconfirmed") before the pledge or while a proctor is to compare
        (R-14), Conflict("lease.held") (R-42), Locked("attempt.suspended") or ("attempt.evacuated"): nothing of
        the paper is sent while it is blanked, and nobody's clock begins in a hold (R-25), and
        Locked("attempt.away") while the candidate is out of the room (R-13).
        """
        ids = sorted({one.form.attempt_id for one in claims if isinstance(one, Claim)})
        if not ids:
            return [one for one in claims if isinstance(one, CbtError)]
        rows = start_rows(cursor, self._dialect, ids)
        rooms = self._facts.rooms(cursor, sorted({row.room_id for row in rows.values()}))
        facts = self._facts.own(cursor, ids)
        writes = _Writes()
        results: list[Opened | CbtError] = []
        for start, claim in zip(starts, claims, strict=True):
            if isinstance(claim, CbtError):
                results.append(claim)
                continue
            form = claim.form
            row, guard = rows[form.attempt_id], guards[form.attempt_id]
            if guard.is_stale(start.now, at=at):
                results.append(Unavailable("request.stale"))
                continue
            paper = self._paper((form.version_id, form.paper))
            clock = _clock(start, claim, paper, row, guard, rooms[row.room_id], facts[form.attempt_id])
            if isinstance(clock, CbtError):
                results.append(clock)
                continue
            self._take(start, claim, row, guard, clock, writes)
            results.append(Opened(start.lease, guard.lease_epoch, guard, form, (), row.place, clock.windows))
        self._write(cursor, writes)
        for result in results:
            if isinstance(result, Opened) and result.epoch > 1:
                cursor.execute(self._sql.journal, (result.form.attempt_id,))
                result.journal = cursor.fetchall()
        return results

    def _take(
        self,
        start: Start,
        claim: Claim,
        row: StartRow,
        guard: Guard,
        found: _Clock,
        writes: _Writes,
    ) -> None:
        """Note what the start writes, in the rows to write and in what the next start of the batch sees."""
        attempt_id, now = claim.form.attempt_id, start.now
        at = self._dialect.instant(now)
        row.started_at = row.started_at or now
        follow(guard, found.clock)
        for name, value in found.columns.items():
            setattr(guard, name, value)
        guard.lease_hash = token_hash(start.lease)
        guard.lease_epoch += 1
        row.lease_login_id, row.move_allowed = claim.login_session_id, False
        row.lease_machine = guard.lease_machine = start.machine
        row.lease_machines = with_machine(row.lease_machines, start.machine)
        writes.attempts.append(
            (
                self._bound(row.started_at),
                guard.state,
                *(self._bound(found.columns[name]) for name in CLOCK),
                *(guard.lease_hash, guard.lease_epoch, row.lease_login_id, row.lease_machine),
                *(row.lease_machines, attempt_id),
            )
        )
        if row.seen_at is None:
            writes.new.append((attempt_id, at, "0" * len(read_layout(claim.form.layout)), at))
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


class _Clock(NamedTuple):
    """Where an attempt's clock stands once it is open, and what its row says of it."""

    clock: AttemptClock
    columns: Mapping[str, Any]
    windows: Sequence[UnitWindow]


def _clock(
    start: Start, claim: Claim, paper: Paper, row: StartRow, guard: Guard, room: RoomFacts, own: OwnFacts
) -> _Clock | CbtError:
    """Return the clock of the attempt once it is open, or why it may not be opened."""
    now = start.now
    if room.started_at is None:
        return TooEarly("not_started")
    if guard.over or room.state not in ROOM_GOES_ON:
        return Gone("attempt.closed")
    if not row.came_in:
        return Conflict("door.unconfirmed")
    if not _may_take_lease(start, claim, row, guard):
        return Conflict("lease.held")
    facts = timing_facts(room, paper, row.terms, own, started_at=row.started_at or now)
    reached_at = present(facts, now=now, reached_at=guard.prior_unit_ends_at)
    clock = clock_at(facts, now=reached_at)
    if clock.suspended:
        return Locked("attempt.evacuated" if room.evacuated else "attempt.suspended")
    if clock.closes_at is not None and now >= clock.closes_at:
        return Gone("attempt.closed")
    if guard.left_at is not None:
        return Locked("attempt.away")
    windows = tuple(windows_ahead(facts, now=reached_at)) if paper.windows else ()
    return _Clock(clock, clock_columns(facts, paper, room, clock), windows)


def _may_take_lease(start: Start, claim: Claim, row: StartRow, guard: Guard) -> bool:
    """One writing browser: another login needs a silent former browser on this machine, or 允许换机 (R-42).

    This machine is also the one whose token a disk-restoring card wiped; a lease of the time before machines
    were known is any machine's.
    """
    if guard.lease_hash is None or row.lease_login_id == claim.login_session_id or row.move_allowed:
        return True
    silent = row.seen_at is None or start.now - row.seen_at >= GAP
    return silent and row.lease_machine in {None, start.machine, claim.former_machine}


class _Statements:
    """The SQL of starts, written once per process."""

    def __init__(self, dialect: Dialect) -> None:
        clock = ", ".join(f"{name} = ?" for name in CLOCK)
        self.open = dialect.sql(
            f"UPDATE attempt SET started_at = ?, state = ?, {clock}, lease_hash = ?, lease_epoch = ?, "
            "lease_login_id = ?, lease_machine = ?, lease_machines = ?, move_allowed_at = NULL WHERE id = ?"
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
