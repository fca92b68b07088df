"""How many candidates and boards one machine bears, step by step of an exam day, and what a second one adds.

Every line is a measured rate times how long people may take over that step times the share of it that is planned
with; the least line is what the machine bears.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from bench.measured.elsewhere import PREFIX
from bench.measured.registry import BY_NAME
from bench.published.report import Results

SAFETY = 0.5
"""Only this share of a measured capacity is planned with."""
NODES = 2


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the day: whose rate it takes, and over how many seconds everybody takes it once."""

    what: str
    figure: str
    seconds: float
    why: str
    writes: bool = False
    """Whether it ends in a COMMIT, of which one PostgreSQL takes no more for a second node."""


STEPS = (
    Step("候考询问", "wait_poll", 2, "临近开考每人 2 秒问一次"),
    Step("打开答题页", "page", 30, "30 秒内全部打开"),
    Step("开卷", "start", 30, "30 秒内全部发卷", writes=True),
    Step("保存", "save", 5, "每人 5 秒保存一次", writes=True),
    Step("交卷", "submit", 60, "60 秒内全部点击交卷", writes=True),
)
BOARDS = ("boards_250", "boards_125")
"""The rows with boards open beside the saves, the larger first."""


@dataclass(frozen=True, slots=True)
class Borne:
    """What a step lets a machine bear, in candidates; `two`: two before one PostgreSQL, None: not measured."""

    step: Step
    per_s: float
    one: int
    two: int | None


def borne(results: Results) -> list[Borne]:
    """Return what each step that was measured lets the machine bear."""
    figures = results["figures"]
    return [
        Borne(
            step,
            per_s := figures[step.figure]["per_s"],
            _people(step, per_s),
            _before_postgres(results, step),
        )
        for step in STEPS
        if step.figure in figures
    ]


def _people(step: Step, per_s: float) -> int:
    return math.floor(SAFETY * per_s * step.seconds / 100) * 100


def _before_postgres(results: Results, step: Step) -> int | None:
    twin = results["figures"].get(PREFIX + step.figure)
    return None if twin is None else _people(step, twin["per_s"] * (1 if step.writes else NODES))


def least(found: list[Borne]) -> Borne:
    """Return the step that limits the machine."""
    return min(found, key=lambda one: one.one)


def lines(results: Results) -> list[str]:
    """Return the paragraph and the table of docs/city.md."""
    found = borne(results)
    limit = least(found)
    said = f"**一台这样的机器按下表担得起 {limit.one:,} 名考生**，最先到头的是“{limit.step.what}”。"
    return [
        said + _boards(results) + _second(found) + _day(results),
        "",
        "| 环节 | 结果里的名字 | 实测每秒 | 公式 | 一台担得起，人 | 两台共用一个 PostgreSQL，人 |",
        "| --- | --- | ---: | --- | ---: | ---: |",
        *(_row(one) for one in found),
    ]


def _boards(results: Results) -> str:
    """Return what was measured with a board open for each room: the largest row that met its bounds."""
    for name in BOARDS:
        figure = results["figures"].get(name)
        if figure is not None and BY_NAME[name].verdict(figure) in ("must", "reach"):
            people, boards = figure["candidates"], figure["boards"]
            return f"大屏：{people:,} 名考生在保存，{boards:,} 块同时开着，两边都达标（`{name}`）。"
    return ""


def _row(one: Borne) -> str:
    step = one.step
    names = f"`{step.figure}`" + ("" if one.two is None else f"、`{PREFIX}{step.figure}`")
    formula = f"{SAFETY} × 每秒 × {step.seconds:g}（{step.why}）"
    two = "–" if one.two is None else f"{one.two:,}"
    return f"| {step.what} | {names} | {one.per_s:,.0f} | {formula} | {one.one:,} | {two} |"


def _second(found: list[Borne]) -> str:
    measured = [one for one in found if one.two is not None]
    if not measured:
        return ""
    limit = min(measured, key=lambda one: one.two or 0)
    return (
        f"再加一台、两台共用一个 PostgreSQL：已测的各项里最先到头的是“{limit.step.what}”，{limit.two:,} 人"
        "（候考、打开答题页按两台算；写入都落在同一个 PostgreSQL 上，只按一台的实测值算，"
        "测的时候 PostgreSQL 也在同一台机器上，给它单独一台只会更高）。第二台还保证一台停掉时考试照常。"
    )


def _day(results: Results) -> str:
    day = results["figures"].get("exam_day")
    if day is None:
        return ""
    return (
        f"整天演练（`exam_day`）：{day['candidates']:,} 名考生、{day['rooms']} 个考场，途中强杀一个服务进程，"
        f"各类请求里最慢的 p99 是 {day['worst_p99_ms']:,.0f} 毫秒，最慢一次 {day['max_ms']:,.0f} 毫秒，"
        f"被拒 {day['refused']}，丢失 {day['lost']}。"
    )
