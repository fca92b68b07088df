"""The clock of an attempt, its unit windows by a replay of facts, when doors open and answers count, silences.

All instants are aware UTC. Nothing is remembered between calls: holds, suspensions, adjustments and completed
units are append-only facts, and the clock is what follows from all of them in the order of their instants. A
fact entered late with an earlier instant (a backdated hold) therefore needs no special care.

While nothing has moved yet, the windows of a strict paper lie end to end from the candidate's start to the
paper's end. A pause shifts the window open at its beginning and all later ones by its length. An adjustment
lengthens the open window (补时), or the open and the unopened ones in proportion (延时, 加时).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from itertools import accumulate
from typing import Literal

from cbt.rules.exam import AdmissionPolicy, ClockPolicy

ZERO = timedelta(0)


class Spread(StrEnum):
    """Which windows an adjustment lengthens. Source: R-20, R-24."""

    AT_INSTANT = "at_instant"
    IN_PROPORTION = "in_proportion"


@dataclass(frozen=True, slots=True)
class Adjustment:
    """补时, 延时 or 加时: time given (or taken back, when negative) with effect from an instant."""

    at: datetime
    amount: timedelta
    spread: Spread = Spread.AT_INSTANT


@dataclass(frozen=True, slots=True)
class Pause:
    """A hold of the room or a suspension of one candidate; `to_at` is None until it is resumed."""

    from_at: datetime
    to_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class UnitEnd:
    """The candidate confirmed 完成本单元 for a unit (its place, from 1)."""

    unit: int
    at: datetime


@dataclass(frozen=True, slots=True)
class UnitWindow:
    """When a unit (its place, from 1) is open, or will be if none before it is left early."""

    unit: int
    from_at: datetime
    to_at: datetime


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the clock of one attempt follows from; instants are aware UTC.

    `factor` and `extra` are the candidate's accommodation, set before the start. `adjustments` holds those
    of the room and of the candidate. `windows` is empty when the paper's time is one pool.
    """

    room_started_at: datetime
    started_at: datetime
    duration: timedelta
    windows: tuple[timedelta, ...] = ()
    factor: Fraction = Fraction(1)
    extra: timedelta = ZERO
    holds: tuple[Pause, ...] = ()
    suspensions: tuple[Pause, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()
    units_done: tuple[UnitEnd, ...] = ()
    clock: ClockPolicy = field(default_factory=ClockPolicy)


@dataclass(frozen=True, slots=True)
class AttemptClock:
    """Where an attempt's clock stands.

    `closes_at` and `unit_ends_at` are None while suspended. `open_unit` counts from 1 and is None without
    windows or when every unit is over. `prior_unit` is set only when the window before ended by time: a
    save for it may still be on the wire. `unit_spans` holds (unit, opened_at, ended_at or None).
    """

    closes_at: datetime | None
    open_unit: int | None = None
    unit_opened_at: datetime | None = None
    unit_ends_at: datetime | None = None
    prior_unit: int | None = None
    prior_unit_ends_at: datetime | None = None
    units_done: bool = False
    suspended: bool = False
    unit_spans: tuple[tuple[int, datetime, datetime | None], ...] = ()


def present(facts: Facts, *, now: datetime, reached_at: datetime | None = None) -> datetime:
    """Return `now`, but no earlier than anything that has happened to the attempt already.

    Whoever waited for a lock holds a `now` that others have overtaken: a unit whose end is on record
    (`reached_at`), a hold, a confirmation. Replaying only what is older than such a `now` would undo them, and
    open a unit again whose time is over.

    Source: R-24, R-25.
    """
    happened = [
        facts.started_at,
        *(one.at for one in facts.adjustments),
        *(one.at for one in facts.units_done),
    ]
    for pause in (*facts.holds, *facts.suspensions):
        happened += [pause.from_at] if pause.to_at is None else [pause.from_at, pause.to_at]
    if reached_at is not None:
        happened.append(reached_at)
    return max(now, *happened)


def union(pauses: Iterable[Pause], *, from_at: datetime, now: datetime) -> list[Pause]:
    """Return the pauses known at `now` as disjoint ones in order, cut to begin no earlier than `from_at`.

    Only the last can be open (`to_at` None); one that ends after `now` is still open.

    Source: R-25.
    """
    merged: list[Pause] = []
    for pause in sorted(pauses, key=lambda pause: pause.from_at):
        begin = max(pause.from_at, from_at)
        end = pause.to_at if pause.to_at is not None and pause.to_at <= now else None
        if begin > now or (end is not None and end <= begin):
            continue
        former = merged[-1] if merged else None
        if former is None or (former.to_at is not None and former.to_at < begin):
            merged.append(Pause(begin, end))
        elif former.to_at is not None and (end is None or end > former.to_at):
            merged[-1] = Pause(former.from_at, end)
    return merged


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


# Times of admission and of an attempt: when doors open and close, which answers count, when to hand in.
#
# All instants are aware UTC; spans of time are half-open.


def report_at(planned_start: datetime, policy: AdmissionPolicy) -> datetime:
    """Return the time to report, printed on the ticket. Source: R-11."""
    return planned_start - policy.report


def check_in_opens_at(planned_start: datetime, policy: AdmissionPolicy) -> datetime:
    """Return from when candidates are checked in. Source: R-11."""
    return planned_start - policy.check_in_opens


def sign_in_opens_at(planned_start: datetime, policy: AdmissionPolicy) -> datetime:
    """Return from when candidates can sign in at their seats. Source: R-11, R-14."""
    return planned_start - policy.sign_in_opens


def late_cutoff_at(planned_start: datetime, policy: AdmissionPolicy) -> datetime:
    """Return the instant from which an arrival is barred. Source: R-11."""
    counted_from = report_at(planned_start, policy) if policy.late_from == "report_at" else planned_start
    return counted_from + policy.late_limit


@dataclass(frozen=True, slots=True)
class LateRule:
    """How the cut-off of a sitting is said: so long after the time to report, or after the start."""

    limit: timedelta
    counted_from: Literal["report_at", "start"]


def late_rule(*, planned_start: datetime, report_at: datetime, cutoff_at: datetime) -> LateRule:
    """Return how people are told the cut-off that a sitting enforces.

    A cut-off after the start is told from the start, an earlier one from the time to report: either names
    the same instant, whichever of the two it was worked out from.

    Source: R-11.
    """
    if cutoff_at > planned_start:
        return LateRule(cutoff_at - planned_start, "start")
    return LateRule(cutoff_at - report_at, "report_at")


COMMIT_MARGIN = timedelta(seconds=2)


def accepts_answers(
    now: datetime, *, opens_at: datetime, closes_at: datetime | None, grace: timedelta = ZERO
) -> bool:
    """Return whether an answer received at `now` counts.

    The span is half-open, so an answer at `closes_at` is late, and one at `closes_at` + `grace` is beyond
    the grace. While the clock stands (`closes_at` None) nothing is accepted.

    Source: R-21, R-25.
    """
    return closes_at is not None and opens_at <= now < closes_at + grace


def in_grace(now: datetime, *, closes_at: datetime | None, grace: timedelta) -> bool:
    """Return whether a save at `now` counts only because it was on the wire at the end. Source: R-21."""
    return closes_at is not None and closes_at <= now < closes_at + grace


def sweep_due(now: datetime, *, closes_at: datetime | None, grace: timedelta) -> bool:
    """Return whether an attempt may be closed by its deadline now: nothing can still be on its way.

    Source: R-21, R-28.
    """
    return closes_at is not None and closes_at + grace + COMMIT_MARGIN <= now


def earliest_submit_at(
    room_started_at: datetime,
    *,
    earliest: timedelta,
    holds: Sequence[Pause],
    outages: Sequence[Pause] = (),
    closes_at: datetime | None,
) -> datetime:
    """Return from when a candidate may hand in.

    Whole-room holds and outages that began before that moment move it by their length; an open hold does
    not yet (nobody can hand in during it). Individual pauses and extensions are not passed in here. The
    deadline wins when it comes first.

    Source: R-23.
    """
    earliest_at = room_started_at + earliest
    over = [pause for pause in (*holds, *outages) if pause.to_at is not None]
    last_at = max((pause.to_at for pause in over if pause.to_at is not None), default=room_started_at)
    for pause in union(over, from_at=room_started_at, now=last_at):
        if pause.to_at is not None and pause.from_at < earliest_at:
            earliest_at += pause.to_at - pause.from_at
    return earliest_at if closes_at is None else min(earliest_at, closes_at)


def may_submit(
    now: datetime, *, earliest_at: datetime, closes_at: datetime | None, closed_before_end: timedelta = ZERO
) -> bool:
    """Return whether 交卷 is allowed at `now`: refused a second early, accepted on the minute.

    At `closes_at` and after it there is nothing left to allow: the deadline closes the attempt.

    Source: R-21, R-23.
    """
    return closes_at is not None and earliest_at <= now < closes_at - closed_before_end


# What a silence calls for: of one machine, of a room, of the whole installation.
#
# All instants are aware UTC.

HEARTBEAT_EVERY = timedelta(seconds=10)
OFFLINE_AFTER = 3 * HEARTBEAT_EVERY
MASS_LOSS_WITHIN = timedelta(seconds=60)
MASS_LOSS_SEATS = 3
MASS_LOSS_PERCENT = 30

OUTAGE_FROM = timedelta(seconds=3)
OUTAGE_HOLD_AFTER = timedelta(seconds=60)


def is_offline(seen_at: datetime, now: datetime) -> bool:
    """Return whether three heartbeats in a row were missed. Source: R-26."""
    return now - seen_at >= OFFLINE_AFTER


def mass_loss(last_seen: Sequence[datetime], now: datetime, *, seats: int) -> datetime | None:
    """Return since when a room is without power or network, or None when it is not.

    `last_seen` holds the last heartbeat of each seat that should be working, `seats` how many there are.
    Losing at least 30 % of them, and at least three, within 60 s is a mass loss. Of the latest such run the
    instant returned is the last heartbeat of the seat that made it one, so that a straggler who drops out
    later does not shorten what the others get back.

    Source: R-25.
    """
    lost = sorted(seen_at for seen_at in last_seen if is_offline(seen_at, now))
    needed = max(MASS_LOSS_SEATS, -(-seats * MASS_LOSS_PERCENT // 100))
    for latest in reversed(lost):
        run = [seen_at for seen_at in lost if latest - MASS_LOSS_WITHIN <= seen_at <= latest]
        if len(run) >= needed:
            return run[needed - 1]
    return None


def compensation(gap_from: datetime, gap_to: datetime, *, usable: bool) -> timedelta:
    """Return the time to propose for a disconnection: none when one could go on answering.

    `gap_from` is the last heartbeat, `gap_to` the moment the page could be used again.

    Source: R-26.
    """
    return ZERO if usable else max(gap_to - gap_from, ZERO)


def unpaid(gap_from: datetime, gap_to: datetime, stood: Sequence[Pause], *, now: datetime) -> timedelta:
    """Return how much of a disconnection is left once what needs no compensation is taken out of it, each once.

    `stood` holds what the clock gave back already (holds, suspensions, outages) and when the candidate was out
    of the room; one that is not over counts until `now`.

    Source: R-13, R-25, R-26, R-27; I5.
    """
    left = gap_to - gap_from
    for pause in union(stood, from_at=gap_from, now=max(now, gap_to)):
        left -= max(min(pause.to_at or now, gap_to) - pause.from_at, ZERO)
    return max(left, ZERO)


def to_decide(length: timedelta, left: timedelta, *, usable: bool) -> bool:
    """Return whether somebody has to decide on a disconnection of `length`, of which `left` was not given back.

    One that nothing was given back of always is. Of the others there is nothing to decide when nothing is left, or
    when the page stayed usable and what is left is no lost connection by itself: the heartbeat before an outage
    and the try after it.

    Source: R-26, R-27.
    """
    if left >= length:
        return True
    return left >= OFFLINE_AFTER if usable else left > ZERO


@dataclass(frozen=True, slots=True)
class Interval:
    """What is over: from an instant to another."""

    from_at: datetime
    to_at: datetime


def without(spans: Iterable[Interval], taken: Iterable[Interval]) -> list[Interval]:
    """Return what is left of some spans once others are taken out of them, in order and each instant once."""
    left: list[Interval] = []
    for span in sorted(spans, key=lambda one: one.from_at):
        at = max(span.from_at, left[-1].to_at) if left else span.from_at
        for other in sorted(taken, key=lambda one: one.from_at):
            if other.from_at > at:
                left += _span(at, min(other.from_at, span.to_at))
            at = max(at, other.to_at)
        left += _span(at, span.to_at)
    return left


def _span(from_at: datetime, to_at: datetime) -> list[Interval]:
    return [Interval(from_at, to_at)] if from_at < to_at else []


class OutageKind(StrEnum):
    """What a gap in the deployment's heartbeat calls for."""

    NONE = "none"
    GIVE_BACK = "give_back"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class OutageVerdict:
    """What to do about a gap, and its length (zero for a heartbeat in the future)."""

    kind: OutageKind
    gap: timedelta


def outage_gap(heartbeat_at: datetime, now: datetime) -> OutageVerdict:
    """Return what the age of the deployment's heartbeat row calls for.

    Under 3 s nothing; 3 to 60 s the gap is given back as one adjustment; older holds the running rooms,
    and so does a heartbeat in the future. Clocks of two nodes differ a little, so only one that is 3 s or
    more ahead counts as in the future.

    Source: R-27.
    """
    gap = now - heartbeat_at
    if gap > OUTAGE_HOLD_AFTER or gap <= -OUTAGE_FROM:
        return OutageVerdict(OutageKind.HOLD, max(gap, ZERO))
    if gap >= OUTAGE_FROM:
        return OutageVerdict(OutageKind.GIVE_BACK, gap)
    return OutageVerdict(OutageKind.NONE, max(gap, ZERO))


def outage_left(heartbeat_at: datetime, now: datetime, own_work: Iterable[Interval]) -> OutageVerdict:
    """Return the same once what was the product's own doing is taken out of the gap.

    While a long act of its own kept everybody from writing, the server was there: whoever was answering went on,
    and what they wrote was sent when it was over. That is nobody's outage, and booked for no room.

    Source: R-27; I15.
    """
    verdict = outage_gap(heartbeat_at, now)
    if verdict.kind is OutageKind.NONE or heartbeat_at >= now:
        return verdict
    left = without([Interval(heartbeat_at, now)], own_work)
    gap = sum((one.to_at - one.from_at for one in left), ZERO)
    return outage_gap(now - gap, now)
