"""Times of admission and of an attempt: when doors open and close, which answers count, when to hand in.

All instants are aware UTC; spans of time are half-open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from cbt.rules.clock.windows import ZERO, Pause, union
from cbt.rules.exam.policies import AdmissionPolicy


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
