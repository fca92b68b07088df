"""A hold that begins after a paper's end counts once a grant moves the end beyond its beginning (R-20, R-25)."""

from __future__ import annotations

from typing import Any

import pytest

from cbt.rules.clock import AttemptClock, Facts, Spread, clock_at

from .builders import clock
from .clocks import facts, given_at, pause, theory_facts


@pytest.mark.parametrize("known", [theory_facts, facts], ids=["pooled", "strict"])
@pytest.mark.parametrize(
    ("changes", "closes_at"),
    [
        pytest.param(
            {"holds": (pause("09:50", "10:00"),)}, "09:45", id="no grant: the hold is nothing to it"
        ),
        pytest.param(
            {"holds": (pause("09:50", "10:00"),), "adjustments": (given_at("09:55", 10),)},
            "10:05",
            id="granted during the hold",
        ),
        pytest.param(
            {"holds": (pause("09:50", "10:00"),), "adjustments": (given_at("09:45", 10),)},
            "10:05",
            id="granted as of the end: the same",
        ),
        pytest.param(
            {"holds": (pause("09:50", "10:00"),), "adjustments": (given_at("10:00", 10),)},
            "10:05",
            id="granted after the hold: the same",
        ),
        pytest.param(
            {
                "holds": (pause("09:50", "10:00"),),
                "adjustments": (given_at("09:50", 10, Spread.IN_PROPORTION),),
            },
            "10:05",
            id="granted at the instant of the hold",
        ),
        pytest.param(
            {"holds": (pause("09:50", "10:00"),), "adjustments": (given_at("09:55", 5),)},
            "09:50",
            id="the new end comes no later than the hold",
        ),
        pytest.param(
            {
                "holds": (pause("09:50", "10:00"),),
                "adjustments": (given_at("09:55", 5), given_at("09:56", 1)),
            },
            "10:01",
            id="a second grant reaches it",
        ),
    ],
)
def test_the_end_does_not_depend_on_when_the_grant_was_entered(
    known: Any, changes: dict[str, Any], closes_at: str
) -> None:
    seen = clock_at(known(**changes), now=clock("10:00"))
    assert seen.closes_at == clock(closes_at)
    if known is facts:
        assert (seen.open_unit, seen.unit_ends_at) == (4, clock(closes_at))


@pytest.mark.parametrize("known", [theory_facts, facts], ids=["pooled", "strict"])
def test_a_paper_brought_back_during_a_hold_stands_still_like_the_others(known: Any) -> None:
    held: Facts = known(holds=(pause("09:50"),), adjustments=(given_at("09:55", 10),))
    seen: AttemptClock = clock_at(held, now=clock("09:58"))
    assert (seen.suspended, seen.closes_at, seen.unit_ends_at) == (True, None, None)
