"""The life of an attempt, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from cbt.errors import Conflict


class State(StrEnum):
    """Where an attempt stands. Source: R-60."""

    READY = "ready"
    INTERACTING = "interacting"
    SUSPENDED = "suspended"
    UNITS_DONE = "units_done"
    CLOSED = "closed"
    SCORED = "scored"


class Event(StrEnum):
    """What can happen to an attempt. Source: R-60."""

    START = "start"
    SUSPEND = "suspend"
    RESUME = "resume"
    FINISH_UNITS = "finish_units"
    EXTEND = "extend"
    SUBMIT = "submit"
    EXPIRE = "expire"
    FORCE_SUBMIT = "force_submit"
    TERMINATE = "terminate"
    EVACUATE = "evacuate"
    REOPEN = "reopen"
    SCORE = "score"
    RESCORE = "rescore"


class ClosedBy(StrEnum):
    """Who or what closed an attempt. Source: R-60, R-61."""

    CANDIDATE = "candidate"
    DEADLINE = "deadline"
    PROCTOR = "proctor"
    VIOLATION = "violation"
    EVACUATION = "evacuation"


CLOSED_BY: Mapping[Event, ClosedBy] = {
    Event.SUBMIT: ClosedBy.CANDIDATE,
    Event.EXPIRE: ClosedBy.DEADLINE,
    Event.FORCE_SUBMIT: ClosedBy.PROCTOR,
    Event.TERMINATE: ClosedBy.VIOLATION,
    Event.EVACUATE: ClosedBy.EVACUATION,
}

# An attempt nobody opened (到场未作答) is closed by the same events, but can be neither submitted nor
# suspended. While suspended nothing expires and nothing is handed in. Resuming an attempt whose units are
# over takes FINISH_UNITS instead of RESUME, and an adjustment that opens its last unit again is EXTEND. What
# was closed is scored at once, so a 误交卷 is nearly always reopened from SCORED: its score stays on record, and
# the next closing is scored anew.
TRANSITIONS: Mapping[tuple[State, Event], State] = {
    (State.READY, Event.START): State.INTERACTING,
    (State.READY, Event.EXPIRE): State.CLOSED,
    (State.READY, Event.FORCE_SUBMIT): State.CLOSED,
    (State.READY, Event.TERMINATE): State.CLOSED,
    (State.READY, Event.EVACUATE): State.CLOSED,
    (State.INTERACTING, Event.SUSPEND): State.SUSPENDED,
    (State.INTERACTING, Event.FINISH_UNITS): State.UNITS_DONE,
    (State.INTERACTING, Event.SUBMIT): State.CLOSED,
    (State.INTERACTING, Event.EXPIRE): State.CLOSED,
    (State.INTERACTING, Event.FORCE_SUBMIT): State.CLOSED,
    (State.INTERACTING, Event.TERMINATE): State.CLOSED,
    (State.INTERACTING, Event.EVACUATE): State.CLOSED,
    (State.UNITS_DONE, Event.SUSPEND): State.SUSPENDED,
    (State.UNITS_DONE, Event.EXTEND): State.INTERACTING,
    (State.UNITS_DONE, Event.SUBMIT): State.CLOSED,
    (State.UNITS_DONE, Event.EXPIRE): State.CLOSED,
    (State.UNITS_DONE, Event.FORCE_SUBMIT): State.CLOSED,
    (State.UNITS_DONE, Event.TERMINATE): State.CLOSED,
    (State.UNITS_DONE, Event.EVACUATE): State.CLOSED,
    (State.SUSPENDED, Event.RESUME): State.INTERACTING,
    (State.SUSPENDED, Event.FINISH_UNITS): State.UNITS_DONE,
    (State.SUSPENDED, Event.FORCE_SUBMIT): State.CLOSED,
    (State.SUSPENDED, Event.TERMINATE): State.CLOSED,
    (State.SUSPENDED, Event.EVACUATE): State.CLOSED,
    (State.CLOSED, Event.REOPEN): State.INTERACTING,
    (State.CLOSED, Event.SCORE): State.SCORED,
    (State.SCORED, Event.REOPEN): State.INTERACTING,
    (State.SCORED, Event.RESCORE): State.SCORED,
}


def next_state(state: State, event: Event) -> State:
    """Return where an event takes an attempt; raise Conflict `attempt.transition` where it cannot happen.

    Source: R-60.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise Conflict("attempt.transition", state=state.value, event=event.value) from None


def before(*events: Event) -> tuple[State, ...]:
    """Return the states in which one of `events` can happen, in their order: what a `where` has to repeat.

    Source: R-60.
    """
    return tuple(state for state in State if any((state, event) in TRANSITIONS for event in events))


def reached_by(event: Event) -> State:
    """Return the one state an event leads to, wherever it happens: what a bulk update writes.

    Source: R-60.
    """
    (reached,) = {state for (_, happening), state in TRANSITIONS.items() if happening is event}
    return reached


def clock_events(state: State, reached: State) -> tuple[Event, ...]:
    """Return what happens to an attempt whose clock says that it is in `reached` now; nothing when it is.

    The first opening is a START, whatever the clock says of the units by then. Raises Conflict
    `attempt.transition` where no clock leads: a closed attempt has to be reopened first.

    Source: R-24, R-25, R-60.
    """
    if state is reached:
        return ()
    if state is State.READY:
        return (Event.START, *clock_events(next_state(state, Event.START), reached))
    for event in _CLOCK_EVENTS:
        if TRANSITIONS.get((state, event)) is reached:
            return (event,)
    raise Conflict("attempt.transition", state=state.value, event=f"clock:{reached.value}")


_CLOCK_EVENTS = (Event.SUSPEND, Event.RESUME, Event.FINISH_UNITS, Event.EXTEND)
