"""What a silence calls for: of one machine, of a room, of the whole installation.

All instants are aware UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from cbt.rules.clock.windows import ZERO, Pause, union

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
