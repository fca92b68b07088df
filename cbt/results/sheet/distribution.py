"""How the scores of one paper are spread: figures, ten classes, and the geometry of their chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from cbt.rules.scoring.score import passes

CLASSES = 10
_TENTH = Decimal("0.1")

# The view box of the chart; the top leaves room for the name of the pass mark above the tallest count.
WIDTH, HEIGHT = 640, 256
_LEFT, _TOP, _BOTTOM = 16, 44, 34
_GAP = 8


@dataclass(frozen=True, slots=True)
class ScoreClass:
    """How many scores lie in [low, high); the last class holds the full mark too."""

    low: Decimal
    high: Decimal
    last: bool
    count: int


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of the chart in units of its view box, with the class it shows."""

    x: float
    y: float
    width: float
    height: float
    of: ScoreClass
    passing: bool

    @property
    def middle(self) -> float:
        """The x in the middle of the bar, for its labels."""
        return self.x + self.width / 2


@dataclass(frozen=True, slots=True)
class Distribution:
    """The scores of one paper in figures; `mean` is rounded half up to a tenth."""

    scored: int
    passed: int
    mean: Decimal
    highest: Decimal
    lowest: Decimal
    pass_points: Decimal
    classes: tuple[ScoreClass, ...]
    bars: tuple[Bar, ...]
    pass_x: float

    @property
    def pass_percent(self) -> Decimal:
        """The share that passed, in per cent, to a tenth."""
        return (Decimal(100 * self.passed) / self.scored).quantize(_TENTH, ROUND_HALF_UP)

    @property
    def base(self) -> int:
        """The y of the chart's base line."""
        return HEIGHT - _BOTTOM


def distribution(scores: Sequence[Decimal], *, points: Decimal, pass_points: Decimal) -> Distribution | None:
    """Return how `scores` are spread over ten equal classes of `points`; None when there is no score.

    Source: R-3.
    """
    if not scores:
        return None
    classes = _classes(scores, points)
    return Distribution(
        scored=len(scores),
        passed=sum(passes(score, pass_points) for score in scores),
        mean=(sum(scores, Decimal(0)) / len(scores)).quantize(_TENTH, ROUND_HALF_UP),
        highest=max(scores),
        lowest=min(scores),
        pass_points=pass_points,
        classes=classes,
        bars=_bars(classes, pass_points),
        pass_x=round(_LEFT + float(pass_points / points) * (WIDTH - 2 * _LEFT), 1),
    )


def _classes(scores: Sequence[Decimal], points: Decimal) -> tuple[ScoreClass, ...]:
    width = points / CLASSES
    counts = [0] * CLASSES
    for score in scores:
        counts[min(int(score / width), CLASSES - 1)] += 1
    return tuple(
        ScoreClass(low=width * place, high=width * (place + 1), last=place == CLASSES - 1, count=count)
        for place, count in enumerate(counts)
    )


def _bars(classes: tuple[ScoreClass, ...], pass_points: Decimal) -> tuple[Bar, ...]:
    room = HEIGHT - _TOP - _BOTTOM
    step = (WIDTH - 2 * _LEFT) / CLASSES
    tallest = max(one.count for one in classes)
    bars = []
    for place, one in enumerate(classes):
        height = round(room * one.count / tallest, 1)
        bars.append(
            Bar(
                x=round(_LEFT + step * place + _GAP / 2, 1),
                y=round(_TOP + room - height, 1),
                width=round(step - _GAP, 1),
                height=height,
                of=one,
                passing=passes(one.low, pass_points),
            )
        )
    return tuple(bars)
