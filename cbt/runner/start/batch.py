"""The batch of starts: claims read for all at once, each paper opened or reopened under a fresh lease."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_urlsafe
from typing import Any, NamedTuple

from cbt.errors import CbtError, Conflict, Gone, Locked, NotAllowed, NotFound, TooEarly, Unavailable
from cbt.http.auth.machine import is_elsewhere, token_hash
from cbt.http.auth.wsgi_login import LOGIN_SESSIONS
from cbt.rules.canonical import canonical_json
from cbt.rules.clock import AttemptClock, UnitWindow, clock_at, present, windows_ahead
from cbt.rules.exam import Paper
from cbt.runner.attempt_changes import ROOM_GOES_ON
from cbt.runner.attempt_states import follow
from cbt.runner.clock_facts import (
    CLOCK,
    TERMS,
    FactReader,
    OwnFacts,
    RoomFacts,
    Terms,
    clock_columns,
    terms_of,
    timing_facts,
)
from cbt.runner.paper.layout import read_layout
from cbt.runner.save.attempt_row import FORM_COLUMNS, FORM_TABLES, FormRow, Guard, PaperKey
from cbt.runner.save.batch import GAP
from cbt.storage.engine import Dialect
from cbt.storage.types import read_instant, read_instant_or_none


@dataclass(slots=True)
class Start:
    """One request to open an attempt: by which login session, at which machine."""

    ref: str
    token_hash: str
    machine: str
    now: datetime
    lease: str = field(default_factory=lambda: token_urlsafe(24))


@dataclass(frozen=True, slots=True)
class Claim:
    """A start by somebody who is signed in, of an attempt that is theirs."""

    login_session_id: int
    form: FormRow
    former_machine: str | None
    """What the same machine was known as before its token was wiped (R-16)."""


class ClaimReader:
    """Reads claims on the cursor of the transaction that carries the starts out."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def read(self, cursor: Any, starts: Sequence[Start]) -> list[Claim | CbtError]:
        """Return the claim of each start, or why it has none.

        NotAllowed("web.signed_out") for a login session that is over or nobody's, NotAllowed("machine.other")
        for one of another machine (R-42), NotFound("attempt.unknown") for an attempt that is unknown or
        somebody else's.
        """
        logins = {
            token_hash: row
            for token_hash, *row in self._among(cursor, LOGIN_SESSIONS, [one.token_hash for one in starts])
        }
        query = f"SELECT a.ref, {FORM_COLUMNS} {FORM_TABLES}"
        forms = {ref: FormRow(*row) for ref, *row in self._among(cursor, query, [one.ref for one in starts])}
        return [_claim(start, logins.get(start.token_hash), forms.get(start.ref)) for start in starts]

    def _among(self, cursor: Any, query: str, keys: Sequence[str]) -> Sequence[Any]:
        among, values = self._dialect.among(sorted(set(keys)))
        cursor.execute(f"{query} {among}", values)
        rows: Sequence[Any] = cursor.fetchall()
        return rows


def _claim(start: Start, login: Sequence[Any] | None, form: FormRow | None) -> Claim | CbtError:
    if login is None:
        return NotAllowed("web.signed_out")
    login_session_id, kind, subject_ref, revoked_at, expires_at, machine, former_machine = login
    if kind != "candidate" or revoked_at is not None or start.now >= read_instant(expires_at):
        return NotAllowed("web.signed_out")
    if is_elsewhere(machine, start.machine):
        return NotAllowed("machine.other")
    if form is None or form.registration_ref != subject_ref:
        return NotFound("attempt.unknown")
    return Claim(login_session_id, form, former_machine)


LEFT = canonical_json({"type": "leave"})
"""The word of a page that is left for another one, as the journal has it."""
MOST_MACHINES = 20
"""So many machines of one attempt are remembered."""
_ROWS = (
    "SELECT a.id, a.started_at, a.lease_login_id, a.lease_machine, a.move_allowed_at, a.sitting_room_id, "
    f"r.confirmed_at, r.pledged_at, r.query_at, l.seen_at, a.lease_machines, l.position, {TERMS} "
    "FROM attempt a JOIN registration r ON r.id = a.registration_id "
    "LEFT JOIN attempt_live l ON l.attempt_id = a.id WHERE a.id"
)


@dataclass(slots=True)
class StartRow:
    """What only a start asks of an attempt; changed as the starts of a batch go by."""

    started_at: datetime | None
    lease_login_id: int | None
    lease_machine: str | None
    move_allowed: bool
    room_id: int
    came_in: bool
    seen_at: datetime | None
    lease_machines: str
    place: int | None
    terms: Terms


def start_rows(cursor: Any, dialect: Dialect, ids: Sequence[int]) -> dict[int, StartRow]:
    """Read what starts ask of attempts, on the cursor of the transaction that has them locked."""
    among, values = dialect.among(ids)
    cursor.execute(f"{_ROWS} {among}", values)
    return {
        row[0]: StartRow(
            started_at=read_instant_or_none(row[1]),
            lease_login_id=row[2],
            lease_machine=row[3],
            move_allowed=row[4] is not None,
            room_id=row[5],
            came_in=None not in row[6:8] and row[8] is None,
            seen_at=read_instant_or_none(row[9]),
            lease_machines=row[10],
            place=row[11],
            terms=terms_of(row[12:]),
        )
        for row in cursor.fetchall()
    }


def with_machine(machines: str, machine: str) -> str:
    """Return the machines that had a lease, with one more: each once, the latest last."""
    return " ".join([*(one for one in machines.split() if one != machine), machine][-MOST_MACHINES:])


# The starts of one batch: each opens or reopens a paper for one browser and issues its lease.
#
# Written with the statements of the save path, for everybody begins at the same moment.
#
# Source; I11.

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
            left = self._has_left(cursor, start, claim, row)
            self._take(start, claim, row, guard, clock, writes, left=left)
            results.append(Opened(start.lease, guard.lease_epoch, guard, form, (), row.place, clock.windows))
        self._write(cursor, writes)
        for result in results:
            if isinstance(result, Opened) and result.epoch > 1:
                cursor.execute(self._sql.journal, (result.form.attempt_id,))
                result.journal = cursor.fetchall()
        return results

    def _has_left(self, cursor: Any, start: Start, claim: Claim, row: StartRow) -> bool:
        """Return whether a silence is no disconnection: the last word of the same login was that it leaves.

        It could be said, so the line was there, and another page was opened in this one's place: nothing kept
        the candidate from answering. A browser that died has said nothing; one that is started again signs in anew.

        Source: R-26.
        """
        silent = row.seen_at is not None and start.now - row.seen_at > GAP
        if not silent or row.lease_login_id != claim.login_session_id:
            return False
        cursor.execute(self._sql.last_word, (claim.form.attempt_id,))
        word = cursor.fetchone()
        return word is not None and word[0] == LEFT

    def _take(
        self,
        start: Start,
        claim: Claim,
        row: StartRow,
        guard: Guard,
        clock: _Clock,
        writes: _Writes,
        *,
        left: bool,
    ) -> None:
        """Note what the start writes, in the rows to write and in what the next start of the batch sees.

        `left`: this browser said that it leaves the paper for another page, and comes back.
        """
        attempt_id, now = claim.form.attempt_id, start.now
        at = self._dialect.instant(now)
        row.started_at = row.started_at or now
        follow(guard, clock.clock)
        for name, value in clock.columns.items():
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
                *(self._bound(clock.columns[name]) for name in CLOCK),
                *(guard.lease_hash, guard.lease_epoch, row.lease_login_id, row.lease_machine),
                *(row.lease_machines, attempt_id),
            )
        )
        if row.seen_at is None:
            writes.new.append((attempt_id, at, "0" * len(read_layout(claim.form.layout)), at))
        else:
            if now - row.seen_at > GAP and not left:
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
        self.last_word = dialect.sql(
            "SELECT value FROM journal WHERE attempt_id = ? ORDER BY lease_epoch DESC, seq DESC LIMIT 1"
        )
        self.journal = dialect.sql(
            "SELECT kind, position, value, seq FROM journal WHERE attempt_id = ? ORDER BY lease_epoch, seq"
        )
