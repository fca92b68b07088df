"""A small pure model of the rules of an attempt: what a request must be answered with, and what is stored then.

It knows no HTTP, no database and no clock; time is counted by the oracle of torture/deadlines/oracle.py.

Source: R-20 to R-25, R-28, R-41, R-42, R-60.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from torture.deadlines.oracle import Grant, Life, Span, Stop

SILENT = timedelta(seconds=20)
MARGIN = timedelta(seconds=2)
OK = (200, "")
Answer = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Sent:
    """One entry of a save: its number, the position and the unit that has it, and the value (None clears)."""

    seq: int
    position: int
    unit: int
    value: str | None


@dataclass(slots=True)
class Row:
    """The open unit as it was last written down: requests look at it, they do not work it out."""

    open_unit: int | None = None
    unit_ends_at: datetime | None = None
    prior: Span | None = None


@dataclass(slots=True)
class ModelRoom:
    """A room: since when its clock stands (None: it runs), and whether it is over."""

    held_from: datetime | None = None
    ended: bool = False


@dataclass(slots=True)
class ModelAttempt:
    """One attempt."""

    room: ModelRoom
    life: Life
    started: bool = False
    paused_from: datetime | None = None
    closed_by: str | None = None
    closed_at: datetime | None = None
    closings: int = 0
    scored: bool = False
    epoch: int = 0
    holder: str | None = None
    """The login that writes; logins are named machine/number."""
    may_move: bool = False
    seen_at: datetime | None = None
    row: Row = field(default_factory=Row)
    journal: dict[tuple[int, int], tuple[int, str | None, datetime]] = field(default_factory=dict)

    def start(self, login: str, *, now: datetime) -> Answer:
        """Open or reopen the paper."""
        if self.closed_by or self.room.ended:
            return 410, "attempt.closed"
        if not self._may_take(login, now):
            return 409, "lease.held"
        life = self.life if self.started else replace(self.life, started_at=now)
        if self._stands(life):
            return 423, "attempt.suspended"
        if now >= life.closes_at():
            return 410, "attempt.closed"
        self.life, self.started = life, True
        self.epoch += 1
        self.holder, self.may_move, self.seen_at = login, False, now
        self.store(now)
        return OK

    def _may_take(self, login: str, now: datetime) -> bool:
        if self.holder is None or self.holder == login or self.may_move:
            return True
        silent = self.seen_at is None or now - self.seen_at >= SILENT
        return silent and login.split("/")[0] == self.holder.split("/")[0]

    def save(self, login: str, epoch: int, sent: Sequence[Sent], *, now: datetime) -> Answer:
        """Save entries; none of them is a heartbeat."""
        if self.holder != login or self.epoch != epoch:
            return 409, "lease.lost"
        if self.closed_by:
            return 410, "attempt.closed"
        if self.suspended:
            self.seen_at = now
            return 423, "attempt.suspended"
        if now >= self.closes_at + self.life.terms.grace:
            return 410, "attempt.closed"
        self.seen_at = now
        late = False
        for one in sent:
            if (epoch, one.seq) in self.journal:
                continue
            if self._takes(one.unit, now):
                self.journal[epoch, one.seq] = (one.position, one.value, now)
            else:
                late = True
        return (410, "unit.closed") if late else OK

    def _takes(self, unit: int, now: datetime) -> bool:
        grace = self.life.terms.grace
        if unit == 0:
            return True
        if unit == self.row.open_unit and self.row.unit_ends_at is not None:
            return now < self.row.unit_ends_at + grace
        prior = self.row.prior
        return prior is not None and unit == prior.unit and now < prior.ended_at + grace

    def advance(
        self, login: str, epoch: int, unit: int, sent: Sequence[Sent], *, completed: bool, now: datetime
    ) -> Answer:
        """End a unit; what was sent with it in time is kept, whether it may end or not."""
        saved = self.save(login, epoch, sent, now=now)
        if saved not in (OK, (410, "unit.closed")):
            return saved
        open_now = self._open_unit(now)
        if completed and self.row.open_unit == open_now == unit and now < self.closes_at:
            self.life.confirmed.append((unit, now))
        elif open_now == unit:
            return 409, "unit.moved"
        self.store(now)
        return OK

    def submit(self, login: str, epoch: int, sent: Sequence[Sent], *, now: datetime) -> Answer:
        """交卷; what was sent with it in time is kept, whether it may be handed in or not.

        A repeat of one that was taken gets its receipt, with the answers that it brought then.
        """
        if self.holder == login and self.epoch == epoch and self.closed_by:
            known = all((epoch, one.seq) in self.journal for one in sent)
            return OK if known else (410, "attempt.closed")
        saved = self.save(login, epoch, sent, now=now)
        if saved not in (OK, (410, "unit.closed")):
            return saved
        refused = self._refused(now)
        if refused:
            return refused
        late = now >= self.closes_at
        self.close("deadline" if late else "candidate", self.closes_at if late else now)
        return OK

    def _refused(self, now: datetime) -> Answer | None:
        if now >= self.closes_at:
            return None
        open_unit = self._open_unit(now)
        if open_unit is not None and open_unit < len(self.life.terms.windows):
            return 409, "submit.units_open"
        return (425, "submit.too_early") if now < self.life.earliest_at() else None

    def close(self, by: str, at: datetime) -> None:
        """Close it."""
        self.closed_by, self.closed_at = by, at
        self.closings += 1

    def open_again(self, now: datetime) -> None:
        """Open a closed one again."""
        self.closed_by = self.closed_at = None
        self.scored = False
        self.store(now)

    @property
    def closes_at(self) -> datetime:
        """The paper's end as far as it is known."""
        return self.life.closes_at()

    @property
    def suspended(self) -> bool:
        """Whether its clock stands."""
        return self._stands(self.life)

    def _stands(self, life: Life) -> bool:
        since = [at for at in (self.room.held_from, self.paused_from) if at is not None]
        return bool(since) and min(since) < life.closes_at()

    @property
    def under_way(self) -> bool:
        """Whether it was opened and is not closed."""
        return self.started and self.closed_by is None

    @property
    def state(self) -> str:
        """The state that is stored."""
        if self.closed_by:
            return "scored" if self.scored else "closed"
        if not self.started:
            return "ready"
        if self.suspended:
            return "suspended"
        done = bool(self.life.terms.windows) and self.row.open_unit is None
        return "units_done" if done else "interacting"

    def sweep(self, now: datetime) -> None:
        """Let time alone close it or move it on."""
        if not self.under_way or self.suspended:
            return
        wait = self.life.terms.grace + MARGIN
        if self.closes_at + wait <= now:
            self.close("deadline", self.closes_at)
        elif self.row.unit_ends_at is not None and self.row.unit_ends_at + wait <= now:
            self.store(now)

    def store(self, now: datetime) -> None:
        """Write down which unit is open; called wherever a fact that moves the clock was added."""
        self.row = Row()
        if not self.life.terms.windows:
            return
        spans = self._lived(now).units()
        over = [span for span in spans if span.ended_at <= now and span.ended_at < self.closes_at]
        if over and not over[-1].confirmed:
            self.row.prior = over[-1]
        if len(over) < len(spans):
            self.row.open_unit, self.row.unit_ends_at = spans[len(over)].unit, spans[len(over)].ended_at

    def _open_unit(self, now: datetime) -> int | None:
        spans = self._lived(now).units()
        over = [span for span in spans if span.ended_at <= now and span.ended_at < self.closes_at]
        return spans[len(over)].unit if len(over) < len(spans) else None

    def _lived(self, now: datetime) -> Life:
        """Return its life with the clock's standing up to now."""
        since = [at for at in (self.room.held_from, self.paused_from) if at is not None]
        if not since or not self.suspended:
            return self.life
        return replace(self.life, stops=[*self.life.stops, Stop(min(since), now, room=False)])

    def answers(self) -> dict[int, str]:
        """Return what counts at each position: the latest by lease and number (R-41)."""
        latest: dict[int, str] = {}
        for key in sorted(self.journal):
            position, value, _ = self.journal[key]
            if value is None:
                latest.pop(position, None)
            else:
                latest[position] = value
        return latest

    def grant(self, at: datetime, amount: timedelta, *, site_fault: bool) -> None:
        """Give it time."""
        self.life.grants.append(Grant(at, amount, in_proportion=not site_fault))
