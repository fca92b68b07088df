"""The life of an application: the ways it can go, and that all else is refused."""

from __future__ import annotations

import pytest

from cbt.errors import Conflict
from cbt.rules.states import (
    BY_UNIT,
    EDITABLE,
    FINISHED,
    TRANSITIONS,
    ApplicationEvent,
    ApplicationState,
    events_of,
    next_application_state,
)

E, S = ApplicationEvent, ApplicationState


@pytest.mark.parametrize(
    ("events", "reached"),
    [
        pytest.param([E.SUBMIT, E.ACCEPT, E.SCHEDULE, E.COMPLETE], S.DONE, id="from draft to done"),
        pytest.param([E.SUBMIT, E.SEND_BACK, E.SUBMIT, E.ACCEPT], S.ACCEPTED, id="completed and accepted"),
        pytest.param([E.SUBMIT, E.SEND_BACK, E.WITHDRAW], S.WITHDRAWN, id="withdrawn instead of completed"),
        pytest.param([E.SUBMIT, E.REFUSE], S.REFUSED, id="refused"),
        pytest.param([E.SUBMIT, E.ACCEPT, E.RECONSIDER], S.SUBMITTED, id="accepted by mistake"),
        pytest.param([E.SUBMIT, E.ACCEPT, E.SCHEDULE, E.UNSCHEDULE], S.ACCEPTED, id="its batch is cancelled"),
    ],
)
def test_an_application_goes_the_way_of_its_events(events: list[E], reached: S) -> None:
    state = S.DRAFT
    for event in events:
        state = next_application_state(state, event)
    assert state is reached


def test_what_is_not_in_the_table_is_refused() -> None:
    refused = 0
    for state in S:
        for event in E:
            if (state, event) not in TRANSITIONS:
                with pytest.raises(Conflict, match=r"application\.transition"):
                    next_application_state(state, event)
                refused += 1
    assert refused == len(S) * len(E) - len(TRANSITIONS)


def test_what_is_finished_goes_nowhere_and_all_else_does() -> None:
    assert {state for state in S if not events_of(state)} == FINISHED
    reached, ahead = {S.DRAFT}, [S.DRAFT]
    while ahead:
        state = ahead.pop()
        new = {TRANSITIONS[state, event] for event in events_of(state)} - reached
        reached |= new
        ahead += new
    assert reached == set(S)


def test_a_unit_writes_and_sends_while_it_may_and_decides_nothing() -> None:
    for state in S:
        assert set(events_of(state, by_unit=True)) == set(events_of(state)) & BY_UNIT
        assert (state in EDITABLE) == (E.SUBMIT in events_of(state))
