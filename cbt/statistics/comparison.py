"""Places held against each other: how far the mean of some people is from that of all the others.

Source: R-96.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from cbt.statistics.classical import LEVEL

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MeanDifference:
    """How much higher the mean of one group is than another's: Welch's interval and test, and Hedges' g.

    `effect` is the difference in standard deviations of a person, `p` the chance of so large a one where the
    groups do not differ.
    """

    value: float
    low: float
    high: float
    p: float
    effect: float


def mean_difference(some: ArrayLike, others: ArrayLike) -> MeanDifference | None:
    """Return how far the means of two groups lie apart; None where either has one person, or nobody differs."""
    one, other = np.asarray(some, np.float64), np.asarray(others, np.float64)
    if min(len(one), len(other)) < 2:
        return None
    squares = float(one.var(ddof=1)) / len(one), float(other.var(ddof=1)) / len(other)
    variance = sum(squares)
    if variance == 0:
        return None
    freedom = variance**2 / (squares[0] ** 2 / (len(one) - 1) + squares[1] ** 2 / (len(other) - 1))
    apart = float(one.mean() - other.mean())
    half = float(special.stdtrit(freedom, (1 + LEVEL) / 2)) * math.sqrt(variance)
    p = 2 * float(special.stdtr(freedom, -abs(apart) / math.sqrt(variance)))
    return MeanDifference(apart, apart - half, apart + half, p, apart / _spread(one, other))


def _spread(one: Floats, other: Floats) -> float:
    """Return the pooled standard deviation by which Hedges' g divides, with his correction for few people."""
    freedom = len(one) + len(other) - 2
    pooled = ((len(one) - 1) * one.var(ddof=1) + (len(other) - 1) * other.var(ddof=1)) / freedom
    correction = math.exp(math.lgamma(freedom / 2) - math.lgamma((freedom - 1) / 2)) / math.sqrt(freedom / 2)
    return math.sqrt(float(pooled)) / correction


def holm(chances: ArrayLike) -> Floats:
    """Return chances corrected for how many were looked at (Holm 1979)."""
    p = np.asarray(chances, np.float64)
    order = np.argsort(p, kind="stable")
    corrected = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    told = np.empty_like(p)
    told[order] = np.minimum(corrected, 1)
    return told
