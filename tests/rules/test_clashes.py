"""What a plan may not hold at once: tables at the edges, and pairs found whatever the order and number."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.rules.door import overlaps, too_close
from cbt.rules.planning.clashes import (
    Gravity,
    LevelShape,
    OffShape,
    RoomDuty,
    Use,
    clashes,
    double_duties,
    fullness,
    hull,
    off_shape,
)

from .builders import clock, minutes

NINE = clock("09:00")
MORNING = (NINE, clock("09:45"))


@pytest.mark.parametrize(
    ("starts", "found"),
    [
        pytest.param("09:44", [True], id="they overlap"),
        pytest.param("09:45", [False], id="back to back"),
        pytest.param("09:59", [False], id="14 minutes between"),
        pytest.param("10:00", [], id="15 minutes between"),
        pytest.param("08:00", [], id="long before"),
    ],
)
def test_two_uses_of_one_person_keep_their_distance(starts: str, found: list[bool]) -> None:
    other = (clock(starts), clock(starts) + minutes(45))
    assert [one.overlapping for one in clashes([Use(1, 10, MORNING), Use(1, 11, other)])] == found
    assert clashes([Use(1, 10, MORNING), Use(2, 11, other)]) == []


spans = st.tuples(st.integers(0, 40), st.integers(1, 12)).map(
    lambda at: (NINE + minutes(5 * at[0]), NINE + minutes(5 * (at[0] + at[1])))
)


@given(st.lists(st.tuples(st.integers(1, 3), spans), max_size=12))
def test_every_near_pair_is_found_once(drawn: list[tuple[int, tuple[object, object]]]) -> None:
    uses = [Use(who, number, span) for number, (who, span) in enumerate(drawn)]  # type: ignore[arg-type]
    told = [frozenset((one.first.what, one.second.what)) for one in clashes(uses)]
    pairs = [(a, b) for a in uses for b in uses if a.what < b.what and a.who == b.who]
    assert len(told) == len(set(told))
    assert set(told) == {frozenset((a.what, b.what)) for a, b in pairs if too_close(a.span, b.span)}
    first_is_first = [one.first.span[0] <= one.second.span[0] for one in clashes(uses)]
    assert all(first_is_first)
    assert all(one.overlapping == overlaps(one.first.span, one.second.span) for one in clashes(uses))


def duty(room: int, *, at: str = "09:00", staff: int = 1, centre: int = 1, chief: bool = False) -> RoomDuty:
    start = clock(at)
    span = (start, start + minutes(45))
    return RoomDuty(
        staff,
        sitting_room=100 + room,
        room=room,
        centre=centre,
        chief=chief,
        busy=(start - timedelta(minutes=40), span[1]),
        span=span,
    )


@pytest.mark.parametrize(
    ("other", "gravity"),
    [
        pytest.param(duty(2), Gravity.STOP, id="two rooms at once"),
        pytest.param(duty(2, staff=2), None, id="another person"),
        pytest.param(duty(1), None, id="the same room"),
        pytest.param(duty(2, chief=True), None, id="chief of the centre"),
        pytest.param(duty(2, chief=True, centre=2), Gravity.STOP, id="chief in another centre"),
        pytest.param(duty(2, at="09:44"), Gravity.STOP, id="one minute in common"),
        pytest.param(duty(2, at="10:24"), Gravity.WARN, id="at the doors while the other runs"),
        pytest.param(duty(2, at="10:25"), None, id="doors open as the other ends"),
    ],
)
def test_nobody_runs_two_rooms_at_once(other: RoomDuty, gravity: Gravity | None) -> None:
    found = double_duties([other, duty(1)])
    assert [one.gravity for one in found] == ([gravity] if gravity else [])
    assert all(one.first.span <= one.second.span for one in found)


def test_a_chief_of_one_centre_may_be_a_proctor_there_whichever_comes_first() -> None:
    assert double_duties([replace(duty(1), chief=True), duty(2)]) == []


@pytest.mark.parametrize(
    ("people", "gravity"),
    [
        pytest.param(28, None, id="spares stay free"),
        pytest.param(29, Gravity.WARN, id="one on a spare"),
        pytest.param(30, Gravity.WARN, id="every seat"),
        pytest.param(31, Gravity.STOP, id="one too many"),
    ],
)
def test_a_room_holds_as_many_as_it_has_seats(people: int, gravity: Gravity | None) -> None:
    assert fullness(people=people, seats=30, spares=2) is gravity


SHAPE = {"l3": LevelShape(7, frozenset({"theory"}))}


@pytest.mark.parametrize(
    ("blueprint", "version", "paper", "found"),
    [
        pytest.param("l3", 7, "theory", None, id="of the batch"),
        pytest.param("l2", 7, "theory", (OffShape.LEVEL, Gravity.STOP), id="another level"),
        pytest.param("l3", 7, "skills", (OffShape.PAPER, Gravity.STOP), id="another paper"),
        pytest.param("l3", 6, "theory", (OffShape.VERSION, Gravity.WARN), id="an earlier version"),
    ],
)
def test_a_registration_is_of_its_batch(blueprint: str, version: int, paper: str, found: object) -> None:
    assert off_shape(SHAPE, blueprint=blueprint, version=version, paper=paper) == found
    assert off_shape({}, blueprint=blueprint, version=version, paper=paper) is None


def test_a_hull_spans_all() -> None:
    assert hull([MORNING, (clock("08:30"), clock("09:10"))]) == (clock("08:30"), clock("09:45"))
