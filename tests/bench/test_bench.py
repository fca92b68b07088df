"""What a figure of the bench says of the runs it was taken from."""

from __future__ import annotations

import pytest

from bench.figures import Figure
from bench.traffic.client import Load
from cbt.rehearsal.http_client import percentile_ms


def test_the_median_of_the_pairs_counts() -> None:
    figure = Figure("save", rates=[100, 900, 300], ratios=[0.1, 0.9, 0.3], latencies=[0.001] * 99 + [0.5])
    shown = figure.as_json()
    assert (shown["per_s"], shown["ratio"], shown["pairs"]) == (300, 0.3, 3)
    assert (shown["p50_ms"], shown["p99_ms"]) == (1.0, 1.0)


def test_a_run_is_counted_beside_the_ref_of_its_pair() -> None:
    figure = Figure("save")
    figure.add(Load(done=50, seconds=2.0, cpu_seconds=0.5, refused=1), ref_per_s=100.0)
    shown = figure.as_json()
    assert (shown["per_s"], shown["ratio"], shown["load_cpu"], shown["refused"]) == (25.0, 0.25, 0.25, 1)


@pytest.mark.parametrize(
    ("latencies", "share", "expected"),
    [
        pytest.param([], 0.99, None, id="no reply"),
        pytest.param([0.002], 0.99, 2.0, id="one reply"),
        pytest.param([0.004, 0.001, 0.003, 0.002], 0.5, 2.0, id="the lower middle of four"),
        pytest.param([0.001] * 98 + [0.009] * 2, 0.99, 9.0, id="two slow ones in a hundred"),
    ],
)
def test_a_percentile_is_a_latency_that_was_seen(
    latencies: list[float], share: float, expected: float | None
) -> None:
    assert percentile_ms(latencies, share) == expected


def test_a_load_that_took_no_time_has_no_rate() -> None:
    assert Load(done=5).per_s == 0.0
