"""The plan of a room: how its numbers run, who is beside whom, what is near the door."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from cbt.errors import InvalidInput
from cbt.rules.planning.seat_plan import (
    LINE,
    MOST_COLUMNS,
    DoorCorner,
    RoomPlan,
    SeatNumbering,
    laid_out,
    plan_of,
    read_plan,
)


@pytest.mark.parametrize(
    ("numbering", "text"),
    [
        pytest.param(SeatNumbering.ROWS, "1 2 3\n4 5 6\n7 - -", id="along the rows"),
        pytest.param(SeatNumbering.ROWS_SNAKE, "1 2 3\n6 5 4\n7 - -", id="along the rows and back"),
        pytest.param(SeatNumbering.COLUMNS, "1 4 6\n2 5 7\n3 - -", id="along the columns"),
        pytest.param(SeatNumbering.COLUMNS_SNAKE, "1 5 6\n2 4 7\n3 - -", id="along the columns and back"),
    ],
)
def test_the_numbers_run_as_they_are_asked_to(numbering: SeatNumbering, text: str) -> None:
    assert RoomPlan(laid_out(7, 3, numbering)).text == text


def test_an_aisle_parts_neighbours_and_takes_no_number() -> None:
    plan = RoomPlan(laid_out(8, 4, aisles={2, 4}))
    assert plan.text == "1 2 - 3 4\n5 6 - 7 8"
    assert plan.neighbours(2) == {1, 6}
    assert plan.neighbours(7) == {3, 8}
    rows = [[(place.number, place.aisles) for place in row] for row in plan.drawn]
    assert rows[1] == [(5, 0), (6, 0), (7, 1), (8, 1)]


def test_neighbours_are_beside_before_and_behind_but_never_across_a_corner() -> None:
    plan = RoomPlan(laid_out(9, 3))
    assert plan.neighbours(5) == {2, 4, 6, 8}
    assert plan.neighbours(1) == {2, 4}


def test_where_the_rows_are_not_known_the_next_numbers_are_neighbours() -> None:
    plan = plan_of("", "", tuple(range(1, 12)))
    assert [len(row) for row in plan.cells] == [LINE, LINE]
    assert plan.neighbours(8) == {7, 9}
    assert plan.by_door([3, 1, 2]) == [1, 2, 3]
    assert not plan.near_door
    assert not plan.known


@pytest.mark.parametrize(
    ("door", "nearest"),
    [
        pytest.param(DoorCorner.FRONT_LEFT, [1, 2, 5, 3], id="front left"),
        pytest.param(DoorCorner.FRONT_RIGHT, [4, 3, 8, 2], id="front right"),
        pytest.param(DoorCorner.BACK_LEFT, [9, 5, 10, 1], id="back left"),
        pytest.param(DoorCorner.BACK_RIGHT, [12, 8, 11, 4], id="back right"),
    ],
)
def test_the_door_is_at_one_of_four_corners(door: DoorCorner, nearest: list[int]) -> None:
    plan = RoomPlan(laid_out(12, 4), door)
    assert plan.by_door(plan.numbers)[:4] == nearest
    assert set(nearest) <= plan.near_door
    assert len(plan.near_door) == 6


def test_a_seat_that_the_plan_does_not_name_stands_behind_it_and_one_that_is_gone_leaves_a_gap() -> None:
    plan = plan_of("1 2 3\n4 - 5", "back_right", (1, 2, 4, 5, 9))
    assert plan.text == "1 2 -\n4 - 5\n9 - -"
    assert RoomPlan(()).columns == 0


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("1 2\n2 3", "room.plan_twice", id="a number twice"),
        pytest.param("1 x", "room.plan_cell", id="a letter"),
        pytest.param("1 ２", "room.plan_cell", id="a wide digit"),
        pytest.param("0 1", "room.plan_cell", id="nought"),
        pytest.param("1000", "room.plan_cell", id="a number too large"),
        pytest.param("", "room.plan_size", id="nothing"),
        pytest.param("- -", "room.plan_size", id="gaps alone"),
        pytest.param(" ".join(map(str, range(1, MOST_COLUMNS + 2))), "room.plan_size", id="too wide"),
        pytest.param("\n".join(map(str, range(1, 42))), "room.plan_size", id="too deep"),
    ],
)
def test_what_is_no_plan_is_refused(text: str, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_plan(text)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("seats", "columns", "aisles"),
    [
        pytest.param(0, 5, (), id="no seat"),
        pytest.param(201, 20, (), id="too many seats"),
        pytest.param(30, 0, (), id="no column"),
        pytest.param(48, 24, (3,), id="too wide with its aisle"),
        pytest.param(100, 2, (), id="too many rows"),
    ],
)
def test_a_room_has_a_size(seats: int, columns: int, aisles: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInput) as refused:
        laid_out(seats, columns, aisles=aisles)
    assert refused.value.code == "room.plan_size"


@given(
    some.integers(1, 60),
    some.integers(2, 12),
    some.sampled_from(SeatNumbering),
    some.sets(some.integers(1, 12)),
)
def test_every_layout_reads_back_and_neighbours_know_each_other(
    seats: int, columns: int, numbering: SeatNumbering, aisles: set[int]
) -> None:
    plan = RoomPlan(laid_out(seats, columns, numbering, aisles))
    assert read_plan(plan.text) == plan.cells
    assert sorted(plan.numbers) == list(range(1, seats + 1))
    for number in plan.numbers:
        assert all(number in plan.neighbours(other) for other in plan.neighbours(number))
        assert number not in plan.neighbours(number)
