"""The bench works from end to end with a handful of requests; how fast is no matter here."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from typing import Any

import pytest

from bench.figures import Figure
from bench.measuring import run_bench
from bench.published.report import machine_line, markdown, table
from bench.published.targets import TARGETS
from bench.sizes import QUICK
from bench.traffic.client import Load, percentile_ms
from tests.browser import find_chromium
from tests.databases import find_binaries

TINY = replace(
    QUICK,
    pairs=1,
    seconds=0.2,
    starts=30,
    paced=(40, 60),
    paced_seconds=4.0,
    due=(20, 40),
    rescored=20,
    others=40,
)


@pytest.mark.skipif(sys.platform == "win32", reason="the embedded server has one process there")
def test_every_figure_is_measured_and_nothing_acknowledged_is_lost() -> None:
    results = run_bench(TINY, tell=lambda _text: None)
    expected = [target.name for target in TARGETS if not target.name.startswith("growth")]
    if find_chromium() is None:
        expected.remove("runner_page")
    if find_binaries() is None:
        expected.remove("postgres_save")
    assert sorted(results["figures"]) == sorted(expected)
    for name, figure in results["figures"].items():
        assert (name, figure["lost"], figure["refused"]) == (name, 0, 0)
        if name != "runner_page":
            assert figure["per_s"] > 0
            assert math.isfinite(figure["ratio"])
    _looked_at_closely(results)
    assert "SQLite" in machine_line(results["machine"])
    assert len(table(results).splitlines()) == len(expected) + 2
    assert markdown(results).startswith("| figure |")


def _looked_at_closely(results: dict[str, Any]) -> None:
    killed = results["figures"]["candidates_killed"]
    assert killed["broken"] > 0  # the server was killed, and its connections with it
    assert killed["ready_s"] > 0
    assert (killed["unanswered"], killed["acknowledged"]) == (0, 32)
    assert results["figures"]["save_5ms"]["of_save"] > 0
    assert results["facts"]["bytes_per_attempt"] > results["facts"]["form_bytes"] > 10_000
    assert results["ref_per_s"] > 0


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
