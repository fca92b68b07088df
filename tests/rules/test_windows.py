"""Units that open and end by themselves or by the candidate.

The skills paper of level 3 from 09:00: units of 10, 15, 10 and 10 minutes, so planned to end at 09:10,
09:25, 09:35 and 09:45.
"""

from fractions import Fraction
from typing import Any

import pytest

from cbt.rules.clock import UnitEnd, clock_at

from .builders import clock, minutes
from .clocks import CUT, LOST, ends, facts


@pytest.mark.parametrize(
    ("now", "unit", "ends_at"),
    [
        pytest.param("09:00", 1, "09:10", id="the start"),
        pytest.param("09:09:59.999999", 1, "09:10", id="a microsecond before the end of unit 1"),
        pytest.param("09:10", 2, "09:25", id="the end of unit 1"),
        pytest.param("09:25", 3, "09:35", id="the end of unit 2"),
        pytest.param("09:44:59", 4, "09:45", id="a second before the end"),
        pytest.param("09:45", 4, "09:45", id="the end: the last unit does not move on"),
        pytest.param("12:00", 4, "09:45", id="long after the end"),
    ],
)
def test_units_follow_each_other_without_a_browser(now: str, unit: int, ends_at: str) -> None:
    seen = clock_at(facts(), now=clock(now))
    assert (seen.open_unit, seen.unit_ends_at) == (unit, clock(ends_at))
    assert seen.closes_at == clock("09:45")
    assert not seen.units_done


def test_a_unit_opens_when_the_former_ends() -> None:
    seen = clock_at(facts(), now=clock("09:30"))
    assert seen.unit_opened_at == clock("09:25")
    assert seen.unit_spans == (
        (1, clock("09:00"), clock("09:10")),
        (2, clock("09:10"), clock("09:25")),
        (3, clock("09:25"), None),
    )


def test_a_unit_that_ended_by_time_can_still_have_a_save_on_the_wire() -> None:
    seen = clock_at(facts(), now=clock("09:10:01"))
    assert (seen.prior_unit, seen.prior_unit_ends_at) == (1, clock("09:10"))


def test_a_completed_unit_takes_no_more_saves() -> None:
    seen = clock_at(facts(units_done=(UnitEnd(1, clock("09:05")),)), now=clock("09:05:01"))
    assert (seen.open_unit, seen.prior_unit, seen.prior_unit_ends_at) == (2, None, None)


def test_time_left_of_a_unit_is_carried_to_the_next() -> None:
    seen = clock_at(facts(units_done=(UnitEnd(1, clock("09:05")),)), now=clock("09:06"))
    assert (seen.open_unit, seen.unit_opened_at, seen.unit_ends_at) == (2, clock("09:05"), clock("09:25"))
    assert seen.closes_at == clock("09:45")


def test_time_left_of_a_unit_is_lost_where_the_blueprint_says_so() -> None:
    early = facts(clock=LOST, units_done=(UnitEnd(1, clock("09:05")),))
    assert ends(early, "09:39:59") == ["09:05", "09:20", "09:30", "09:40"]
    assert clock_at(early, now=clock("09:06")).closes_at == clock("09:45")


def test_with_time_lost_the_units_are_over_before_the_paper() -> None:
    seen = clock_at(facts(clock=LOST, units_done=(UnitEnd(1, clock("09:05")),)), now=clock("09:40"))
    assert (seen.open_unit, seen.units_done, seen.closes_at) == (None, True, clock("09:45"))
    assert (seen.prior_unit, seen.prior_unit_ends_at) == (4, clock("09:40"))
    assert (seen.unit_opened_at, seen.unit_ends_at) == (None, None)


def test_completing_the_last_unit_leaves_only_handing_in() -> None:
    done = tuple(UnitEnd(unit, clock(f"09:0{unit}")) for unit in (1, 2, 3, 4))
    seen = clock_at(facts(units_done=done), now=clock("09:04"))
    assert (seen.open_unit, seen.units_done, seen.prior_unit) == (None, True, None)
    assert seen.closes_at == clock("09:45")


@pytest.mark.parametrize(
    ("unit", "at"),
    [
        pytest.param(2, "09:05", id="a unit that is not open yet"),
        pytest.param(1, "09:10", id="a confirmation at the end of the unit"),
        pytest.param(1, "09:12", id="a confirmation after the end"),
    ],
)
def test_a_confirmation_for_another_unit_changes_nothing(unit: int, at: str) -> None:
    assert ends(facts(clock=LOST, units_done=(UnitEnd(unit, clock(at)),))) == ends(facts())


def test_the_last_unit_cannot_be_completed_after_the_paper() -> None:
    seen = clock_at(facts(units_done=(UnitEnd(4, clock("09:45")),)), now=clock("09:45:01"))
    assert (seen.open_unit, seen.units_done) == (4, False)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param(
            {"started_at": clock("09:15")}, ["09:21:40", "09:31:40", "09:38:20", "09:45"], id="scaled"
        ),
        pytest.param({"started_at": clock("09:15"), "clock": CUT}, ["09:25", "09:40", "09:45"], id="cut"),
        pytest.param(
            {"started_at": clock("08:59")}, ["09:10", "09:25", "09:35", "09:45"], id="before the room"
        ),
        pytest.param(
            {"factor": Fraction(4, 3)}, ["09:13:20", "09:33:20", "09:46:40"], id="a third more time"
        ),
        pytest.param({"extra": minutes(9)}, ["09:12", "09:30", "09:42", "09:54"], id="nine minutes more"),
    ],
)
def test_windows_are_laid_out_from_the_candidates_start(changes: dict[str, Any], expected: list[str]) -> None:
    assert ends(facts(**changes)) == expected


def test_a_cut_unit_is_the_open_one_at_the_end_and_the_rest_never_opens() -> None:
    late = facts(started_at=clock("09:15"), clock=CUT)
    seen = clock_at(late, now=clock("09:50"))
    assert (seen.open_unit, seen.unit_ends_at) == (3, clock("09:45"))
    assert [unit for unit, _, _ in seen.unit_spans] == [1, 2, 3]


def test_who_starts_after_the_end_has_no_time() -> None:
    seen = clock_at(facts(started_at=clock("09:50")), now=clock("09:50"))
    assert (seen.closes_at, seen.unit_ends_at) == (clock("09:45"), clock("09:45"))
