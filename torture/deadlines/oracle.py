"""What must happen at an instant, worked out a second time and another way than the product does.

The product replays facts and shifts ends by instants. Here time is counted as the candidate lives it: spans
in which the clock stood are taken out first, ends are amounts of that active time, and only at last an end is
turned into an instant again. The two agree only if both are right.

Source: R-20 to R-25.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fractions import Fraction

US = timedelta(microseconds=1)
ZERO = timedelta(0)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a blueprint says about a paper's time; `windows` is empty when time is one pool."""

    duration: timedelta
    windows: tuple[timedelta, ...]
    grace: timedelta
    earliest: timedelta
    closed_before_end: timedelta
    carried: bool
    scaled: bool


@dataclass(frozen=True, slots=True)
class Stop:
    """The clock stood from one instant to another; a room's stop also moves the earliest submit."""

    from_at: datetime
    to_at: datetime
    room: bool


@dataclass(frozen=True, slots=True)
class Grant:
    """Time given at an instant: spread over what is left, or to the window open then."""

    at: datetime
    amount: timedelta
    in_proportion: bool
    moves_earliest: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """One unit as it was lived: when it opened and ended, and whether the candidate ended it."""

    unit: int
    opened_at: datetime
    ended_at: datetime
    confirmed: bool


@dataclass(slots=True)
class Life:
    """Everything that happens to one attempt's time."""

    terms: Terms
    room_started_at: datetime
    started_at: datetime
    factor: Fraction = Fraction(1)
    extra: timedelta = ZERO
    stops: list[Stop] = field(default_factory=list)
    grants: list[Grant] = field(default_factory=list)
    confirmed: list[tuple[int, datetime]] = field(default_factory=list)
    """(unit, instant) of every unit the candidate ended."""

    def closes_at(self) -> datetime:
        """Return the paper's end."""
        return self._wall(self._whole())

    def known(self, at: datetime) -> Life:
        """Return this life as far as anybody knows at an instant: what comes later moves no end yet."""
        stops = [stop for stop in self.stops if stop.to_at <= at]
        return replace(self, stops=stops, grants=[grant for grant in self.grants if grant.at <= at])

    def earliest_at(self) -> datetime:
        """Return from when the paper may be handed in; the paper's end wins."""
        moved_at = self.room_started_at + self.terms.earliest
        waits = [(stop.from_at, stop.to_at) for stop in self.stops if stop.room]
        waits += [(one.at, one.at + one.amount) for one in self.grants if one.moves_earliest]
        for from_at, to_at in _union(waits):
            if from_at < moved_at:
                moved_at += to_at - from_at
        return min(moved_at, self.closes_at())

    def units(self) -> list[Span]:
        """Return the units in order, each as it is lived; those the paper's end leaves no time are left out."""
        if not self.terms.windows:
            return []
        ends = self._first_ends()
        closes = self._whole()
        spans: list[Span] = []
        opened_at, index = self.started_at, 0
        for at, what in self._happenings():
            while index < len(ends) and ends[index] <= self._active(at) and ends[index] < closes:
                ended_at = self._wall(ends[index])
                spans.append(Span(index + 1, opened_at, ended_at, confirmed=False))
                opened_at, index = ended_at, index + 1
            if isinstance(what, Grant):
                first = index
                if first == len(ends) and spans and not spans[-1].confirmed:
                    last = spans.pop()
                    first, index, opened_at = index - 1, index - 1, last.opened_at
                self._stretch(ends, first, what)
            elif index == what - 1:
                if not self.terms.carried:
                    unused = ends[index] - self._active(at)
                    ends[index:] = [end - unused for end in ends[index:]]
                spans.append(Span(what, opened_at, at, confirmed=True))
                opened_at, index = at, index + 1
        while index < len(ends):
            ended_at = self._wall(min(ends[index], closes))
            spans.append(Span(index + 1, opened_at, ended_at, confirmed=False))
            if ends[index] >= closes:
                break
            opened_at, index = ended_at, index + 1
        return spans

    def paused(self, at: datetime) -> bool:
        """Return whether the clock stands at an instant."""
        return any(stop.from_at <= at < stop.to_at for stop in self.stops)

    def _whole(self) -> timedelta:
        whole = _floor(self.terms.duration, self.factor) + self.extra
        return whole + sum((one.amount for one in self.grants), ZERO)

    def _first_ends(self) -> list[timedelta]:
        granted = _floor(self.terms.duration, self.factor) + self.extra
        granted += sum((one.amount for one in self.grants if one.at < self.started_at), ZERO)
        began = self._active(self.started_at)
        room = max(granted - began, ZERO) if self.terms.scaled else granted
        total = sum(self.terms.windows, ZERO)
        reached = ZERO
        ends = []
        for window in self.terms.windows:
            reached += window
            ends.append(began + _floor(room, Fraction(reached // US, total // US)))
        return ends

    def _happenings(self) -> list[tuple[datetime, Grant | int]]:
        grants: list[tuple[datetime, Grant | int]] = [
            (one.at, one) for one in self.grants if one.at >= self.started_at
        ]
        done: list[tuple[datetime, Grant | int]] = [(at, unit) for unit, at in self.confirmed]
        return sorted([*grants, *done], key=lambda one: one[0])

    def _stretch(self, ends: list[timedelta], first: int, grant: Grant) -> None:
        now = self._active(grant.at)
        left = ends[-1] - now
        for index in range(first, len(ends)):
            if grant.in_proportion and left > ZERO:
                ends[index] = now + _floor(
                    ends[index] - now, Fraction((left + grant.amount) // US, left // US)
                )
            else:
                ends[index] += grant.amount

    def _active(self, at: datetime) -> timedelta:
        stood = ZERO
        for from_at, to_at in self._stops():
            stood += max(min(to_at, at) - from_at, ZERO)
        return at - self.room_started_at - stood

    def _wall(self, active: timedelta) -> datetime:
        """Return the first instant at which so much active time has gone by."""
        at = self.room_started_at + active
        for from_at, to_at in self._stops():
            if from_at < at:
                at += to_at - from_at
        return at

    def _stops(self) -> list[tuple[datetime, datetime]]:
        return _union([(stop.from_at, stop.to_at) for stop in self.stops])


def _floor(span: timedelta, by: Fraction) -> timedelta:
    return int(span // US * by) * US


def _union(spans: Sequence[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    merged: list[tuple[datetime, datetime]] = []
    for from_at, to_at in sorted(spans):
        if merged and from_at <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], to_at))
        else:
            merged.append((from_at, to_at))
    return merged
