"""How much time one person alone may give (R-62): named cases at ten minutes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cbt.rules.roles import SoloGrant, given_so_far, takes_two

HERE = frozenset({1, 2, 3})


def minutes(amount: float, *whom: int, compensation: bool = False) -> SoloGrant:
    """Time for some, or for the whole room when nobody is named."""
    return SoloGrant(timedelta(minutes=amount), frozenset(whom) or None, compensation)


@pytest.mark.parametrize(
    ("before", "new", "two"),
    [
        pytest.param([], minutes(10), False, id="the room, ten"),
        pytest.param([], minutes(10.02), True, id="the room, a second more"),
        pytest.param([minutes(6)], minutes(4), False, id="the room, six and four"),
        pytest.param([minutes(6)], minutes(5), True, id="the room, six and five"),
        pytest.param([], minutes(11, 1), True, id="one person, eleven"),
        pytest.param([minutes(10, 1)], minutes(10, 2), False, id="two people, ten each"),
        pytest.param([minutes(10, 1)], minutes(10, 2, 1), True, id="a selection with one who has ten"),
        pytest.param([minutes(6)], minutes(5, 1), True, id="the room and then one"),
        pytest.param([minutes(6, 1)], minutes(5), True, id="one and then the room"),
        pytest.param([minutes(4, 1), minutes(4, 2)], minutes(5), False, id="two of four each, and the room five"),
        pytest.param([minutes(4, 1), minutes(4, 2)], minutes(7, 3), False, id="two of four each, and another"),
        pytest.param([minutes(4, 1), minutes(4, 1, 2)], minutes(4, 1), True, id="three times four"),
        pytest.param([minutes(4, 1), minutes(4, 1, 2)], minutes(4, 2), False, id="the other has eight"),
        pytest.param([], minutes(15, 1, compensation=True), False, id="a long compensation"),
        pytest.param(
            [minutes(15, 1, compensation=True)], minutes(10, 1), False, id="ten beside a compensation"
        ),
        pytest.param(
            [minutes(15, 1, compensation=True), minutes(15, 2, compensation=True)],
            minutes(15, 3, compensation=True),
            True,
            id="the compensation after which everybody got fifteen",
        ),
        pytest.param(
            [minutes(15, 1, compensation=True), minutes(15, 2, compensation=True)],
            minutes(10, 3, compensation=True),
            False,
            id="the compensation after which everybody got ten",
        ),
        pytest.param(
            [minutes(8, 1, compensation=True), minutes(8, 2, compensation=True), minutes(8, 3, compensation=True)],
            minutes(3),
            True,
            id="compensations for all and then the room",
        ),
        pytest.param([minutes(9), minutes(5, 7)], minutes(1, 2), False, id="who is not reached does not count"),
    ],
)  # fmt: skip
def test_one_person_gives_ten_minutes_in_sum(before: list[SoloGrant], new: SoloGrant, two: bool) -> None:
    assert takes_two(before, new, answering=HERE) is two


def test_a_single_candidate_is_no_room() -> None:
    given = minutes(40, 1, compensation=True)
    assert not takes_two([], given, answering=frozenset({1}))


def test_order_makes_no_difference() -> None:
    acts = [minutes(4), minutes(3, 1), minutes(3, 1, 2)]
    for index, last in enumerate(acts):
        others = acts[:index] + acts[index + 1 :]
        reached = given_so_far(others, last)
        assert reached <= timedelta(minutes=10)
    assert given_so_far(acts, minutes(1, 1)) == timedelta(minutes=11)


def test_a_compensation_adds_nothing_to_what_was_given_by_hand() -> None:
    assert given_so_far([minutes(6, 1)], minutes(15, 1, compensation=True)) == timedelta(minutes=6)
    assert given_so_far([], minutes(15, 1, compensation=True)) == timedelta(0)
