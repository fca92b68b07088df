"""The one place that changes the state of an attempt: each change asks the table of its life.

Source: R-60.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Protocol, cast

from sqlalchemy import CursorResult, update
from sqlalchemy.orm import Session

from cbt.rules.clock import AttemptClock
from cbt.rules.states import Event, State, before, clock_events, next_attempt_state, reached_by
from cbt.runner.models import Attempt
from cbt.storage.write_queue.change_set import Rows

ACTIVE = before(Event.SUSPEND, Event.RESUME)
"""Begun and not over."""
RUNNING = before(Event.SUBMIT)
"""Begun, and no clock stands."""
OVER = before(Event.SCORE, Event.RESCORE)
"""Closed, scored or not."""


class HasState(Protocol):
    """An attempt's row, as the ORM or the save path holds it under lock."""

    state: str


def move(attempt: HasState, event: Event) -> None:
    """Let an event happen to an attempt whose row is locked; raise Conflict `attempt.transition`."""
    attempt.state = next_attempt_state(State(attempt.state), event).value


def follow(attempt: HasState, clock: AttemptClock) -> None:
    """Take an attempt to where its clock stands: running, suspended, or with all its units over.

    Source: R-24, R-25.
    """
    running = State.UNITS_DONE if clock.units_done else State.INTERACTING
    for event in clock_events(State(attempt.state), State.SUSPENDED if clock.suspended else running):
        move(attempt, event)


def move_all(session: Session, attempt_ids: Collection[int], event: Event) -> int:
    """Let an event happen to attempts at once, those to which it can; return how many moved."""
    moved = session.execute(
        update(Attempt)
        .where(Attempt.id.in_(attempt_ids), Attempt.state.in_(before(event)))
        .values(state=reached_by(event).value)
        .execution_options(synchronize_session=False)
    )
    return cast(CursorResult[Any], moved).rowcount


def moving_sealed(sealed: Sequence[tuple[int, str]], event: Event) -> Rows:
    """Return what lets an event happen to attempts by id, each where it can and the journal has this seal."""
    states = sorted(before(event))
    among = ", ".join("?" for _ in states)
    sql = f"UPDATE attempt SET state = ? WHERE id = ? AND journal_digest = ? AND state IN ({among})"
    to = reached_by(event)
    return Rows(sql, [(to, attempt_id, seal, *states) for attempt_id, seal in sealed], len(sealed))
