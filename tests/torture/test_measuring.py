"""The measurements run from end to end with a handful of requests; how fast is no matter here.

They load the machine and kill servers, so they have it to themselves, like torture.
"""

from __future__ import annotations

import json
import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.growth import main
from bench.history import SAVES
from bench.measured.registry import BY_NAME, TARGETS, names_of
from bench.measuring import run_bench
from bench.published.report import machine_line, markdown, table
from bench.sizes import QUICK
from tests.bench_servers import begin_warm
from tests.browser import find_chromium
from tests.databases import find_binaries

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the embedded server has one process there")
begin_warm()
OF_PAGES = {"runner_page", "staff_pages", "office_pages", "office_statement", "office_publish"}
"""Times of single pages and files, with no rate."""
BY_THEMSELVES = {
    f"{kind}{name}" for kind in ("", "postgres_") for name in ("office_beside_exam", "after_a_stall")
}
"""What takes minutes at any size: tests/bench/test_office.py has an office, the fault `stall` a stall."""
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


def test_every_figure_is_measured_and_nothing_acknowledged_is_lost() -> None:
    chosen = [name for name in names_of() if name not in BY_THEMSELVES]
    results = run_bench(TINY, only=chosen, tell=lambda _text: None)
    rows = [target.name for target in TARGETS if not target.name.startswith("growth")]
    expected = [name for name in rows if name not in BY_THEMSELVES]
    if find_chromium() is None:
        expected.remove("runner_page")
    if find_binaries() is None:
        expected = [name for name in expected if not name.startswith("postgres_")]
    assert sorted(results["figures"]) == sorted(expected)
    for name, figure in results["figures"].items():
        assert (name, figure["lost"], figure["refused"]) == (name, 0, 0)
        if name not in OF_PAGES:
            assert figure["per_s"] > 0
            assert BY_NAME[name].paced or math.isfinite(figure["ratio"])
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


def test_the_growth_of_each_figure_is_measured_and_nothing_acknowledged_is_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results.json"
    results.write_text('{"ref_per_s": 1}', "utf-8")
    size = ["--attempts", "200", "--items", "500", "--pairs", "2", "--seconds", "0.2", "--starts", "10"]
    assert main([*size, "--folder", str(tmp_path), "--results", str(results)]) == 0
    stored = json.loads(results.read_text("utf-8"))
    assert stored["ref_per_s"] == 1  # what was measured otherwise stays
    growth = stored["growth"]
    assert list(growth["figures"]) == ["growth_save", "growth_start", "growth_board"]
    for figure in growth["figures"].values():
        assert (figure["lost"], figure["refused"], figure["pairs"]) == (0, 0, 2)
        assert figure["of_empty"] > 0
    assert growth["journal_rows"] == 200 * SAVES
    printed = capsys.readouterr().out
    assert printed.startswith("200 attempts of 120 saves (200 wanted")
    assert "board on a grown database" in printed
    assert list(tmp_path.iterdir()) == [results]  # gigabytes are not left behind
