"""The lives of attempts, sittings and rooms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.errors import Conflict
from cbt.rules import states as attempt
from cbt.rules.states import CLOSED_BY, ClosedBy, aggregate

Attempt, Happening = attempt.State, attempt.Event
Sitting, Act = attempt.SittingState, attempt.SittingEvent


def lives(start: Attempt, *events: Happening) -> Attempt:
    for event in events:
        start = attempt.next_attempt_state(start, event)
    return start


@pytest.mark.parametrize(
    ("events", "reached"),
    [
        pytest.param([Happening.START, Happening.SUBMIT, Happening.SCORE], Attempt.SCORED, id="handed in"),
        pytest.param([Happening.START, Happening.EXPIRE], Attempt.CLOSED, id="time is up"),
        pytest.param([Happening.EXPIRE], Attempt.CLOSED, id="never opened"),
        pytest.param(
            [Happening.START, Happening.SUSPEND, Happening.RESUME], Attempt.INTERACTING, id="paused"
        ),
        pytest.param(
            [Happening.START, Happening.SUSPEND, Happening.EVACUATE], Attempt.CLOSED, id="evacuated"
        ),
        pytest.param(
            [Happening.START, Happening.FINISH_UNITS, Happening.SUSPEND, Happening.FINISH_UNITS],
            Attempt.UNITS_DONE,
            id="paused after the units",
        ),
        pytest.param(
            [Happening.START, Happening.FINISH_UNITS, Happening.EXTEND],
            Attempt.INTERACTING,
            id="the last unit reopens",
        ),
        pytest.param(
            [Happening.START, Happening.SUBMIT, Happening.REOPEN, Happening.EXPIRE],
            Attempt.CLOSED,
            id="reopened",
        ),
        pytest.param(
            [Happening.START, Happening.SUBMIT, Happening.SCORE, Happening.REOPEN, Happening.SUBMIT],
            Attempt.CLOSED,
            id="reopened after its score, and handed in again",
        ),
        pytest.param(
            [Happening.START, Happening.SUBMIT, Happening.SCORE, Happening.RESCORE],
            Attempt.SCORED,
            id="rescored",
        ),
    ],
)
def test_an_attempt_goes_through_its_life(events: list[Happening], reached: Attempt) -> None:
    assert lives(Attempt.READY, *events) is reached


@pytest.mark.parametrize(
    ("state", "event"),
    [
        pytest.param(Attempt.READY, Happening.SUBMIT, id="handing in what was never opened"),
        pytest.param(Attempt.READY, Happening.SUSPEND, id="pausing what never ran"),
        pytest.param(Attempt.SUSPENDED, Happening.EXPIRE, id="nothing expires while paused"),
        pytest.param(Attempt.SUSPENDED, Happening.SUBMIT, id="nothing is handed in while paused"),
        pytest.param(Attempt.CLOSED, Happening.SUBMIT, id="one closing"),
        pytest.param(Attempt.CLOSED, Happening.EXPIRE, id="one closing, by time"),
        pytest.param(Attempt.CLOSED, Happening.RESCORE, id="rescoring the unscored"),
    ],
)
def test_what_cannot_happen_to_an_attempt_is_refused(state: Attempt, event: Happening) -> None:
    with pytest.raises(Conflict) as refused:
        attempt.next_attempt_state(state, event)
    assert refused.value.code == "attempt.transition"
    assert refused.value.params == {"state": state.value, "event": event.value}


@pytest.mark.parametrize(
    ("events", "states"),
    [
        pytest.param(
            [Happening.REOPEN], (Attempt.CLOSED, Attempt.SCORED), id="a reopening, whatever was scored"
        ),
        pytest.param([Happening.START], (Attempt.READY,), id="the first opening"),
        pytest.param(
            [Happening.SUBMIT, Happening.SUSPEND],
            (Attempt.INTERACTING, Attempt.UNITS_DONE),
            id="either of two",
        ),
        pytest.param([], (), id="nothing"),
    ],
)
def test_what_a_where_repeats_is_read_from_the_table(
    events: list[Happening], states: tuple[Attempt, ...]
) -> None:
    assert attempt.before(*events) == states


@pytest.mark.parametrize("event", [one for one in Happening if one is not Happening.RESCORE])
def test_an_event_leads_to_one_state(event: Happening) -> None:
    reached = attempt.reached_by(event)
    for state in attempt.before(event):
        assert attempt.next_attempt_state(state, event) is reached


@pytest.mark.parametrize(
    ("state", "reached", "events"),
    [
        pytest.param(Attempt.INTERACTING, Attempt.INTERACTING, (), id="where it is"),
        pytest.param(Attempt.READY, Attempt.INTERACTING, (Happening.START,), id="the first opening"),
        pytest.param(
            Attempt.READY,
            Attempt.UNITS_DONE,
            (Happening.START, Happening.FINISH_UNITS),
            id="opened when the units are over",
        ),
        pytest.param(Attempt.INTERACTING, Attempt.SUSPENDED, (Happening.SUSPEND,), id="paused"),
        pytest.param(Attempt.SUSPENDED, Attempt.INTERACTING, (Happening.RESUME,), id="going on"),
        pytest.param(
            Attempt.SUSPENDED, Attempt.UNITS_DONE, (Happening.FINISH_UNITS,), id="going on, units over"
        ),
        pytest.param(Attempt.UNITS_DONE, Attempt.INTERACTING, (Happening.EXTEND,), id="given time"),
    ],
)
def test_the_clock_moves_an_attempt_by_events_of_the_table(
    state: Attempt, reached: Attempt, events: tuple[Happening, ...]
) -> None:
    assert attempt.clock_events(state, reached) == events
    assert lives(state, *events) is reached


@pytest.mark.parametrize("state", [Attempt.CLOSED, Attempt.SCORED])
def test_no_clock_opens_what_is_closed(state: Attempt) -> None:
    with pytest.raises(Conflict) as refused:
        attempt.clock_events(state, Attempt.INTERACTING)
    assert refused.value.params == {"state": state.value, "event": "clock:interacting"}


def test_every_closing_is_attributed_to_somebody() -> None:
    closing = {
        event for (state, event), reached in attempt.ATTEMPT_TRANSITIONS.items() if reached is Attempt.CLOSED
    }
    assert closing == set(CLOSED_BY)
    assert set(CLOSED_BY.values()) == set(ClosedBy)


@given(st.lists(st.sampled_from(Happening)))
def test_a_closed_attempt_opens_only_by_being_reopened(events: list[Happening]) -> None:
    state = Attempt.READY
    for event in events:
        try:
            reached = attempt.next_attempt_state(state, event)
        except Conflict:
            continue
        if state in (Attempt.CLOSED, Attempt.SCORED) and reached not in (Attempt.CLOSED, Attempt.SCORED):
            assert event is Happening.REOPEN
        state = reached


@pytest.mark.parametrize(
    ("events", "reached"),
    [
        pytest.param(
            [Act.PUBLISH, Act.ADMIT, Act.START, Act.END, Act.SCORE, Act.RELEASE],
            Sitting.RELEASED,
            id="to the end",
        ),
        pytest.param([Act.PUBLISH, Act.ADMIT, Act.START, Act.HOLD, Act.RESUME], Sitting.RUNNING, id="held"),
        pytest.param([Act.PUBLISH, Act.ADMIT, Act.START, Act.HOLD, Act.END], Sitting.ENDED, id="evacuated"),
        pytest.param([Act.CANCEL], Sitting.CANCELLED, id="a draft cancelled"),
        pytest.param([Act.PUBLISH, Act.WITHDRAW], Sitting.DRAFT, id="publishing withdrawn"),
        pytest.param([Act.PUBLISH, Act.ADMIT, Act.CANCEL], Sitting.CANCELLED, id="cancelled while admitting"),
        pytest.param(
            [Act.PUBLISH, Act.ADMIT, Act.START, Act.ABORT, Act.SCORE], Sitting.SCORED, id="aborted, scored"
        ),
        pytest.param(
            [Act.PUBLISH, Act.ADMIT, Act.START, Act.HOLD, Act.ABORT], Sitting.ABORTED, id="aborted held"
        ),
    ],
)
def test_a_sitting_goes_through_its_life(events: list[Act], reached: Sitting) -> None:
    state = Sitting.DRAFT
    for event in events:
        state = attempt.next_sitting_state(state, event)
    assert state is reached


@pytest.mark.parametrize(
    ("state", "event"),
    [
        pytest.param(Sitting.RUNNING, Act.CANCEL, id="cancelling what runs"),
        pytest.param(Sitting.ADMITTING, Act.WITHDRAW, id="withdrawing what people arrive for"),
        pytest.param(Sitting.DRAFT, Act.WITHDRAW, id="withdrawing what was never published"),
        pytest.param(Sitting.RUNNING, Act.START, id="starting twice"),
        pytest.param(Sitting.PUBLISHED, Act.START, id="starting before anybody is let in"),
        pytest.param(Sitting.HELD, Act.HOLD, id="holding twice"),
        pytest.param(Sitting.ENDED, Act.RELEASE, id="releasing the unscored"),
        pytest.param(Sitting.ENDED, Act.HOLD, id="holding what ended"),
    ],
)
def test_what_cannot_happen_to_a_sitting_is_refused(state: Sitting, event: Act) -> None:
    with pytest.raises(Conflict) as refused:
        attempt.next_sitting_state(state, event)
    assert refused.value.code == "sitting.transition"
    assert refused.value.params["state"] == f"sittings.state.{state.value}", "told in words"


@pytest.mark.parametrize(
    ("rooms", "state"),
    [
        pytest.param([], Sitting.DRAFT, id="no room yet"),
        pytest.param([Sitting.ADMITTING, Sitting.RUNNING, Sitting.HELD], Sitting.RUNNING, id="one runs"),
        pytest.param([Sitting.ENDED, Sitting.HELD], Sitting.HELD, id="one is held"),
        pytest.param([Sitting.ENDED, Sitting.ADMITTING], Sitting.ADMITTING, id="one is behind"),
        pytest.param([Sitting.SCORED, Sitting.ENDED], Sitting.ENDED, id="one is unscored"),
        pytest.param([Sitting.CANCELLED, Sitting.SCORED], Sitting.SCORED, id="one was cancelled"),
        pytest.param([Sitting.ABORTED, Sitting.RELEASED], Sitting.RELEASED, id="one was aborted"),
        pytest.param([Sitting.CANCELLED, Sitting.ABORTED], Sitting.ABORTED, id="none is left"),
        pytest.param([Sitting.CANCELLED], Sitting.CANCELLED, id="all cancelled"),
    ],
)
def test_the_state_of_a_sitting_follows_from_its_rooms(rooms: list[Sitting], state: Sitting) -> None:
    assert aggregate(iter(rooms)) is state
