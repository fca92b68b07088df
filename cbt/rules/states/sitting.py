"""The purpose and the states of a sitting and its rooms, and the balance that lets a room end.

A sitting is held for an examination (正式), a trial of the day (试考), or practice (练习). How it is taken
(on machines, on paper) is another question: that is its mode (R-5).

Source: R-60, R-61.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from cbt.errors import Conflict, TextId


class Purpose(StrEnum):
    """What a sitting is held for."""

    OFFICIAL = "official"
    TRIAL = "trial"
    PRACTICE = "practice"

    @property
    def counts(self) -> bool:
        """Whether what happens in it is of consequence: results, release, retakes, violations of other papers.

        Source: R-4, R-60.
        """
        return self is Purpose.OFFICIAL


class SittingState(StrEnum):
    """Where a sitting or a sitting-room stands, in the order they are passed. Source: R-60."""

    DRAFT = "draft"
    PUBLISHED = "published"
    ADMITTING = "admitting"
    RUNNING = "running"
    HELD = "held"
    ENDED = "ended"
    SCORED = "scored"
    RELEASED = "released"
    CANCELLED = "cancelled"
    ABORTED = "aborted"


BEFORE_THE_START = frozenset({SittingState.DRAFT, SittingState.PUBLISHED, SittingState.ADMITTING})
"""While a sitting, or a room of it, stands so, people can still come to it and its plan be mended."""

OVER = frozenset(
    {
        SittingState.ENDED,
        SittingState.SCORED,
        SittingState.RELEASED,
        SittingState.CANCELLED,
        SittingState.ABORTED,
    }
)
"""A room that stands so is behind us: ended, aborted, cancelled or later."""


class SittingEvent(StrEnum):
    """What can happen to a sitting or a sitting-room. Source: R-60."""

    PUBLISH = "publish"
    WITHDRAW = "withdraw"
    ADMIT = "admit"
    START = "start"
    HOLD = "hold"
    RESUME = "resume"
    END = "end"
    SCORE = "score"
    RELEASE = "release"
    CANCEL = "cancel"
    ABORT = "abort"


# An evacuated room is ended while it is held; an aborted one is scored only when chief and officer decide so.
# Publishing is withdrawn until the check-in opens, which is the clock's to say and not the table's.
TRANSITIONS: Mapping[tuple[SittingState, SittingEvent], SittingState] = {
    (SittingState.DRAFT, SittingEvent.PUBLISH): SittingState.PUBLISHED,
    (SittingState.DRAFT, SittingEvent.CANCEL): SittingState.CANCELLED,
    (SittingState.PUBLISHED, SittingEvent.WITHDRAW): SittingState.DRAFT,
    (SittingState.PUBLISHED, SittingEvent.ADMIT): SittingState.ADMITTING,
    (SittingState.PUBLISHED, SittingEvent.CANCEL): SittingState.CANCELLED,
    (SittingState.ADMITTING, SittingEvent.START): SittingState.RUNNING,
    (SittingState.ADMITTING, SittingEvent.CANCEL): SittingState.CANCELLED,
    (SittingState.RUNNING, SittingEvent.HOLD): SittingState.HELD,
    (SittingState.RUNNING, SittingEvent.END): SittingState.ENDED,
    (SittingState.RUNNING, SittingEvent.ABORT): SittingState.ABORTED,
    (SittingState.HELD, SittingEvent.RESUME): SittingState.RUNNING,
    (SittingState.HELD, SittingEvent.END): SittingState.ENDED,
    (SittingState.HELD, SittingEvent.ABORT): SittingState.ABORTED,
    (SittingState.ABORTED, SittingEvent.SCORE): SittingState.SCORED,
    (SittingState.ENDED, SittingEvent.SCORE): SittingState.SCORED,
    (SittingState.SCORED, SittingEvent.RELEASE): SittingState.RELEASED,
}

_OVER_EARLY = frozenset({SittingState.CANCELLED, SittingState.ABORTED})


def next_state(state: SittingState, event: SittingEvent) -> SittingState:
    """Return where an event takes a sitting; raise Conflict `sitting.transition` where it cannot happen.

    Source: R-60.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        said = TextId(f"sittings.state.{state.value}")
        raise Conflict("sitting.transition", state=said, event=event.value) from None


def aggregate(room_states: Iterable[SittingState]) -> SittingState:
    """Return the state of a sitting from its rooms'.

    It runs while any room runs, else it is held while any is; otherwise the room that is furthest behind
    decides. Cancelled and aborted rooms count only when there is no other; aborted wins between the two.
    A sitting without rooms is a draft.

    Source: R-7, R-60.
    """
    states = list(room_states)
    going = [state for state in states if state not in _OVER_EARLY]
    for state in (SittingState.RUNNING, SittingState.HELD):
        if state in going:
            return state
    if going:
        return min(going, key=list(SittingState).index)
    if SittingState.ABORTED in states:
        return SittingState.ABORTED
    return SittingState.CANCELLED if states else SittingState.DRAFT


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
