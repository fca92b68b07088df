"""A small exam day from the seat page to the scores: every kind of request is made, nothing is refused or lost."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import pytest

from bench.exam_day import measured as exam_day
from bench.figures import Ref
from bench.measured.declaring import Ground
from bench.published import day
from bench.sizes import QUICK
from tests.bench_servers import begin_warm
from tests.loops import in_a_thread

begin_warm()

# A small day may be over before anybody who waits for news is told any.
KINDS = {
    "seat", "sign_in", "confirm", "confirm_post", "notice", "notice_post", "wait", "ahead", "ahead_file",
    "wait_poll", "wait_news", "runner", "start", "answers", "advance", "submit", "done", "board",
    "board_poll", "act",
}  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="the embedded server has one process there")
def test_a_day_is_sat_by_everybody_and_nothing_is_lost(tmp_path: Path) -> None:
    said: list[str] = []
    ground = Ground(Ref(0, b"", 0.0), QUICK, tmp_path, said.append, {"exam_day"})
    (figure,) = in_a_thread(partial(exam_day.measure, ground))
    shown = figure.as_json()
    assert shown["refusals"] == []
    assert (shown["refused"], shown["lost"], shown["wrong"], shown["unscored"]) == (0, 0, 0, 0)
    assert (shown["candidates"], shown["rooms"], shown["moved"], shown["closed"]) == (40, 4, 1, 40)
    assert shown["handed_in"] == 40
    assert shown["killed"] == 1  # how many requests it takes along is chance: `broken` may be none
    assert shown["acknowledged"] >= 40
    assert set(shown["kinds"]) >= KINDS
    assert set(shown["kinds"]) <= set(day.KINDS)
    assert shown["worst_p99_ms"] == max(kind.get("p99_ms", 0) for kind in shown["kinds"].values())
    assert any("sign_in" in line for line in said)
