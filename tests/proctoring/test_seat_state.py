"""What a seat of the board shows."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cbt.proctoring.board.seat_state import MARKS, TONES, SeatFacts, SeatState, seat_state, severity
from cbt.rules.states import State
from tests.helpers import utc

NOW = utc("2026-11-24T09:30:00+08:00")
EARLIER = NOW - timedelta(minutes=20)


def seen(seconds: float) -> SeatFacts:
    return SeatFacts(
        attempt_state=State.INTERACTING, pledged_at=EARLIER, seen_at=NOW - timedelta(seconds=seconds)
    )


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        pytest.param(SeatFacts(), "not_arrived", id="nobody came yet"),
        pytest.param(SeatFacts(arrived_at=EARLIER), "arrived", id="scanned at the door"),
        pytest.param(SeatFacts(arrived_at=EARLIER, pledged_at=EARLIER), "waiting", id="pledged, not begun"),
        pytest.param(
            SeatFacts(attempt_state=State.READY, pledged_at=EARLIER), "waiting", id="form drawn, not begun"
        ),
        pytest.param(SeatFacts(absent_at=EARLIER), "absent", id="marked absent"),
        pytest.param(
            SeatFacts(absent_at=EARLIER, attempt_state=State.READY), "absent", id="absent with a drawn form"
        ),
        pytest.param(seen(29.999), "answering", id="just under three heartbeats"),
        pytest.param(seen(30), "offline", id="three heartbeats missed"),
        pytest.param(
            SeatFacts(attempt_state=State.INTERACTING), "offline", id="begun and never heard of again"
        ),
        pytest.param(
            SeatFacts(attempt_state=State.UNITS_DONE, seen_at=NOW), "units_done", id="all units over"
        ),
        pytest.param(
            SeatFacts(attempt_state=State.UNITS_DONE, seen_at=EARLIER),
            "offline",
            id="all units over and silent",
        ),
        pytest.param(
            SeatFacts(attempt_state=State.SUSPENDED, seen_at=EARLIER),
            "suspended",
            id="silent while the clock stands is not offline",
        ),
        pytest.param(
            SeatFacts(attempt_state=State.INTERACTING, seen_at=EARLIER, move_allowed_at=NOW),
            "moving",
            id="told to move before it is heard again",
        ),
        pytest.param(
            SeatFacts(attempt_state=State.CLOSED, seen_at=EARLIER, move_allowed_at=EARLIER),
            "closed",
            id="closed wins over an open move",
        ),
        pytest.param(SeatFacts(attempt_state=State.SCORED), "closed", id="scored is closed"),
    ],
)
def test_a_seat_shows(facts: SeatFacts, state: str) -> None:
    assert seat_state(facts, now=NOW) == state


def test_every_state_has_a_shape_and_a_tone_of_its_own_shape() -> None:
    assert set(MARKS) == set(TONES) == set(SeatState)
    assert len(set(MARKS.values())) == len(SeatState)


def test_the_worst_comes_first_and_an_alert_right_after_those_offline() -> None:
    places = {state: severity(state, needs_care=False) for state in SeatState}
    alerted = severity(SeatState.ANSWERING, needs_care=True)
    assert min(places, key=places.__getitem__) == SeatState.OFFLINE
    assert (
        places[SeatState.OFFLINE]
        < alerted
        < min(place for state, place in places.items() if state is not SeatState.OFFLINE)
    )
    assert max(places, key=places.__getitem__) == SeatState.ABSENT
