"""The life of a sitting, and of each of its rooms, as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from cbt.errors import Conflict, TextId


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
