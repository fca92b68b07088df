"""The figures as a picture: each as a multiple of what it must be, with a mark where the reach is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from bench.measured.declaring import Bound, Target
from bench.published.report import Results, all_figures
from bench.published.words import amount, label

WIDTH, LEFT, RIGHT = 960, 310, 230
ROW, BAR, TOP, BOTTOM = 30, 16, 56, 40
MOST = 2.2
"""Longer bars are cut off; the number beside them says how far they go."""
COLOURS = {"reach": "#1a7f52", "must": "#2f6fbd", "short": "#8a6d1f", "missed": "#b5482a"}
_TEXTS = {
    "en": (
        "measured ÷ must",
        "must",
        "reach",
        {"reach": "reached", "must": "met", "short": "not reached", "missed": "missed"},
    ),
    "zh": (
        "实测 ÷ 必须",
        "必须",
        "力争",
        {"reach": "达到力争", "must": "达标", "short": "未达力争", "missed": "未达标"},
    ),
}


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: how many times the must it is, where the reach lies, and what is written beside it."""

    label: str
    share: float
    reach: float | None
    verdict: str
    value: str


def bars(results: Results, language: str) -> list[Bar]:
    """Return a bar for each bound that is more than 0 and was measured."""
    return [
        _bar(target, bound, figure, language)
        for target, figure in all_figures(results)
        for bound in target.bounds
        if (bound.must or bound.reach) and figure.get(bound.field)
    ]


def _bar(target: Target, bound: Bound, figure: Mapping[str, Any], language: str) -> Bar:
    base = bound.must or bound.reach or 1.0
    value = float(figure[bound.field])

    def times(one: float) -> float:
        return one / base if bound.least else base / one

    return Bar(
        label=label(target, language),
        share=times(value),
        reach=None if bound.reach is None else times(bound.reach),
        verdict=bound.verdict(value),
        value=amount(bound, value, language),
    )


def svg(results: Results, language: str) -> str:
    """Return the picture; it is legible on a light and on a dark page, and without colours."""
    drawn = bars(results, language)
    height = TOP + ROW * len(drawn) + BOTTOM
    scale = (WIDTH - LEFT - RIGHT) / MOST
    title, must, reach, verdicts = _TEXTS[language]
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(title)}" font-family="system-ui, sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" rx="8" fill="#ffffff"/>',
        f'<text x="16" y="26" font-weight="600" fill="#1c2530">{escape(title)}</text>',
    ]
    lines += _legend(verdicts, reach)
    edge = LEFT + scale
    for index, bar in enumerate(drawn):
        lines += _drawn(bar, TOP + ROW * index, scale, verdicts)
    lines += [
        f'<line x1="{edge:.1f}" y1="{TOP - 8}" x2="{edge:.1f}" y2="{height - BOTTOM + 4}" '
        f'stroke="#1c2530" stroke-width="1.5"/>',
        f'<text x="{edge:.1f}" y="{height - BOTTOM + 22}" text-anchor="middle" fill="#1c2530">{must} = 1</text>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _legend(verdicts: Mapping[str, str], reach: str) -> list[str]:
    lines, x = [], LEFT
    for verdict, text in verdicts.items():
        lines.append(f'<rect x="{x}" y="15" width="14" height="14" fill="{COLOURS[verdict]}"/>')
        lines.append(f'<text x="{x + 20}" y="27" fill="#1c2530">{escape(text)}</text>')
        x += 118
    lines.append(f'<path d="M{x} 15v14" stroke="#1c2530" stroke-width="2" stroke-dasharray="3 2"/>')
    lines.append(f'<text x="{x + 10}" y="27" fill="#1c2530">{escape(reach)}</text>')
    return lines


def _drawn(bar: Bar, y: int, scale: float, verdicts: Mapping[str, str]) -> list[str]:
    long = min(bar.share, MOST) * scale
    text = f"{bar.value} · {verdicts[bar.verdict]}"
    lines = [
        f'<text x="{LEFT - 10}" y="{y + 13}" text-anchor="end" fill="#1c2530">{escape(bar.label)}</text>',
        f'<rect x="{LEFT}" y="{y}" width="{long:.1f}" height="{BAR}" fill="{COLOURS[bar.verdict]}"/>',
    ]
    if bar.reach is not None and bar.reach <= MOST:
        x = LEFT + bar.reach * scale
        lines.append(
            f'<path d="M{x:.1f} {y - 4}v{BAR + 8}" stroke="#1c2530" stroke-width="2" stroke-dasharray="3 2"/>'
        )
    lines.append(f'<text x="{WIDTH - RIGHT + 8}" y="{y + 13}" fill="#1c2530">{escape(text)}</text>')
    return lines
