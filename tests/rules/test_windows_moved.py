"""Pauses and adjustments, and what they move.

The skills paper of level 3 from 09:00: units of 10, 15, 10 and 10 minutes, so planned to end at 09:10,
09:25, 09:35 and 09:45.
"""

from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from cbt.rules.clock import Adjustment, AttemptClock, Spread, UnitEnd, clock_at, present, scaled, union

from .builders import clock, minutes
from .clocks import CUT, LOST, ends, facts, given_at, pause, theory_facts


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param(
            {"holds": (pause("09:05", "09:08"),)}, ["09:13", "09:28", "09:38", "09:48"], id="in unit 1"
        ),
        pytest.param(
            {"holds": (pause("09:12", "09:15"),)}, ["09:10", "09:28", "09:38", "09:48"], id="in unit 2"
        ),
        pytest.param(
            {"holds": (pause("09:10", "09:13"),)}, ["09:10", "09:28", "09:38", "09:48"], id="between"
        ),
        pytest.param(
            {"suspensions": (pause("09:12", "09:15"),)},
            ["09:10", "09:28", "09:38", "09:48"],
            id="one candidate",
        ),
        pytest.param(
            {"holds": (pause("09:12", "09:14"),), "suspensions": (pause("09:13", "09:15"),)},
            ["09:10", "09:28", "09:38", "09:48"],
            id="overlapping ones count once",
        ),
        pytest.param(
            {"holds": (pause("09:01", "09:02"), pause("09:12", "09:14"))},
            ["09:11", "09:28", "09:38", "09:48"],
            id="one after the other",
        ),
        pytest.param(
            {"holds": (pause("09:03", "09:06"),), "started_at": clock("09:06")},
            ["09:15:20", "09:29:20", "09:38:40", "09:48"],
            id="before a late start: the room's end moves, what is left is scaled",
        ),
        pytest.param(
            {"holds": (pause("09:00", "09:03"),), "started_at": clock("09:01")},
            ["09:13", "09:28", "09:38", "09:48"],
            id="around a late start",
        ),
        pytest.param(
            {"holds": (pause("09:08", "09:05"),)}, ["09:10", "09:25", "09:35", "09:45"], id="backwards"
        ),
        pytest.param(
            {"holds": (pause("08:50", "08:55"),)}, ["09:10", "09:25", "09:35", "09:45"], id="too early"
        ),
        pytest.param(
            {"holds": (pause("08:50", "09:03"),)}, ["09:13", "09:28", "09:38", "09:48"], id="from before"
        ),
    ],
)
def test_a_pause_gives_its_time_back_once(changes: dict[str, Any], expected: list[str]) -> None:
    assert ends(facts(**changes), "09:46:59") == expected


@pytest.mark.parametrize("now", ["09:05", "09:20", "12:00"])
def test_while_paused_nothing_ends(now: str) -> None:
    held = facts(holds=(pause("09:05"),))
    assert clock_at(held, now=clock(now)) == AttemptClock(
        closes_at=None,
        open_unit=1,
        unit_opened_at=clock("09:00"),
        unit_ends_at=None,
        suspended=True,
        unit_spans=((1, clock("09:00"), None),),
    )


def test_a_pause_that_ends_later_is_still_open() -> None:
    held = facts(holds=(pause("09:05", "09:08"),))
    assert clock_at(held, now=clock("09:07:59.999999")).suspended
    assert not clock_at(held, now=clock("09:08")).suspended


def test_a_candidate_stays_suspended_when_the_room_goes_on() -> None:
    both = facts(holds=(pause("09:05", "09:08"),), suspensions=(pause("09:06"),))
    assert clock_at(both, now=clock("09:10")).suspended


def test_a_room_held_after_the_paper_ended_gives_it_nothing() -> None:
    held = theory_facts(holds=(pause("09:45", "09:50"), pause("09:52")))
    assert clock_at(held, now=clock("09:55")) == AttemptClock(closes_at=clock("09:45"))


def test_a_backdated_hold_reopens_what_time_had_ended() -> None:
    at_the_time = clock_at(facts(), now=clock("09:12"))
    assert at_the_time.open_unit == 2
    backdated = clock_at(facts(holds=(pause("09:08"),)), now=clock("09:12"))
    assert (backdated.open_unit, backdated.suspended) == (1, True)
    resumed = clock_at(facts(holds=(pause("09:08", "09:14"),)), now=clock("09:14"))
    assert (resumed.open_unit, resumed.unit_ends_at) == (1, clock("09:16"))


@pytest.mark.parametrize(
    ("adjustments", "expected"),
    [
        pytest.param([given_at("09:12", 5)], ["09:10", "09:30", "09:40", "09:50"], id="in unit 2"),
        pytest.param([given_at("09:10", 5)], ["09:10", "09:30", "09:40", "09:50"], id="at its beginning"),
        pytest.param([given_at("09:09:59", 5)], ["09:15", "09:30", "09:40", "09:50"], id="just before it"),
        pytest.param(
            [given_at("09:15", 6, Spread.IN_PROPORTION)],
            ["09:10", "09:27", "09:39", "09:51"],
            id="in proportion",
        ),
        pytest.param(
            [given_at("09:00", 9, Spread.IN_PROPORTION)],
            ["09:12", "09:30", "09:42", "09:54"],
            id="in proportion from the start",
        ),
        pytest.param(
            [given_at("08:59", 9)], ["09:12", "09:30", "09:42", "09:54"], id="before the start, all of them"
        ),
        pytest.param(
            [given_at("09:12", 5), given_at("09:12", -5)],
            ["09:10", "09:25", "09:35", "09:45"],
            id="taken back",
        ),
    ],
)
def test_an_adjustment_lengthens_what_is_open_and_moves_the_rest(
    adjustments: list[Adjustment], expected: list[str]
) -> None:
    adjusted = facts(adjustments=tuple(adjustments))
    assert ends(adjusted, "09:44:59") == expected
    assert clock_at(adjusted, now=clock("09:44")).closes_at == clock(expected[-1])


def test_an_adjustment_on_the_very_end_gives_the_last_unit_its_time() -> None:
    for spread in Spread:
        seen = clock_at(facts(adjustments=(given_at("09:45", 5, spread),)), now=clock("09:45"))
        assert (seen.open_unit, seen.unit_ends_at, seen.closes_at) == (4, clock("09:50"), clock("09:50"))


def test_time_given_before_a_start_that_is_cut_lengthens_every_unit() -> None:
    cut = facts(clock=CUT, adjustments=(given_at("08:59", 9),), started_at=clock("09:09"))
    assert ends(cut) == ["09:21", "09:39", "09:51"]
    assert clock_at(cut, now=clock("09:52")).unit_ends_at == clock("09:54")


def test_an_adjustment_is_not_known_before_its_instant() -> None:
    assert clock_at(facts(adjustments=(given_at("09:12", 5),)), now=clock("09:11")).closes_at == clock(
        "09:45"
    )


def test_time_taken_back_ends_no_unit_in_the_past() -> None:
    shortened = facts(adjustments=(given_at("09:24", -5),))
    seen = clock_at(shortened, now=clock("09:24"))
    assert (seen.open_unit, seen.unit_opened_at, seen.unit_ends_at) == (3, clock("09:24"), clock("09:30"))
    assert seen.closes_at == clock("09:40")


def test_in_proportion_during_a_pause_counts_from_its_end() -> None:
    both = facts(holds=(pause("09:15", "09:20"),), adjustments=(given_at("09:17", 6, Spread.IN_PROPORTION),))
    assert ends(both, "09:55:59") == ["09:10", "09:32", "09:44", "09:56"]


def test_time_granted_after_the_end_reopens_the_last_unit() -> None:
    for spread in Spread:
        late = facts(adjustments=(given_at("09:47", 10, spread),))
        seen = clock_at(late, now=clock("09:47"))
        assert (seen.open_unit, seen.unit_ends_at, seen.closes_at) == (4, clock("09:55"), clock("09:55"))


def test_with_time_lost_an_adjustment_reopens_a_last_unit_that_ended_by_time() -> None:
    early = (UnitEnd(1, clock("09:05")),)
    adjusted = facts(clock=LOST, units_done=early, adjustments=(given_at("09:41", 5),))
    seen = clock_at(adjusted, now=clock("09:41"))
    assert (seen.open_unit, seen.unit_ends_at, seen.prior_unit) == (4, clock("09:45"), None)
    assert seen.unit_spans[-1] == (4, clock("09:30"), None)


def test_an_adjustment_never_reopens_a_unit_the_candidate_completed() -> None:
    done = tuple(UnitEnd(unit, clock(f"09:0{unit}")) for unit in (1, 2, 3, 4))
    seen = clock_at(facts(units_done=done, adjustments=(given_at("09:06", 5),)), now=clock("09:07"))
    assert (seen.open_unit, seen.units_done, seen.closes_at) == (None, True, clock("09:50"))


def test_a_pause_after_the_units_moves_only_the_paper() -> None:
    done = tuple(UnitEnd(unit, clock(f"09:0{unit}")) for unit in (1, 2, 3, 4))
    seen = clock_at(facts(units_done=done, holds=(pause("09:10", "09:15"),)), now=clock("09:16"))
    assert (seen.units_done, seen.closes_at) == (True, clock("09:50"))
    held = clock_at(facts(units_done=done, holds=(pause("09:10"),)), now=clock("09:16"))
    assert (held.units_done, held.suspended, held.closes_at) == (True, True, None)


def test_a_unit_completed_within_a_backdated_hold_stays_completed() -> None:
    done = (UnitEnd(1, clock("09:06")),)
    carried = facts(holds=(pause("09:05", "09:08"),), units_done=done)
    assert ends(carried, "09:47") == ["09:06", "09:28", "09:38", "09:48"]
    lost = facts(holds=(pause("09:05", "09:08"),), units_done=done, clock=LOST)
    assert ends(lost, "09:42") == ["09:06", "09:23", "09:33", "09:43"]


@pytest.mark.parametrize(
    ("changes", "closes_at"),
    [
        pytest.param({}, "09:45", id="as planned"),
        pytest.param({"started_at": clock("09:20")}, "09:45", id="a late starter keeps the room's end"),
        pytest.param({"factor": Fraction(13, 10)}, "09:58:30", id="a factor"),
        pytest.param({"extra": minutes(10)}, "09:55", id="extra minutes"),
        pytest.param(
            {
                "factor": Fraction(4, 3),
                "holds": (pause("09:10", "09:12"),),
                "adjustments": (given_at("09:01", 3),),
            },
            "10:05",
            id="everything together",
        ),
    ],
)
def test_a_pooled_paper_closes_at_the_sum_of_its_parts(changes: dict[str, Any], closes_at: str) -> None:
    assert clock_at(theory_facts(**changes), now=clock("09:30")) == AttemptClock(closes_at=clock(closes_at))


def test_a_pooled_paper_can_be_suspended() -> None:
    held = theory_facts(suspensions=(pause("09:10"),))
    assert clock_at(held, now=clock("09:10")) == AttemptClock(closes_at=None, suspended=True)


def test_pauses_are_joined_where_they_touch_or_overlap() -> None:
    given = [
        pause("09:20"),
        pause("09:05", "09:07"),
        pause("09:07", "09:08"),
        pause("09:06", "09:07"),
        pause("09:25"),
    ]
    joined = union(given, from_at=clock("09:00"), now=clock("09:30"))
    assert joined == [pause("09:05", "09:08"), pause("09:20")]


def test_a_fraction_of_a_span_is_cut_to_the_microsecond() -> None:
    third: datetime = clock("09:00") + scaled(timedelta(seconds=1), Fraction(1, 3))
    assert third.microsecond == 333_333


@pytest.mark.parametrize(
    ("changes", "reached_at", "expected"),
    [
        pytest.param({}, None, "09:05", id="nothing has happened since"),
        pytest.param({"started_at": clock("09:06")}, None, "09:06", id="opened meanwhile"),
        pytest.param({"units_done": (UnitEnd(1, clock("09:07")),)}, None, "09:07", id="a unit confirmed"),
        pytest.param({"adjustments": (given_at("09:08", 5),)}, None, "09:08", id="time given"),
        pytest.param({"holds": (pause("09:09"),)}, None, "09:09", id="held"),
        pytest.param({"suspensions": (pause("09:01", "09:10"),)}, None, "09:10", id="paused and going on"),
        pytest.param({}, "09:10", "09:10", id="a unit's end on record"),
    ],
)
def test_a_now_that_others_have_overtaken_is_brought_up(
    changes: dict[str, Any], reached_at: str | None, expected: str
) -> None:
    end = None if reached_at is None else clock(reached_at)
    assert present(facts(**changes), now=clock("09:05"), reached_at=end) == clock(expected)
