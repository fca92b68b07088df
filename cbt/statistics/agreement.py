"""Agreement of people who mark: Cohen's κ, plain and weighted, and the intraclass correlations, by plain sums.

What goes in is counted: how often one gave x where the other gave y. So a page of ten thousand answers is as
small as the points that were given. No numpy: pages work these out.

κ: Cohen (1960, 1968), with quadratic weights over the ordered points that occur. ICC: Shrout and Fleiss (1979), by
the mean squares of the analysis of variance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

Cells = Mapping[tuple[float, float], int]
"""By (what one gave, what the other gave): how many answers."""
Row = TypeVar("Row", bound=tuple[float, ...])
"""What each of some markers gave an answer."""


@dataclass(frozen=True, slots=True)
class Kappa:
    """κ without weights and with quadratic ones; nan where both always gave the same points."""

    plain: float
    weighted: float


@dataclass(frozen=True, slots=True)
class IntraclassCorrelations:
    """Of those who marked the same answers.

    `one_way` is ICC(1,1), `agreement` ICC(2,1): also how far one is above the other counts; `consistency` is
    ICC(3,1): it does not. Those of the mean of all are ICC(1,k), (2,k) and (3,k). nan where nothing varies.
    """

    one_way: float
    agreement: float
    consistency: float
    one_way_mean: float
    agreement_mean: float
    consistency_mean: float


@dataclass(frozen=True, slots=True)
class Differences:
    """How far marks are from what they are held against: how many, the mean, the mean of the amounts."""

    n: int
    mean: float
    absolute: float


def kappa(cells: Cells) -> Kappa:
    """Return Cohen's κ of two markers."""
    total = sum(cells.values())
    levels = sorted({points for pair in cells for points in pair})
    if not total or len(levels) < 2:
        return Kappa(math.nan, math.nan)
    place = {points: number for number, points in enumerate(levels)}
    rows, columns = [0.0] * len(levels), [0.0] * len(levels)
    for (first, second), count in cells.items():
        rows[place[first]] += count / total
        columns[place[second]] += count / total
    widest = (len(levels) - 1) ** 2

    def weight(row: int, column: int) -> float:
        return 1 - (row - column) ** 2 / widest

    same = math.fsum(count / total for (first, second), count in cells.items() if first == second)
    by_chance = math.fsum(row * column for row, column in zip(rows, columns, strict=True))
    near = math.fsum(
        weight(place[first], place[second]) * count / total for (first, second), count in cells.items()
    )
    near_by_chance = math.fsum(
        weight(i, j) * row * column for i, row in enumerate(rows) for j, column in enumerate(columns)
    )
    return Kappa(_corrected(same, by_chance), _corrected(near, near_by_chance))


def _corrected(seen: float, by_chance: float) -> float:
    return (seen - by_chance) / (1 - by_chance) if by_chance < 1 else math.nan


def intraclass(ratings: Mapping[Row, int]) -> IntraclassCorrelations:
    """Return the intraclass correlations of those who marked the same answers: what each gave -> how many answers.

    All rows are as long as there are markers, two or more.
    """
    n, k = sum(ratings.values()), len(next(iter(ratings), ()))
    if n < 2 or k < 2:
        return _nothing()
    sums = [math.fsum(row[place] * count for row, count in ratings.items()) for place in range(k)]
    mean = math.fsum(sums) / (n * k)
    between = (
        k * math.fsum((math.fsum(row) / k - mean) ** 2 * count for row, count in ratings.items()) / (n - 1)
    )
    within_sum = math.fsum(
        (points - math.fsum(row) / k) ** 2 * count for row, count in ratings.items() for points in row
    )
    judges_sum = n * math.fsum((total / n - mean) ** 2 for total in sums)
    within, judges = within_sum / (n * (k - 1)), judges_sum / (k - 1)
    error = (within_sum - judges_sum) / ((n - 1) * (k - 1))
    if between + within <= 0:
        return _nothing()
    return IntraclassCorrelations(
        one_way=_ratio(between - within, between + (k - 1) * within),
        agreement=_ratio(between - error, between + (k - 1) * error + k * (judges - error) / n),
        consistency=_ratio(between - error, between + (k - 1) * error),
        one_way_mean=_ratio(between - within, between),
        agreement_mean=_ratio(between - error, between + (judges - error) / n),
        consistency_mean=_ratio(between - error, between),
    )


def _ratio(above: float, below: float) -> float:
    return above / below if below else math.nan


def _nothing() -> IntraclassCorrelations:
    return IntraclassCorrelations(*[math.nan] * 6)


def differences(cells: Cells) -> Differences:
    """Return how far the first of each pair is from the second: + for more points."""
    n = sum(cells.values())
    if not n:
        return Differences(0, math.nan, math.nan)
    total = math.fsum((given - agreed) * count for (given, agreed), count in cells.items())
    amounts = math.fsum(abs(given - agreed) * count for (given, agreed), count in cells.items())
    return Differences(n, total / n, amounts / n)
