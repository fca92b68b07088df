"""The life of a sitting, and of each of its rooms, as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from cbt.errors import Conflict


class State(StrEnum):
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


SittingState = State


class Event(StrEnum):
    """What can happen to a sitting or a sitting-room. Source: R-60."""

    PUBLISH = "publish"
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
TRANSITIONS: Mapping[tuple[State, Event], State] = {
    (State.DRAFT, Event.PUBLISH): State.PUBLISHED,
    (State.DRAFT, Event.CANCEL): State.CANCELLED,
    (State.PUBLISHED, Event.ADMIT): State.ADMITTING,
    (State.PUBLISHED, Event.CANCEL): State.CANCELLED,
    (State.ADMITTING, Event.START): State.RUNNING,
    (State.ADMITTING, Event.CANCEL): State.CANCELLED,
    (State.RUNNING, Event.HOLD): State.HELD,
    (State.RUNNING, Event.END): State.ENDED,
    (State.RUNNING, Event.ABORT): State.ABORTED,
    (State.HELD, Event.RESUME): State.RUNNING,
    (State.HELD, Event.END): State.ENDED,
    (State.HELD, Event.ABORT): State.ABORTED,
    (State.ABORTED, Event.SCORE): State.SCORED,
    (State.ENDED, Event.SCORE): State.SCORED,
    (State.SCORED, Event.RELEASE): State.RELEASED,
}

_OVER_EARLY = frozenset({State.CANCELLED, State.ABORTED})


def next_state(state: State, event: Event) -> State:
    """Return where an event takes a sitting; raise Conflict `sitting.transition` where it cannot happen.

    Source: R-60.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise Conflict("sitting.transition", state=state.value, event=event.value) from None


def aggregate(room_states: Iterable[State]) -> SittingState:
    """Return the state of a sitting from its rooms'.

    It runs while any room runs, else it is held while any is; otherwise the room that is furthest behind
    decides. Cancelled and aborted rooms count only when there is no other; aborted wins between the two.
    A sitting without rooms is a draft.

    Source: R-7, R-60.
    """
    states = list(room_states)
    going = [state for state in states if state not in _OVER_EARLY]
    for state in (State.RUNNING, State.HELD):
        if state in going:
            return state
    if going:
        return min(going, key=list(State).index)
    if State.ABORTED in states:
        return State.ABORTED
    return State.CANCELLED if states else State.DRAFT
