"""The rows of `python -m bench.growth`, which measures them by itself."""

from __future__ import annotations

from bench.measured.declaring import Bound, Target

GROWTH = (
    Target("growth_save", "saves on a grown database", "大库上的保存", (Bound("of_empty", 0.90, 0.97),)),
    Target("growth_start", "starts on a grown database", "大库上的开卷", (Bound("of_empty", 0.90, 0.97),)),
    Target("growth_board", "board on a grown database", "大库上的监考大屏", (Bound("of_empty", 0.90, 0.97),)),
)
