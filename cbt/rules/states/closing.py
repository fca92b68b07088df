"""Whether a room can be ended, and whether its numbers add up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RoomCounts:
    """How many registrations of a room stand where; each registration is counted once.

    `units_done` is 各单元已完成，等待交卷 and blocks like answering. `undecided` counts compensations,
    not people.
    """

    expected: int = 0
    absent: int = 0
    by_candidate: int = 0
    by_deadline: int = 0
    by_proctor: int = 0
    by_violation: int = 0
    by_evacuation: int = 0
    unanswered: int = 0
    not_signed_in: int = 0
    interacting: int = 0
    units_done: int = 0
    suspended: int = 0
    moving: int = 0
    undecided: int = 0


@dataclass(frozen=True, slots=True)
class Balance:
    """应考 = 实考 + 缺考, with what is left over when it does not hold (yet)."""

    expected: int
    present: int
    absent: int

    @property
    def difference(self) -> int:
        """应考 − 实考 − 缺考."""
        return self.expected - self.present - self.absent

    @property
    def balanced(self) -> bool:
        """Whether everybody is accounted for."""
        return self.difference == 0


@dataclass(frozen=True, slots=True)
class Blocker:
    """One reason why a room cannot be ended: the field of `RoomCounts`, or `unbalanced`, and how many."""

    reason: str
    count: int


_BLOCKING = ("not_signed_in", "interacting", "units_done", "suspended", "moving", "undecided")


def balance(counts: RoomCounts) -> Balance:
    """Return 应考, 实考 and 缺考 of a room.

    实考 = 考生交卷 + 到时收卷 + 强制收卷 + 违纪终止 + 疏散收卷 + 到场未作答.

    Source: R-61.
    """
    present = (
        counts.by_candidate
        + counts.by_deadline
        + counts.by_proctor
        + counts.by_violation
        + counts.by_evacuation
        + counts.unanswered
    )
    return Balance(expected=counts.expected, present=present, absent=counts.absent)


def can_end(counts: RoomCounts) -> list[Blocker]:
    """Return why a room cannot be ended, in the order in which to deal with it; empty when it can.

    Source: R-61.
    """
    blockers = [Blocker(reason, getattr(counts, reason)) for reason in _BLOCKING if getattr(counts, reason)]
    unfinished = (
        counts.not_signed_in + counts.interacting + counts.units_done + counts.suspended + counts.moving
    )
    missing = balance(counts).difference - unfinished
    return blockers + ([Blocker("unbalanced", missing)] if missing else [])
