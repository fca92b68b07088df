"""Intervals of 95 % around the figures of a paper.

Source: R-96.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

LEVEL = 0.95
_TAIL = (1 - LEVEL) / 2
Z = float(special.ndtri(1 - _TAIL))
"""What the standard normal distribution leaves 2.5 % above."""

Bounds = tuple[NDArray[np.float64], NDArray[np.float64]]


def share_interval(shares: NDArray[np.float64], n: NDArray[np.intp] | NDArray[np.float64]) -> Bounds:
    """Return Wilson's score interval of shares of `n` people each."""
    with np.errstate(invalid="ignore", divide="ignore"):
        middle = (shares + Z**2 / (2 * n)) / (1 + Z**2 / n)
        half = Z / (1 + Z**2 / n) * np.sqrt(shares * (1 - shares) / n + Z**2 / (4 * n**2))
    return middle - half, middle + half


def mean_interval(means: NDArray[np.float64], variances: NDArray[np.float64], n: NDArray[np.intp]) -> Bounds:
    """Return Student's interval of means of `n` values with these sample variances."""
    with np.errstate(invalid="ignore", divide="ignore"):
        half = special.stdtrit(n - 1, 1 - _TAIL) * np.sqrt(variances / n)
    return means - half, means + half


def correlation_interval(correlations: NDArray[np.float64], n: NDArray[np.intp]) -> Bounds:
    """Return the interval of correlations by Fisher's transformation; NaN for three pairs and fewer."""
    with np.errstate(invalid="ignore", divide="ignore"):
        half = np.where(n > 3, Z / np.sqrt(np.maximum(n - 3, 1)), np.nan)
        return np.tanh(np.arctanh(correlations) - half), np.tanh(np.arctanh(correlations) + half)


def reliability_interval(reliability: float, people: int, items: float) -> tuple[float, float]:
    """Return the interval of a reliability by the F distribution (Feldt 1965)."""
    above, below = people - 1, (people - 1) * (items - 1)
    return (
        1 - (1 - reliability) * float(special.fdtri(above, below, 1 - _TAIL)),
        1 - (1 - reliability) * float(special.fdtri(above, below, _TAIL)),
    )
