"""The figures in words, English and Chinese: what was measured, what must be, whether it is met."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bench.measured.declaring import Bound, Target

LANGUAGES = ("en", "zh")
NONE = "–"
HEADS = {
    "en": (
        "figure", "measured", "must", "reach", "met", "per second", "p50 ms", "p99 ms", "max ms", "× REF", "lost",
    ),
    "zh": (
        "项目", "实测", "必须", "力争", "结果", "每秒", "p50 毫秒", "p99 毫秒", "最大毫秒", "× REF", "丢失",
    ),
}  # fmt: skip
VERDICTS = {
    "en": {"reach": "reached", "must": "met", "short": "not reached", "missed": "**missed**", "": NONE},
    "zh": {"reach": "达到力争", "must": "达标", "short": "未达力争", "missed": "**未达标**", "": NONE},
}
_AMOUNTS = {
    "en": {
        "ratio": "{:.2f} × REF",
        "of_save": "{:.0%} of a save",
        "of_empty": "{:.0%} of empty",
        "per_s": "{:,.0f}/s",
        "p99_ms": "p99 {:.0f} ms",
        "seconds": "{:.1f} s",
        "max_ms": "max {:,.0f} ms",
        "of_embedded": "{:.0%} of embedded",
        "lost": "{:.0f} lost",
        "refused": "{:.0f} refused",
        "first_item_ms": "{:,.0f} ms",
        "wire_kb": "{:.0f} kB",
        "p99_of_alone": "{:.2f} × p99 alone",
        "healthz": "{:.0%} of /healthz answered",
        "p95_ms": "p95 {:,.0f} ms",
        "of_alone": "{:.1%} of alone",
        "back_s": "{:.0f} s until as before",
        "outages": "{:.0f} outage booked",
    },
    "zh": {
        "ratio": "{:.2f} × REF",
        "of_save": "普通保存的 {:.0%}",
        "of_empty": "空库的 {:.0%}",
        "per_s": "{:,.0f} 次/秒",
        "p99_ms": "p99 {:.0f} 毫秒",
        "seconds": "{:.1f} 秒",
        "max_ms": "最大 {:,.0f} 毫秒",
        "of_embedded": "内置数据库的 {:.0%}",
        "lost": "丢失 {:.0f}",
        "refused": "被拒 {:.0f}",
        "first_item_ms": "{:,.0f} 毫秒",
        "wire_kb": "{:.0f} kB",
        "p99_of_alone": "单独时 p99 的 {:.2f} 倍",
        "healthz": "/healthz 应答 {:.0%}",
        "p95_ms": "p95 {:,.0f} 毫秒",
        "of_alone": "单独时的 {:.1%}",
        "back_s": "{:.0f} 秒恢复",
        "outages": "记停机 {:.0f} 次",
    },
}
_RATE = Bound("per_s", None, None)
_NAMED = re.compile(r"(p\d\d|max|最大) (?=\d)")
_JOINTS = {"en": ", ", "zh": "，"}


def label(target: Target, language: str) -> str:
    """Return the figure's name on paper."""
    return target.label_zh if language == "zh" else target.label


def amount(bound: Bound, value: float | None, language: str) -> str:
    """Return one number with its unit."""
    if value is None:
        return NONE
    form = bound.words[LANGUAGES.index(language)] if bound.words else _AMOUNTS[language][bound.field]
    return form.format(value)


def _limit(bound: Bound, value: float | None, language: str) -> str:
    if value is None:
        return ""
    text = amount(bound, value, language)
    if bound.must == 0:
        return text
    sign = "≥" if bound.least else "≤"
    inside = _NAMED.sub(rf"\g<0>{sign} ", text, count=1)  # "boards p99 60 ms" is "boards p99 ≤ 60 ms"
    return inside if inside != text else f"{sign} {text}"


def row(target: Target, figure: Mapping[str, Any], language: str) -> tuple[str, ...]:
    """Return the cells of one figure under HEADS."""
    joint = _JOINTS[language]
    shown = [amount(bound, figure.get(bound.field), language) for bound in target.bounds]
    musts = [_limit(bound, bound.must, language) for bound in target.bounds]
    reaches = [_limit(bound, bound.reach, language) for bound in target.bounds]
    return (
        label(target, language),
        joint.join(shown) or amount(_RATE, figure.get("per_s"), language),
        joint.join(filter(None, musts)) or NONE,
        joint.join(filter(None, reaches)) or NONE,
        VERDICTS[language][target.verdict(figure)],
        _number("{:,.0f}", figure.get("per_s")),
        _number("{:.1f}", figure.get("p50_ms")),
        _number("{:.1f}", figure.get("p99_ms")),
        _number("{:.1f}", figure.get("max_ms")),
        NONE if target.paced else _number("{:.3f}", figure.get("ratio")),
        _number("{}", figure.get("lost")),
    )


def _number(form: str, value: float | None) -> str:
    return NONE if value is None else form.format(value)
