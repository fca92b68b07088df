"""认定管理协议: how long an agreement with a member unit holds, and when the office should think of the next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from cbt.rules.periods import last_day

YEARS = 1
WARNED_DAYS = (60, 30, 7)
"""How many days before its last an agreement is shown as running out."""


class AgreementStanding(StrEnum):
    """Where an agreement stands on a day: 未生效, 有效, 已到期, 已终止."""

    NOT_YET = "not_yet"
    IN_FORCE = "in_force"
    EXPIRED = "expired"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class AgreementTerm:
    """The term of an agreement: from its effective day, for some years, unless it was ended before.

    `ended_on` is the last day on which an agreement that was ended early still held.
    """

    effective_on: date
    years: int = YEARS
    ended_on: date | None = None

    @property
    def last_on(self) -> date:
        """The last day on which it holds.

        The effective day is not counted, so it is the same date next year.

        Source: R-71.
        """
        ends_on = last_day(self.effective_on, self.years)
        return ends_on if self.ended_on is None else min(ends_on, self.ended_on)

    def standing(self, on: date) -> AgreementStanding:
        """Return where it stands on a day. Source: R-71."""
        if on < self.effective_on:
            return AgreementStanding.NOT_YET
        if on <= self.last_on:
            return AgreementStanding.IN_FORCE
        ran_out = on > last_day(self.effective_on, self.years)
        return AgreementStanding.EXPIRED if ran_out else AgreementStanding.ENDED

    def in_force(self, *days: date) -> bool:
        """Say whether it holds on all of these days, such as the application's and the exam's. Source: R-71."""
        return all(self.standing(day) is AgreementStanding.IN_FORCE for day in days)

    def days_left(self, on: date) -> int:
        """Return how many days are left after a day; negative once it is over."""
        return (self.last_on - on).days

    def expires_within(self, on: date, marks: tuple[int, ...] = WARNED_DAYS) -> int | None:
        """Return the nearest mark of days within which an agreement in force runs out; None before all of them.

        Source: R-71.
        """
        if not self.in_force(on):
            return None
        return min((mark for mark in marks if self.days_left(on) <= mark), default=None)
