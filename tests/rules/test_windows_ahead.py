"""The windows that are open or to come, as a candidate is told them.

The skills paper of level 3 from 09:00: units of 10, 15, 10 and 10 minutes.
"""

from __future__ import annotations

from typing import Any

import pytest

from cbt.rules.clock import Spread, UnitEnd, clock_at, windows_ahead

from .builders import clock
from .clocks import CUT, LOST, facts, given_at, pause, theory_facts


@pytest.mark.parametrize(
    ("changes", "now", "expected"),
    [
        pytest.param(
            {}, "09:00", ["1 09:00–09:10", "2 09:10–09:25", "3 09:25–09:35", "4 09:35–09:45"], id="planned"
        ),
        pytest.param({}, "09:25", ["3 09:25–09:35", "4 09:35–09:45"], id="what is over is left out"),
        pytest.param({}, "10:00", ["4 09:35–09:45"], id="after the end the last one, as it was"),
        pytest.param(
            {"units_done": (UnitEnd(1, clock("09:04")),)},
            "09:05",
            ["2 09:04–09:25", "3 09:25–09:35", "4 09:35–09:45"],
            id="time left is carried",
        ),
        pytest.param(
            {"units_done": (UnitEnd(1, clock("09:04")),), "clock": LOST},
            "09:05",
            ["2 09:04–09:19", "3 09:19–09:29", "4 09:29–09:39"],
            id="time left is lost",
        ),
        pytest.param(
            {"started_at": clock("09:09")},
            "09:09",
            ["1 09:09–09:17", "2 09:17–09:29", "3 09:29–09:37", "4 09:37–09:45"],
            id="a late start is scaled",
        ),
        pytest.param(
            {"started_at": clock("09:15"), "clock": CUT},
            "09:15",
            ["1 09:15–09:25", "2 09:25–09:40", "3 09:40–09:45", "4 09:45–09:45"],
            id="a late start is cut",
        ),
        pytest.param(
            {"adjustments": (given_at("09:15", 10),)},
            "09:16",
            ["2 09:10–09:35", "3 09:35–09:45", "4 09:45–09:55"],
            id="time given to the open unit",
        ),
        pytest.param(
            {"adjustments": (given_at("09:25", 10, Spread.IN_PROPORTION),)},
            "09:26",
            ["3 09:25–09:40", "4 09:40–09:55"],
            id="time spread over what is left",
        ),
        pytest.param(
            {"holds": (pause("09:12", "09:15"),)},
            "09:16",
            ["2 09:10–09:28", "3 09:28–09:38", "4 09:38–09:48"],
            id="a pause moves what is open and to come",
        ),
    ],
)
def test_what_is_open_and_to_come(changes: dict[str, Any], now: str, expected: list[str]) -> None:
    known = facts(**changes)
    ahead = windows_ahead(known, now=clock(now))
    assert [f"{one.unit} {one.from_at:%H:%M}–{one.to_at:%H:%M}" for one in ahead] == expected
    seen = clock_at(known, now=clock(now))
    assert (ahead[0].unit, ahead[0].to_at) == (seen.open_unit, seen.unit_ends_at)


def test_nothing_is_ahead_once_all_is_done_or_without_windows() -> None:
    done = tuple(UnitEnd(unit, clock("09:05")) for unit in (1, 2, 3, 4))
    assert windows_ahead(facts(units_done=done), now=clock("09:06")) == []
    assert windows_ahead(theory_facts(), now=clock("09:06")) == []
