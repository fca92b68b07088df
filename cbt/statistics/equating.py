"""Equating of forms: which points of another form are worth as much as the points of this one.

Everything here is for information: a 60 that a notice prescribes is moved by no statistic. The methods are mean,
linear, circle-arc (Livingston and Kim 2009), and for forms that different people took, with items in common (an
anchor), Tucker's and Levine's observed-score method, as Kolen and Brennan write them down (2014, chapters 2 and 4).

Source: R-100.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Method = Literal["mean", "linear", "circle_arc", "tucker", "levine"]


@dataclass(frozen=True, slots=True)
class Equated:
    """Points of the old form that are worth as much as each point of the new one, and by which line."""

    method: Method
    points: Floats
    slope: float
    intercept: float


def mean_equating(new: ArrayLike, old: ArrayLike, at: ArrayLike) -> Equated:
    """Equate by the means alone: forms differ by the same number of points everywhere."""
    return _line("mean", 1.0, _mean(old) - _mean(new), at)


def linear_equating(new: ArrayLike, old: ArrayLike, at: ArrayLike) -> Equated:
    """Equate by means and standard deviations of equally able people."""
    slope = math.sqrt(_variance(old) / _variance(new))
    return _line("linear", slope, _mean(old) - slope * _mean(new), at)


@dataclass(frozen=True)
class Anchored:
    """What people who took a form have: points of the whole form, and of the items that both forms have."""

    total: Floats
    anchor: Floats

    @classmethod
    def of(cls, total: ArrayLike, anchor: ArrayLike) -> Anchored:
        return cls(np.asarray(total, np.float64), np.asarray(anchor, np.float64))

    @property
    def covariance(self) -> float:
        return float(((self.total - self.total.mean()) * (self.anchor - self.anchor.mean())).mean())


def tucker_equating(new: Anchored, old: Anchored, at: ArrayLike, *, weight: float | None = None) -> Equated:
    """Equate by Tucker's method: the regression of points on the anchor is the same in both groups.

    `weight` is what the group of the new form counts in the population; None is its share of the people.
    """
    gammas = new.covariance / _variance(new.anchor), old.covariance / _variance(old.anchor)
    return _synthetic("tucker", new, old, gammas, at, weight)


def levine_equating(
    new: Anchored, old: Anchored, at: ArrayLike, *, weight: float | None = None, internal: bool = True
) -> Equated:
    """Equate by Levine's observed-score method: true scores of form and anchor are perfectly correlated.

    `internal` says that the items in common count in the form's points.
    """

    def gamma(one: Anchored) -> float:
        if internal:
            return _variance(one.total) / one.covariance
        return (_variance(one.total) + one.covariance) / (_variance(one.anchor) + one.covariance)

    return _synthetic("levine", new, old, (gamma(new), gamma(old)), at, weight)


def _synthetic(
    method: Method,
    new: Anchored,
    old: Anchored,
    gammas: tuple[float, float],
    at: ArrayLike,
    weight: float | None,
) -> Equated:
    """Equate by mean and variance of both forms in the population that both groups make up."""
    own = len(new.total) / (len(new.total) + len(old.total)) if weight is None else weight
    other = 1 - own
    means = new.anchor.mean() - old.anchor.mean()
    spread = _variance(new.anchor) - _variance(old.anchor)
    first, second = gammas
    new_mean = new.total.mean() - other * first * means
    old_mean = old.total.mean() + own * second * means
    both = own * other
    new_variance = _variance(new.total) - other * first**2 * spread + both * first**2 * means**2
    old_variance = _variance(old.total) + own * second**2 * spread + both * second**2 * means**2
    slope = math.sqrt(old_variance / new_variance)
    return _line(method, slope, float(old_mean - slope * new_mean), at)


def circle_arc(
    at: ArrayLike, *, low: tuple[float, float], middle: tuple[float, float], high: tuple[float, float]
) -> Equated:
    """Equate by a simplified circle arc through three points, each (points of the new form, of the old form).

    The ends are where nobody doubts (the least and the most that is to be had), the middle comes of another method
    at the mean. Between them lies a line plus an arc of a circle: so few people suffice. Source: Livingston and Kim
    (2009).
    """
    points = np.asarray(at, np.float64)
    slope = (high[1] - low[1]) / (high[0] - low[0])
    intercept = low[1] - slope * low[0]
    bulge = middle[1] - (intercept + slope * middle[0])
    if abs(bulge) < 1e-12:
        return Equated("circle_arc", intercept + slope * points, slope, intercept)
    # The circle through (low, 0), (middle, bulge) and (high, 0).
    centre_x = (low[0] + high[0]) / 2
    half = (high[0] - low[0]) / 2
    centre_y = ((middle[0] - centre_x) ** 2 + bulge**2 - half**2) / (2 * bulge)
    radius = math.hypot(half, centre_y)
    arc = np.sqrt(np.maximum(radius**2 - (points - centre_x) ** 2, 0))
    lifted = centre_y + np.copysign(arc, bulge)
    return Equated("circle_arc", intercept + slope * points + lifted, slope, intercept)


def _line(method: Method, slope: float, intercept: float, at: ArrayLike) -> Equated:
    return Equated(method, slope * np.asarray(at, np.float64) + intercept, slope, intercept)


def _mean(values: ArrayLike) -> float:
    return float(np.asarray(values, np.float64).mean())


def _variance(values: ArrayLike) -> float:
    return float(np.asarray(values, np.float64).var())
