"""The choices a blueprint makes that differ between exam halls, with the shipped values as defaults."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import Literal


@dataclass(frozen=True, slots=True)
class SubmitPolicy:
    """When a candidate may hand in: not before `earliest`, and not in the last `closed_before_end`.

    Source: R-23.
    """

    earliest: timedelta = timedelta(minutes=30)
    closed_before_end: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class ClockPolicy:
    """How hard the minutes of a unit are, and the transport grace for what was on the wire.

    Source: R-21, R-24.
    """

    unit_timing: Literal["strict", "pooled"] = "strict"
    unused_time: Literal["carried", "lost"] = "carried"
    late_start: Literal["scale", "cut"] = "scale"
    grace: timedelta = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class AdmissionPolicy:
    """When the doors open and close, as lengths of time before the planned start.

    `late_limit` counts after `late_from`: the time to report, or the start.

    Source: R-11, R-13, R-14.
    """

    check_in_opens: timedelta = timedelta(minutes=40)
    report: timedelta = timedelta(minutes=30)
    sign_in_opens: timedelta = timedelta(minutes=20)
    late_limit: timedelta = timedelta(minutes=15)
    late_from: Literal["report_at", "start"] = "report_at"
    sign_in_needs_check_in: bool = True
    leave_allowed: bool = True


@dataclass(frozen=True, slots=True)
class RetakePolicy:
    """How long a failed paper may be retaken alone, and from when the years count.

    Source: R-4.
    """

    years: int = 2
    window_from: Literal["release", "exam"] = "release"
    absent_may_retake: bool = False


@dataclass(frozen=True, slots=True)
class DifficultyMix:
    """The shares of difficulty 1 to 5 in a form, as whole numbers in proportion.

    Source: R-8.
    """

    shares: tuple[int, int, int, int, int] = (1, 2, 4, 2, 1)

    @property
    def mean(self) -> Fraction:
        """The mean difficulty of a form with exactly these shares."""
        return Fraction(sum(level * share for level, share in enumerate(self.shares, 1)), sum(self.shares))
