"""Six figures that people feel, for the READMEs: the question somebody asks, and what was measured of it."""

from __future__ import annotations

from dataclasses import dataclass

from bench.published.report import Results

_HEADS = {"en": ("What people feel", "Measured"), "zh": ("直接感受得到的", "实测")}


@dataclass(frozen=True, slots=True)
class Felt:
    """A line: the row of the results, what people ask of it, and its numbers in words, by language."""

    figure: str
    asked: dict[str, str]
    said: dict[str, str]


FELT = (
    Felt(
        "candidates_10000",
        {
            "en": "10,000 candidates, each saves every 5 s: from the click to 已保存",
            "zh": "1 万名考生，每人 5 秒保存一次：从点击到“已保存”",
        },
        {
            "en": "{p50_ms:.1f} ms; 99 of 100 within {p99_ms:.0f} ms",
            "zh": "{p50_ms:.1f} 毫秒；每 100 次有 99 次在 {p99_ms:.0f} 毫秒之内",
        },
    ),
    Felt(
        "candidates_killed",
        {
            "en": "the server is killed twice meanwhile: acknowledged answers lost",
            "zh": "期间两次强杀服务器：已回执的作答丢失",
        },
        {"en": "{lost}", "zh": "{lost} 条"},
    ),
    Felt(
        "opening_2000",
        {
            "en": "统一开考 of 2,000: the last paper is open after",
            "zh": "2000 人统一开考：最后一份试卷打开",
        },
        {"en": "{last_s:.1f} s", "zh": "{last_s:.1f} 秒"},
    ),
    Felt(
        "runner_page",
        {
            "en": "a slow machine with an empty browser shows the first item after",
            "zh": "慢机器、浏览器无缓存：看到第一题",
        },
        {
            "en": "{first_item_ms:.0f} ms, {wire_kb:.0f} kB",
            "zh": "{first_item_ms:.0f} 毫秒，{wire_kb:.0f} kB",
        },
    ),
    Felt(
        "news",
        {
            "en": "what a proctor does is seen on 100 open pages after",
            "zh": "监考操作在 100 个答题页上显示出来",
        },
        {"en": "{p95_ms:.0f} ms (95 of 100)", "zh": "{p95_ms:.0f} 毫秒（95%）"},
    ),
    Felt(
        "close_5000",
        {
            "en": "5,000 deadlines at one instant: all closed and scored after",
            "zh": "5000 份答卷同时到时：全部收卷并评完分",
        },
        {"en": "{seconds:.1f} s", "zh": "{seconds:.1f} 秒"},
    ),
)


def felt(results: Results, language: str) -> str:
    """Return the six as a Markdown table."""
    lines = [f"| {' | '.join(_HEADS[language])} |", "| --- | --- |"]
    lines += [
        f"| {line.asked[language]} | {line.said[language].format(**results['figures'][line.figure])} |"
        for line in FELT
    ]
    return "\n".join(lines)
