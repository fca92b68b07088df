"""What time allows: whether an answer counts, when one may hand in, when the doors open and close.

All instants are aware UTC; spans of time are half-open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from cbt.rules.clock.windows import (
    Adjustment,
    AttemptClock,
    Facts,
    Pause,
    Spread,
    UnitDone,
    clock_at,
    present,
    union,
)
from cbt.rules.exam.policies import AdmissionPolicy

__all__ = [
    "COMMIT_MARGIN",
    "HEARTBEAT_EVERY",
    "Adjustment",
    "AttemptClock",
    "Facts",
    "LateRule",
    "OutageKind",
    "OutageVerdict",
    "Pause",
    "Spread",
    "UnitDone",
    "accepts_answers",
    "check_in_opens_at",
    "clock_at",
    "compensation",
    "earliest_submit_at",
    "in_grace",
    "is_offline",
    "late_cutoff_at",
    "late_rule",
    "mass_loss",
    "may_submit",
    "outage_gap",
    "present",
    "report_at",
    "sign_in_opens_at",
    "sweep_due",
    "to_decide",
    "unpaid",
]

ZERO = timedelta(0)
COMMIT_MARGIN = timedelta(seconds=2)

HEARTBEAT_EVERY = timedelta(seconds=10)
OFFLINE_AFTER = 3 * HEARTBEAT_EVERY
MASS_LOSS_WITHIN = timedelta(seconds=60)
MASS_LOSS_SEATS = 3
MASS_LOSS_PERCENT = 30

OUTAGE_FROM = timedelta(seconds=3)
OUTAGE_HOLD_AFTER = timedelta(seconds=60)


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
