"""When the doors open and close: the instants before a start that the terms of admission give.

All instants are aware UTC; spans of time are half-open.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

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
