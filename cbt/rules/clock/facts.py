"""What has happened to one attempt that its clock follows from, and what the clock then says.

Every fact is append-only and has an instant; all instants are aware UTC. The replay is in windows.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction

from cbt.rules.exam.policies import ClockPolicy

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
