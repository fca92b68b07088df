"""The clock of one attempt, found by replaying the facts that move it.

Nothing here is remembered between calls: holds, suspensions, adjustments and completed units are
append-only facts, and the clock is what follows from all of them in the order of their instants. A fact
entered late with an earlier instant (a backdated hold) therefore needs no special care.

While nothing has moved yet, the windows of a strict paper lie end to end from the candidate's start to the
paper's end. A pause shifts the window open at its beginning and all later ones by its length. An adjustment
lengthens the open window (补时), or the open and the unopened ones in proportion (延时, 加时).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from fractions import Fraction
from itertools import accumulate

from cbt.rules.clock.facts import (
    ZERO,
    Adjustment,
    AttemptClock,
    Facts,
    Pause,
    Spread,
    UnitEnd,
    UnitWindow,
    union,
)

MICROSECOND = timedelta(microseconds=1)


def clock_at(facts: Facts, *, now: datetime) -> AttemptClock:
    """Return the clock of an attempt at `now`, from the facts whose instants are not after `now`.

    The paper closes at the room's start + duration × factor + extra + the union of all pauses + all
    adjustments; a pause that begins when the paper is already over gives nothing. With unused time carried
    the last window ends exactly when the paper does, and stays the open one from then on.

    Source: R-20, R-22, R-24, R-25, R-30.
    """
    return _replayed(facts, now).clock()


def windows_ahead(facts: Facts, *, now: datetime) -> list[UnitWindow]:
    """Return the open and the unopened windows as they stand at `now`: each ends on time, none is left early.

    Source: R-24.
    """
    replay = _replayed(facts, now)
    opened_at, windows = replay.spans[-1][1] if replay.spans else now, []
    for index in range(len(replay.ends) if replay.open is None else replay.open, len(replay.ends)):
        end_at = min(replay.ends[index], replay.closes_at)
        windows.append(UnitWindow(index + 1, min(opened_at, end_at), end_at))
        opened_at = end_at
    return windows


def scaled(span: timedelta, by: Fraction) -> timedelta:
    """Return a span times a fraction, down to the microsecond."""
    return MICROSECOND * int(span // MICROSECOND * by // 1)


_Fact = Pause | Adjustment | UnitEnd | None  # None marks the candidate's start


def _in_order(facts: Facts, now: datetime) -> list[_Fact]:
    """The facts known at `now` by effective instant, in an order that does not depend on how they came.

    At one instant: the start, units completed, pauses, adjustments.
    """
    done = sorted((one for one in facts.units_done if one.at <= now), key=lambda one: one.unit)
    pauses = union((*facts.holds, *facts.suspensions), from_at=facts.room_started_at, now=now)
    adjustments = sorted(
        (one for one in facts.adjustments if one.at <= now), key=lambda one: (one.spread, one.amount)
    )
    timed: list[tuple[datetime, _Fact]] = [(facts.started_at, None)]
    timed += [(one.at, one) for one in done]
    timed += [(one.from_at, one) for one in pauses]
    timed += [(one.at, one) for one in adjustments]
    return [fact for _, fact in sorted(timed, key=lambda one: one[0])]


def _replayed(facts: Facts, now: datetime) -> _Replay:
    replay = _Replay(facts, now)
    for fact in _in_order(facts, now):
        match fact:
            case Pause():
                replay.pause(fact)
            case Adjustment():
                replay.adjust(fact)
            case UnitEnd():
                replay.complete(fact)
            case _:
                replay.start()
    replay.advance(now)
    return replay


class _Replay:
    """The clock while the facts are gone through; windows are counted from 0 in here."""

    def __init__(self, facts: Facts, now: datetime) -> None:
        self.facts = facts
        self.now = now
        self.granted = scaled(facts.duration, facts.factor) + facts.extra
        self.closes_at = facts.room_started_at + self.granted
        self.ends: list[datetime] = []
        self.open: int | None = None
        self.timed_out: tuple[int, datetime] | None = None
        self.spans: list[tuple[int, datetime, datetime | None]] = []
        self.paused_until = facts.room_started_at
        self.stopped = False
        self.after_end: list[Pause] = []

    def start(self) -> None:
        """Lay the windows out: scaled into what is left of the paper, or at full length and cut."""
        if not self.facts.windows:
            return
        started_at = max(self.facts.started_at, self.facts.room_started_at)
        frozen = max(self.paused_until - started_at, ZERO)
        left = max(self.closes_at - frozen - started_at, ZERO)
        room = left if self.facts.clock.late_start == "scale" else self.granted
        reached = [span // MICROSECOND for span in accumulate(self.facts.windows)]
        self.ends = [started_at + frozen + scaled(room, Fraction(span, reached[-1])) for span in reached]
        self.open = 0
        self.spans = [(1, started_at, None)]

    def pause(self, pause: Pause) -> None:
        """Shift the window open at its beginning and all later ones by its length.

        One that begins after the paper's end counts once an adjustment moves the end beyond its beginning.
        """
        self.advance(pause.from_at)
        if pause.from_at >= self.closes_at:
            self.after_end.append(pause)
            return
        ended_at = self.now if pause.to_at is None else pause.to_at
        self.closes_at += ended_at - pause.from_at
        for index in self._unfinished():
            self.ends[index] += ended_at - pause.from_at
        self.paused_until = ended_at
        self.stopped = pause.to_at is None

    def adjust(self, adjustment: Adjustment) -> None:
        """Lengthen the open window and shift the later ones, or stretch all of them in proportion."""
        self.advance(adjustment.at)
        self.closes_at += adjustment.amount
        if self.ends:
            self._move_windows(adjustment)
        else:
            self.granted += adjustment.amount
        reached, self.after_end = self.after_end, []
        for pause in reached:
            self.pause(pause)

    def _move_windows(self, adjustment: Adjustment) -> None:
        self._take_up_last_window()
        since = max(adjustment.at, self.paused_until)
        left = self.ends[-1] - since
        for index in self._unfinished():
            if adjustment.spread is Spread.IN_PROPORTION and left > ZERO:
                stretch = Fraction((left + adjustment.amount) // MICROSECOND, left // MICROSECOND)
                self.ends[index] = since + scaled(self.ends[index] - since, stretch)
            else:
                self.ends[index] += adjustment.amount
            if adjustment.amount < ZERO:  # what is taken back cannot end a window in the past
                self.ends[index] = max(self.ends[index], since)

    def complete(self, done: UnitEnd) -> None:
        """Leave a unit early; a confirmation that comes after the unit's end changes nothing."""
        self.advance(done.at)
        if self.open != done.unit - 1 or done.at >= self.closes_at:
            return
        if self.facts.clock.unused_time == "lost":
            unused = self.ends[self.open] - max(done.at, self.paused_until)
            for index in self._unfinished():
                self.ends[index] -= unused
        self._leave(self.open, done.at)
        self.timed_out = None

    def advance(self, to_at: datetime) -> None:
        """Let the windows end whose time was up by an instant; the paper's own end is not one of them."""
        while self.open is not None:
            index, ended_at = self.open, self.ends[self.open]
            if ended_at > to_at or ended_at >= self.closes_at:
                return
            self._leave(index, ended_at)
            self.timed_out = (index, ended_at)

    def clock(self) -> AttemptClock:
        """Return what the facts so far amount to."""
        closes_at = None if self.stopped else self.closes_at
        if not self.ends:
            return AttemptClock(closes_at=closes_at, suspended=self.stopped)
        prior = self.timed_out
        return AttemptClock(
            closes_at=closes_at,
            open_unit=None if self.open is None else self.open + 1,
            unit_opened_at=None if self.open is None else self.spans[-1][1],
            unit_ends_at=(
                None if self.open is None or closes_at is None else min(self.ends[self.open], closes_at)
            ),
            prior_unit=None if prior is None else prior[0] + 1,
            prior_unit_ends_at=None if prior is None else prior[1],
            units_done=self.open is None,
            suspended=self.stopped,
            unit_spans=tuple(self.spans),
        )

    def _unfinished(self) -> range:
        return range(len(self.ends) if self.open is None else self.open, len(self.ends))

    def _leave(self, index: int, at: datetime) -> None:
        self.spans[-1] = (index + 1, self.spans[-1][1], at)
        self.open = index + 1 if index + 1 < len(self.ends) else None
        if self.open is not None:
            self.spans.append((self.open + 1, at, None))

    def _take_up_last_window(self) -> None:
        """Reopen the last window when its time, not the candidate, ended it."""
        last = len(self.ends) - 1
        if self.open is None and self.timed_out is not None and self.timed_out[0] == last:
            self.open, self.timed_out = last, None
            self.spans[-1] = (last + 1, self.spans[-1][1], None)
