"""The bench works from end to end with a handful of requests; how fast is no matter here."""

from __future__ import annotations

import math
import sys

import pytest

from bench.__main__ import Size, run_bench
from bench.client import Load, percentile_ms
from bench.figures import Figure
from bench.report import machine_line, markdown, table

TINY = Size(attempts=60, pairs=1, seconds=0.2)
FIGURES = [
    "start",
    "save",
    "save, COMMIT + 5 ms",
    "save, COMMIT + 5 ms, 400 connections",
    "submit",
    "close at the deadline",
    "close and score",
    "rescore and compare",
]


@pytest.mark.skipif(sys.platform == "win32", reason="the embedded server has one process there")
def test_every_figure_is_measured_and_nothing_acknowledged_is_lost() -> None:
    results = run_bench(TINY)
    assert list(results["figures"]) == FIGURES
    for figure in results["figures"].values():
        assert (figure["lost"], figure["refused"]) == (0, 0)
        assert figure["per_s"] > 0
        assert math.isfinite(figure["ratio"])
    assert results["ref_per_s"] > 0
    assert "SQLite" in machine_line(results["machine"])
    assert len(table(results).splitlines()) == len(FIGURES) + 2
    assert markdown(results).startswith("| figure |")


def test_the_median_of_the_pairs_counts() -> None:
    figure = Figure("save", rates=[100, 900, 300], ratios=[0.1, 0.9, 0.3], latencies=[0.001] * 99 + [0.5])
    shown = figure.as_json()
    assert (shown["per_s"], shown["ratio"]) == (300, 0.3)
    assert (shown["p50_ms"], shown["p99_ms"]) == (1.0, 1.0)


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
