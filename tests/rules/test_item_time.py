"""Seconds on an item: the time since the save before, and when that tells nothing."""

from __future__ import annotations

import pytest

from cbt.rules.item_time import LONGEST, SHORTEST, seconds_on_items


@pytest.mark.parametrize(
    ("started", "saves", "seconds"),
    [
        pytest.param(100.0, [(130.0, 1), (140.0, 2)], {1: 30.0, 2: 10.0}, id="since the save before"),
        pytest.param(0.0, [(30.0, 1), (40.0, 2), (45.0, 1)], {1: 35.0, 2: 10.0}, id="two visits add up"),
        pytest.param(0.0, [(30.0, 1), (30.1, 1)], {1: 30.1}, id="changed at once"),
        pytest.param(0.0, [(30.0, 1), (30.0 + SHORTEST, 2)], {1: 30.0, 2: SHORTEST}, id="the shortest"),
        pytest.param(0.0, [(90.0, 1), (90.1, 2), (99.1, 3)], {1: 90.0, 3: 9.0}, id="sent in one go"),
        pytest.param(0.0, [(LONGEST, 1), (2 * LONGEST + 0.1, 2)], {1: LONGEST}, id="out for too long"),
        pytest.param(0.0, [(5.0, 1), (4.0, 2), (9.0, 3)], {1: 5.0, 3: 5.0}, id="a clock that went back"),
        pytest.param(None, [(30.0, 1), (40.0, 2)], {2: 10.0}, id="nobody knows the beginning"),
        pytest.param(0.0, [(30.0, 1), (2000.0, 1)], {}, id="one visit unknown, all unknown"),
        pytest.param(0.0, [], {}, id="nothing saved"),
    ],
)
def test_seconds(started: float | None, saves: list[tuple[float, int]], seconds: dict[int, float]) -> None:
    assert seconds_on_items(started, saves) == pytest.approx(seconds)
