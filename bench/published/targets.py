"""What each figure must reach and what is reached for: the one table that the checks, README and picture use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

WORST_FIRST = ("missed", "short", "must", "reach")


@dataclass(frozen=True, slots=True)
class Bound:
    """One number of a figure: its name in bench/results.json, what it must be and what is reached for.

    `least`: more is better. None where only the other of the two is set.
    """

    field: str
    must: float | None
    reach: float | None
    least: bool = True

    def verdict(self, value: float) -> str:
        """Return "missed" (under the must), "short" (no must, under the reach), "must" or "reach"."""
        if self.must is not None and not self._meets(value, self.must):
            return "missed"
        if self.reach is not None and self._meets(value, self.reach):
            return "reach"
        return "short" if self.must is None else "must"

    def _meets(self, value: float, aim: float) -> bool:
        return value >= aim if self.least else value <= aim


@dataclass(frozen=True, slots=True)
class Target:
    """One figure: its name in bench/results.json and on paper, and its bounds, the one to compare by first."""

    name: str
    label: str
    label_zh: str
    bounds: tuple[Bound, ...] = ()
    checked: bool = False
    """Whether `make bench-check` holds its ratio: those that pairs make steady."""

    def verdict(self, figure: Mapping[str, Any]) -> str:
        """Return the worst of the bounds' verdicts; "" for a figure without bounds or without its numbers."""
        if not self.bounds or any(figure.get(bound.field) is None for bound in self.bounds):
            return ""
        found = {bound.verdict(figure[bound.field]) for bound in self.bounds}
        return next(verdict for verdict in WORST_FIRST if verdict in found)


def _most(field: str, must: float | None, reach: float | None) -> Bound:
    return Bound(field, must, reach, least=False)


_NONE_LOST = _most("lost", 0, 0)
TARGETS = (
    Target(
        "save",
        "saves, 100 connections",
        "保存，100 个连接",
        (Bound("ratio", 0.40, 0.55), _most("p99_ms", 60, 45)),
        checked=True,
    ),
    Target(
        "save_5ms",
        "saves, COMMIT + 5 ms",
        "保存，提交慢 5 毫秒",
        (Bound("of_save", 0.65, 0.80),),
        checked=True,
    ),
    Target(
        "save_5ms_400",
        "saves, COMMIT + 5 ms, 400 connections",
        "保存，提交慢 5 毫秒，400 个连接",
        (Bound("of_save", 0.90, 0.95),),
        checked=True,
    ),
    Target(
        "save_besieged",
        "500 candidates beside 2,000 half-sent bodies",
        "500 名考生，同时有 2000 个停在半途的请求",
        (_most("p99_of_alone", 2.0, 1.5), Bound("healthz", 1.0, None), _NONE_LOST),
    ),
    Target(
        "news",
        "acts of staff, seen on 100 open pages",
        "监考操作，在 100 个答题页上看到",
        (_most("p95_ms", 2000, 1000), _NONE_LOST),
    ),
    Target(
        "save_news",
        "saves beside 100 pages that wait for news",
        "保存，同时有 100 个页面等候消息",
        (Bound("of_alone", 0.95, 0.98), _NONE_LOST),
    ),
    Target(
        "save_news_1000",
        "saves beside 1,000 pages that wait for news",
        "保存，同时有 1000 个页面等候消息",
        (Bound("of_alone", None, 0.95), _NONE_LOST),
    ),
    Target(
        "candidates_10000",
        "10,000 candidates, a save each 5 s",
        "1 万名考生，每人 5 秒保存一次",
        (_most("p99_ms", 50, None), _NONE_LOST),
    ),
    Target(
        "candidates_15000",
        "15,000 candidates, a save each 5 s",
        "1.5 万名考生，每人 5 秒保存一次",
        (_most("p99_ms", None, 50), _NONE_LOST),
    ),
    Target(
        "candidates_killed",
        "10,000 candidates, server killed twice",
        "1 万名考生，途中两次强杀服务器",
        (_NONE_LOST,),
    ),
    Target(
        "start",
        "starts, 100-item paper",
        "开卷，100 题",
        (Bound("per_s", 1000, 2000), _most("p99_ms", 100, 50)),
        checked=True,
    ),
    Target("submit", "hand-ins", "交卷", checked=True),
    Target("board", "board of a room, 100 seats", "监考大屏，100 个机位", checked=True),
    Target(
        "close_5000",
        "5,000 deadlines at once: closed, scored",
        "5000 份同时到时：收卷并评分",
        (_most("seconds", 5, None), _NONE_LOST),
        checked=True,
    ),
    Target(
        "close_10000",
        "10,000 deadlines at once: closed, scored",
        "1 万份同时到时：收卷并评分",
        (_most("seconds", None, 5), _NONE_LOST),
    ),
    Target(
        "rescore", "rescoring with evidence", "带凭据重新评分", (Bound("per_s", 3000, 8000),), checked=True
    ),
    Target(
        "postgres_save", "saves, PostgreSQL", "保存，PostgreSQL", (Bound("ratio", 0.40, 0.50),), checked=True
    ),
    Target(
        "runner_page",
        "answer page, first item, CPU ÷ 4",
        "答题页首题可见，CPU 降到 1/4",
        (_most("first_item_ms", 1500, 1000), _most("wire_kb", 150, 80)),
    ),
    Target("growth_save", "saves on a grown database", "大库上的保存", (Bound("of_empty", 0.90, 0.97),)),
    Target("growth_start", "starts on a grown database", "大库上的开卷", (Bound("of_empty", 0.90, 0.97),)),
    Target("growth_board", "board on a grown database", "大库上的监考大屏", (Bound("of_empty", 0.90, 0.97),)),
)
BY_NAME = {target.name: target for target in TARGETS}
ALLOWED_UNDER = 0.15
"""How far a ratio may lie under the committed one."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A figure's ratio as committed and as measured now."""

    name: str
    committed: float
    measured: float

    @property
    def ok(self) -> bool:
        """Return whether the measured ratio is at most 15 % under the committed one."""
        return self.measured >= self.committed * (1 - ALLOWED_UNDER)


def compared(committed: Mapping[str, Any], measured: Mapping[str, Any]) -> list[Compared]:
    """Compare the steady ratios of two results; a figure that only one of them has is left out."""
    old, new = committed["figures"], measured["figures"]
    return [
        Compared(target.name, old[target.name]["ratio"], new[target.name]["ratio"])
        for target in TARGETS
        if target.checked and target.name in old and target.name in new
    ]
