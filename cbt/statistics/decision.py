"""How sure the verdict at a cut score is: consistency and accuracy of decisions (Livingston and Lewis 1995).

The method of Subkoviak and that of Huynh are for right-or-wrong items of the same points; papers here weigh
sections and give part of the points, for which that of Livingston and Lewis is made. True scores follow a beta
distribution on 0 to 1 with the mean of the points and the variance that the reliability leaves; a paper counts as
so many right-or-wrong items as would be as reliable.

Source: R-97.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

MOST_ITEMS = 2_000
"""An effective length beyond that is cut: the verdict is sure, and the sums would be over millions of pairs."""


@dataclass(frozen=True, slots=True)
class CutConsistency:
    """How often the verdict is the same on another paper (`consistency`), and that of the true score (`accuracy`).

    `kappa` is the consistency beyond chance. `items` is the effective length of the paper.
    """

    consistency: float
    kappa: float
    accuracy: float
    items: int


def decision_at(
    cut: float, *, mean: float, variance: float, reliability: float, most: float
) -> CutConsistency | None:
    """Return how sure the verdict at `cut` points is; None where the figures fit no distribution.

    `mean`, `variance` and `most` are in points, too: those of a paper with `most` points.
    """
    if not 0 < reliability < 1 or not 0 < mean < most or variance <= 0:
        return None
    items = effective_length(mean=mean, variance=variance, reliability=reliability, most=most)
    share, spread = mean / most, reliability * variance / most**2
    weight = share * (1 - share) / spread - 1
    if items < 1 or weight <= 0:
        return None
    alpha, beta = share * weight, (1 - share) * weight
    return _decision(cut / most, items, alpha, beta)


def effective_length(*, mean: float, variance: float, reliability: float, most: float) -> int:
    """Return how many right-or-wrong items would have this mean, variance and reliability."""
    length = (mean * (most - mean) - reliability * variance) / (variance * (1 - reliability))
    return min(round(length), MOST_ITEMS)


def _decision(cut: float, items: int, alpha: float, beta: float) -> CutConsistency:
    right = np.arange(items + 1)
    ways = special.gammaln(items + 1) - special.gammaln(right + 1) - special.gammaln(items - right + 1)
    passing = right >= math.ceil(cut * items - 1e-9)
    # The chance of every number of right answers, and of every pair of them on two papers of the same true score.
    once = np.exp(ways + special.betaln(alpha + right, beta + items - right) - special.betaln(alpha, beta))
    first, second = right[passing], right[~passing]
    both = _pairs(first, first, items, alpha, beta, ways)
    neither = _pairs(second, second, items, alpha, beta, ways)
    passes = float(once[passing].sum())
    chance = passes**2 + (1 - passes) ** 2
    consistency = both + neither
    truly = special.betainc(alpha + right, beta + items - right, cut)
    accuracy = float((once * np.where(passing, 1 - truly, truly)).sum())
    kappa = (consistency - chance) / (1 - chance) if chance < 1 else 1.0
    return CutConsistency(consistency, kappa, accuracy, items)


def _pairs(
    first: np.ndarray[tuple[int], np.dtype[np.int_]],
    second: np.ndarray[tuple[int], np.dtype[np.int_]],
    items: int,
    alpha: float,
    beta: float,
    ways: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> float:
    """Return the chance that two papers have numbers of right answers among these."""
    if not len(first) or not len(second):
        return 0.0
    total = first[:, None] + second[None, :]
    of_sum = special.betaln(alpha + np.arange(2 * items + 1), beta + 2 * items - np.arange(2 * items + 1))
    exponent = ways[first][:, None] + ways[second][None, :] + of_sum[total] - special.betaln(alpha, beta)
    return float(np.exp(exponent).sum())
