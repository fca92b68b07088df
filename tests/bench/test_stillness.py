"""How often the machine stands still while the bench measures."""

from __future__ import annotations

import pytest

from bench.gauges.stillness import Stood, stood_in, watch_machine


@pytest.mark.parametrize(
    ("pieces", "share", "longest"),
    [
        pytest.param([1, 1, 1, 1], 0.0, 0.0, id="never"),
        pytest.param([1, 1, 2, 1], 0.0, 0.0, id="not by twice as long"),
        pytest.param([1, 3, 1, 1, 4, 4, 1, 1, 1, 1], 11 / 18, 8.0, id="twice, once for two pieces"),
        pytest.param([1, 1, 1, 6], 6 / 9, 6.0, id="at the end"),
    ],
)
def test_a_machine_stands_still_where_counting_takes_more_than_twice_as_long(
    pieces: list[float], share: float, longest: float
) -> None:
    assert stood_in(pieces) == Stood(pytest.approx(share), longest)


def test_it_is_told_in_a_sentence() -> None:
    assert "6.1% of the time, 43 ms at most" in str(Stood(0.0612, 0.0432))
    assert 0 <= watch_machine(0.01).share <= 1
