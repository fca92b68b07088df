"""Equating of forms: which points of another form are worth as much as the points of this one.

Everything here is for information: a 60 that a notice prescribes is moved by no statistic. The methods are mean,
linear, circle-arc (Livingston and Kim 2009), and for forms that different people took, with items in common (an
anchor), Tucker's and Levine's observed-score method, as Kolen and Brennan write them down (2014, chapters 2 and 4).

The standard errors are analytical (the delta method): each method is a function of both groups' moments, and what a
moment would be of other people such as these is known to the first order. No chance is drawn, so the same answers
have the same errors.

Source: R-100.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
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
    def moments(self) -> GroupMoments:
        apart, anchor_apart = self.total - self.total.mean(), self.anchor - self.anchor.mean()
        return GroupMoments(
            float(self.total.mean()),
            float(self.anchor.mean()),
            float((apart**2).mean()),
            float((anchor_apart**2).mean()),
            float((apart * anchor_apart).mean()),
        )

    @property
    def moments_covariance(self) -> Floats:
        """How the five moments would differ, and together, of other people such as these.

        It is the covariance of what each person adds to each moment, over how many they are.
        """
        apart, anchor_apart = self.total - self.total.mean(), self.anchor - self.anchor.mean()
        added = np.stack([apart, anchor_apart, apart**2, anchor_apart**2, apart * anchor_apart])
        covariance: Floats = np.cov(added, bias=True) / len(self.total)
        return covariance


@dataclass(frozen=True, slots=True)
class GroupMoments:
    """The moments of a group that the methods know of its people; variances are of the group itself."""

    mean: float
    anchor_mean: float
    variance: float
    anchor_variance: float
    covariance: float


def tucker_equating(new: Anchored, old: Anchored, at: ArrayLike, *, weight: float | None = None) -> Equated:
    """Equate by Tucker's method: the regression of points on the anchor is the same in both groups.

    `weight` is what the group of the new form counts in the population; None is its share of the people.
    """
    return _tucker(new.moments, old.moments, at, _weight(new, old, weight))


def levine_equating(
    new: Anchored, old: Anchored, at: ArrayLike, *, weight: float | None = None, internal: bool = True
) -> Equated:
    """Equate by Levine's observed-score method: true scores of form and anchor are perfectly correlated.

    `internal` says that the items in common count in the form's points.
    """
    return _levine(new.moments, old.moments, at, _weight(new, old, weight), internal=internal)


def _weight(new: Anchored, old: Anchored, weight: float | None) -> float:
    return len(new.total) / (len(new.total) + len(old.total)) if weight is None else weight


def _tucker(new: GroupMoments, old: GroupMoments, at: ArrayLike, weight: float) -> Equated:
    gammas = new.covariance / new.anchor_variance, old.covariance / old.anchor_variance
    return _synthetic("tucker", new, old, gammas, at, weight)


def _levine(
    new: GroupMoments, old: GroupMoments, at: ArrayLike, weight: float, *, internal: bool = True
) -> Equated:
    def gamma(group: GroupMoments) -> float:
        if internal:
            return group.variance / group.covariance
        return (group.variance + group.covariance) / (group.anchor_variance + group.covariance)

    return _synthetic("levine", new, old, (gamma(new), gamma(old)), at, weight)


def _synthetic(
    method: Method,
    new: GroupMoments,
    old: GroupMoments,
    gammas: tuple[float, float],
    at: ArrayLike,
    weight: float,
) -> Equated:
    """Equate by mean and variance of both forms in the population that both groups make up."""
    own, other = weight, 1 - weight
    means = new.anchor_mean - old.anchor_mean
    spread = new.anchor_variance - old.anchor_variance
    first, second = gammas
    new_mean = new.mean - other * first * means
    old_mean = old.mean + own * second * means
    both = own * other
    new_variance = new.variance - other * first**2 * spread + both * first**2 * means**2
    old_variance = old.variance + own * second**2 * spread + both * second**2 * means**2
    slope = math.sqrt(old_variance / new_variance)
    return _line(method, slope, old_mean - slope * new_mean, at)


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


_Points = Callable[[GroupMoments, GroupMoments], Floats]
_STEP = 1e-4
"""A moment is moved by this part of its own standard error to see what becomes of the points."""


@dataclass(frozen=True, slots=True)
class EquatedPoints:
    """Points of the old form by one method, each with its standard error."""

    points: Floats
    errors: Floats


def all_methods(
    new: Anchored, old: Anchored, at: ArrayLike, *, most: tuple[float, float]
) -> Mapping[Method, EquatedPoints] | None:
    """Return points of the new form by every method; None where the anchor tells nothing or a line has no slope.

    `most` is what can be had in the new form and in the old one. The circle's ends are nothing and all there is,
    its middle is what Tucker's method says of the new form's mean. Mean and linear equating take both groups for
    equally able; the others make up for a difference by the anchor.
    """
    first, second = new.moments, old.moments
    for group in (first, second):
        if min(group.variance, group.anchor_variance, group.covariance) <= _NOTHING:
            return None
    weight = _weight(new, old, None)

    def arc(a: GroupMoments, b: GroupMoments) -> Floats:
        middle = a.mean, float(_tucker(a, b, [a.mean], weight).points[0])
        return circle_arc(at, low=(0.0, 0.0), middle=middle, high=most).points

    methods: dict[Method, _Points] = {
        "mean": lambda a, b: _line("mean", 1.0, b.mean - a.mean, at).points,
        "linear": lambda a, b: _linear(a, b, at).points,
        "tucker": lambda a, b: _tucker(a, b, at, weight).points,
        "levine": lambda a, b: _levine(a, b, at, weight).points,
        "circle_arc": arc,
    }
    covariances = new.moments_covariance, old.moments_covariance
    try:
        return {
            method: EquatedPoints(points(first, second), _errors(points, first, second, *covariances))
            for method, points in methods.items()
        }
    except ValueError:  # a variance of the population that is below nothing
        return None


_NOTHING = 1e-9
"""A variance or covariance up to this is rounding."""


def _linear(new: GroupMoments, old: GroupMoments, at: ArrayLike) -> Equated:
    slope = math.sqrt(old.variance / new.variance)
    return _line("linear", slope, old.mean - slope * new.mean, at)


def _errors(
    points: _Points, new: GroupMoments, old: GroupMoments, new_covariance: Floats, old_covariance: Floats
) -> Floats:
    """Return the standard error of each of the points, to the first order in the moments of both groups."""
    new_slopes = _slopes(lambda moments: points(moments, old), new, new_covariance)
    old_slopes = _slopes(lambda moments: points(new, moments), old, old_covariance)
    variance = np.einsum("mi,mn,ni->i", new_slopes, new_covariance, new_slopes)
    variance += np.einsum("mi,mn,ni->i", old_slopes, old_covariance, old_slopes)
    errors: Floats = np.sqrt(np.maximum(variance, 0.0))
    return errors


def _slopes(points: Callable[[GroupMoments], Floats], moments: GroupMoments, covariance: Floats) -> Floats:
    """Return by how much the points change with each of the five moments."""
    slopes = []
    for field, error in zip(fields(moments), np.sqrt(np.diag(covariance)), strict=True):
        value, step = getattr(moments, field.name), _STEP * max(float(error), _NOTHING)
        higher = points(replace(moments, **{field.name: value + step}))
        lower = points(replace(moments, **{field.name: value - step}))
        slopes.append((higher - lower) / (2 * step))
    return np.array(slopes)


def _line(method: Method, slope: float, intercept: float, at: ArrayLike) -> Equated:
    return Equated(method, slope * np.asarray(at, np.float64) + intercept, slope, intercept)


def _mean(values: ArrayLike) -> float:
    return float(np.asarray(values, np.float64).mean())


def _variance(values: ArrayLike) -> float:
    return float(np.asarray(values, np.float64).var())
