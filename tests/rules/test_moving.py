"""Moving a sitting: until when, to which marks, on which seats."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.rules.planning.changes import GoalSeat, Unmovable, moved_marks, reseated, unmovable
from cbt.rules.states import SittingState

from .builders import clock, minutes

OPENS = clock("08:20")


@pytest.mark.parametrize(
    ("state", "at", "why"),
    [
        pytest.param(SittingState.DRAFT, "08:20", None, id="a draft, whatever the time"),
        pytest.param(SittingState.PUBLISHED, "08:19:59", None, id="a second before the doors"),
        pytest.param(SittingState.PUBLISHED, "08:20", Unmovable.ADMITTING, id="as the doors open"),
        pytest.param(SittingState.ADMITTING, "08:10", Unmovable.ADMITTING, id="doors opened early"),
        pytest.param(SittingState.RUNNING, "08:10", Unmovable.RUNNING, id="it runs"),
        pytest.param(SittingState.HELD, "09:10", Unmovable.RUNNING, id="it is held"),
        pytest.param(SittingState.CANCELLED, "08:10", Unmovable.OVER, id="cancelled"),
        pytest.param(SittingState.RELEASED, "08:10", Unmovable.OVER, id="released"),
    ],
)
def test_a_sitting_is_moved_until_its_check_in_opens(
    state: SittingState, at: str, why: Unmovable | None
) -> None:
    assert unmovable(state, check_in_opens_at=OPENS, now=clock(at)) is why


def test_marks_keep_their_distance_from_the_start() -> None:
    marks: dict[str, datetime] = {"report_at": clock("08:30"), "late_cutoff_at": clock("09:05")}
    moved = moved_marks(marks, start=clock("09:00"), to=clock("13:30"))
    assert moved == {"report_at": clock("13:00"), "late_cutoff_at": clock("13:35")}
    back = moved_marks(moved, start=clock("13:30"), to=clock("13:30") - minutes(270))
    assert back == marks


@pytest.mark.parametrize(
    ("held", "spares", "seats", "given_seats"),
    [
        pytest.param([1, 2], [], 6, {1: 1, 2: 2}, id="numbers are kept"),
        pytest.param([2, 6], [6], 6, {2: 2, 6: 6}, id="a spare one is kept, too"),
        pytest.param([1, 7, 9], [2], 4, {1: 1, 7: 3, 9: 4}, id="spares stay free"),
        pytest.param([3, 8, 9], [2], 3, {3: 3, 8: 1, 9: 2}, id="a spare where no other is left"),
        pytest.param([1, 2, 3], [], 2, None, id="too few"),
        pytest.param([], [], 0, {}, id="nobody"),
    ],
)
def test_people_keep_their_numbers_where_they_can(
    held: list[int], spares: list[int], seats: int, given_seats: dict[int, int] | None
) -> None:
    there = [GoalSeat(number, number in spares) for number in range(1, seats + 1)]
    assert reseated(held, there) == given_seats


@given(st.sets(st.integers(1, 60), max_size=40), st.dictionaries(st.integers(1, 60), st.booleans()))
def test_everybody_has_one_seat_or_nobody_moves(held: set[int], there: dict[int, bool]) -> None:
    found = reseated(held, [GoalSeat(number, spare) for number, spare in there.items()])
    if found is None:
        assert len(held) > len(there)
        return
    assert found.keys() == held
    assert len(set(found.values())) == len(held)
    assert set(found.values()) <= there.keys()
    assert all(found[number] == number for number in held & there.keys())
