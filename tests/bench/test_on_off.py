"""The switches of `python -m bench.on_off`: each takes effect, and says what it measures."""

from __future__ import annotations

import subprocess
import sys

import flask
import pytest

from bench.on_off import results
from bench.on_off.mechanisms import BY_NAME, LEAST_LINES, MECHANISMS, Mechanism, Swap, tend
from bench.on_off.results import Measured, gain, line_of
from bench.on_off.traffic import ROWS, TRAFFIC, Row
from cbt.application.hot_addresses import HOT_ADDRESSES
from cbt.http.server.hot_addresses import door_at

SWAPS = [
    pytest.param(swap, id=f"{one.name}: {swap.module}:{swap.name}")
    for one in MECHANISMS
    for swap in one.swaps
]


@pytest.mark.parametrize("swap", SWAPS)
def test_what_a_switch_replaces_is_there(swap: Swap) -> None:
    owner, name = swap.place()
    assert getattr(owner, name) is not swap.value


def test_a_name_that_is_not_there_any_more_is_an_error() -> None:
    with pytest.raises(AttributeError):
        Swap("cbt.http.server.lanes", "Lane.NEVER", None).place()


def test_each_switch_takes_a_mechanism_out_of_a_process_and_of_whoever_imported_it() -> None:
    """In a process of its own, for nothing puts back what a switch has taken out."""
    script = """
import sys
from bench.on_off.mechanisms import MEASURED, take_out
import cbt.ops.serve

for mechanism in MEASURED:
    formers = [(swap, getattr(*swap.place())) for swap in mechanism.swaps]
    take_out([mechanism.name])
    for swap, former in formers:
        assert getattr(*swap.place()) is swap.value, swap
        if swap.everywhere and former is not swap.value:
            product = [module for name, module in sys.modules.items() if name.startswith("cbt.")]
            assert not any(value is former for one in product for value in vars(one).values()), swap
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_addresses_are_left_to_their_views_while_their_door_is_out(app: flask.Flask) -> None:
    tend(app, ["kept_boards"])
    assert list(door_at(app).off) == ["proctoring.live"]
    tend(app, ["hot_addresses"])
    assert set(door_at(app).off) == set(HOT_ADDRESSES)


def test_each_mechanism_has_a_switch_or_a_reason() -> None:
    for one in MECHANISMS:
        has_switch = bool(one.swaps) or one.after is not Mechanism.__dataclass_fields__["after"].default
        assert has_switch == bool(one.off) == (not one.why_not), one.name
        assert bool(one.rows) == has_switch, one.name
        assert set(one.rows) <= ROWS.keys(), one.name


def test_every_record_of_a_mechanism_is_in_the_registry() -> None:
    """Those from 040 on are about what is kept, not about a mechanism."""
    records = {int(path.name[:3]) for path in results.RECORDS.glob("0[0-3]*.md")}
    assert {one.record for one in MECHANISMS} == records


def test_what_has_no_switch_for_its_size_is_small() -> None:
    for one in MECHANISMS:
        assert ("150 lines" not in one.why_not) or one.lines < LEAST_LINES, one.name


def test_every_row_is_measured_for_a_mechanism_on_one_installation() -> None:
    assert ROWS.keys() == {row for one in MECHANISMS for row in one.rows}
    for family in TRAFFIC:
        assert len({traffic.scene for traffic in family}) == 1


@pytest.mark.parametrize(
    ("row", "on", "off", "times"),
    [
        pytest.param(Row("a", "", "/s", more=True), 300.0, 100.0, 3.0, id="more is better"),
        pytest.param(Row("a", "", "ms"), 50.0, 100.0, 2.0, id="less is better"),
        pytest.param(Row("a", "", "ms"), 100.0, 50.0, 0.5, id="worse with it"),
        pytest.param(Row("a", "", "/s", more=True), 300.0, 0.0, 1.0, id="nothing was answered without it"),
    ],
)
def test_a_gain_says_how_many_times_better_it_is(row: Row, on: float, off: float, times: float) -> None:
    assert gain(row, on, off) == times


def test_a_run_says_on_and_off_of_each_pair() -> None:
    measured = Measured()
    measured.figures[results.ON, "start"] += [900.0, 1000.0, 1100.0]
    measured.figures["packed_papers", "start"] += [300.0, 500.0, 550.0]
    rows = measured.pairs(BY_NAME["packed_papers"])
    assert rows["start"]["gain"] == [3.0, 2.0, 2.0]
    line = line_of(BY_NAME["packed_papers"], {"packed_papers": {"on": "2026-12-01", "rows": rows}})
    assert line == (
        "- Packed papers on against off (2026-12-01; off: each paper is joined and packed when it is started): "
        "starts 1,000 /s against 500 (× 2.00, pairs 2.00 to 3.00)."
    )


def test_the_records_say_what_was_measured() -> None:
    for path, text in results.pages(results.read_results()).items():
        assert path.read_text("utf-8") == text, f"{path.name}: python -m bench.on_off --write-pages"


def test_the_results_name_mechanisms_and_rows_that_are_there() -> None:
    for name, measured in results.read_results().get("mechanisms", {}).items():
        assert measured["rows"].keys() <= set(BY_NAME[name].rows)
