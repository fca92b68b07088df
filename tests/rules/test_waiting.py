"""When whoever waits asks again, and over how long an opening is spread (R-20)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cbt.rules.door import asks_again_after, opening_span, opens_after, share_of

START = datetime(2026, 6, 1, 1, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("left", "share", "pause"),
    [
        pytest.param(30 * 60, 0.5, 10, id="long before the start"),
        pytest.param(10 * 60 + 1, 0.0, 8, id="a fifth earlier"),
        pytest.param(10 * 60, 0.5, 5, id="ten minutes"),
        pytest.param(2 * 60, 1.0, 2.4, id="two minutes, a fifth later"),
        pytest.param(-60, 0.5, 2, id="the room is late"),
    ],
)
def test_pages_ask_oftener_the_nearer_the_start(left: int, share: float, pause: float) -> None:
    assert asks_again_after(left * SECOND, share) == pause * SECOND


@pytest.mark.parametrize(
    ("people", "span"),
    [
        pytest.param(0, 0, id="nobody"),
        pytest.param(40, 0.04, id="a room takes no time at all"),
        pytest.param(2000, 1.5, id="never longer than is set"),
    ],
)
def test_the_more_begin_together_the_longer_it_takes(people: int, span: float) -> None:
    assert opening_span(people, most=1.5 * SECOND) == span * SECOND


@pytest.mark.parametrize(
    ("now", "share", "wait"),
    [
        pytest.param(0, 0.5, 0.75, id="in the middle"),
        pytest.param(0.5, 0.5, 0.25, id="what has passed since the start counts"),
        pytest.param(30, 0.9, 0, id="whoever comes later opens at once"),
        pytest.param(-30, 0.5, 1.5, id="another node's clock makes nobody wait longer"),
    ],
)
def test_each_opens_at_an_instant_of_its_own(now: float, share: float, wait: float) -> None:
    span = 1.5 * SECOND
    assert opens_after(START, now=START + now * SECOND, share=share, span=span) == wait * SECOND


def test_a_share_is_always_the_same_and_shares_are_evenly_spread() -> None:
    shares = sorted(share_of(f"r-{number}") for number in range(1000))
    assert share_of("r-1") == share_of("r-1")
    assert all(abs(share - index / 1000) < 0.1 for index, share in enumerate(shares))
