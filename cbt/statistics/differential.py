"""Differential item functioning: whether people of the same points but of two groups find an item unlike hard.

Source: R-96, R-97.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

EtsClass = Literal["A", "B", "C"]
_DELTA = -2.35
_SIGNIFICANT = 3.841458820694124
"""The 95 % point of χ² with one degree of freedom."""
_ONE_SIDED = 1.6448536269514722
_STEPS = 50
_FAR = 30.0
"""Where a fitted logit is beyond it the groups are told apart whole, and there is no estimate."""


@dataclass(frozen=True, slots=True)
class MantelHaenszel:
    """The common odds ratio of being right, reference against focal group, and what follows from it.

    `chi_square` has the correction of continuity; `delta` is −2.35 ln(odds), below 0 where the item is harder for
    the focal group; `error` is its standard error (Robins, Breslow and Greenland); `size` is ETS's class: A
    negligible, B moderate, C large.
    """

    odds: float
    low: float
    high: float
    chi_square: float
    p: float
    delta: float
    error: float
    size: EtsClass


def mantel_haenszel(right: Bools, focal: Bools, stratum: NDArray[np.intp]) -> MantelHaenszel | None:
    """Compare two groups within strata of people with the same points; None where nothing can be told."""
    width = int(np.max(stratum)) + 1 if len(stratum) else 0

    def count(chosen: Bools) -> Floats:
        return np.bincount(stratum, chosen, width)

    a, b = count(right & ~focal), count(~right & ~focal)
    c, d = count(right & focal), count(~right & focal)
    total = a + b + c + d
    kept = total > 1
    a, b, c, d, total = a[kept], b[kept], c[kept], d[kept], total[kept]
    above, below = a * d / total, b * c / total
    reference, hits = a + b, a + c
    variance = float((reference * (c + d) * hits * (b + d) / (total**2 * (total - 1))).sum())
    if not above.sum() or not below.sum() or not variance:
        return None
    apart = abs(float((a - reference * hits / total).sum()))
    chi_square = (apart - min(0.5, apart)) ** 2 / variance
    odds = float(above.sum() / below.sum())
    error = math.sqrt(_log_odds_variance(above, below, (a + d) / total, (b + c) / total))
    half = 1.959963984540054 * error
    delta, delta_error = _DELTA * math.log(odds), -_DELTA * error
    return MantelHaenszel(
        odds=odds,
        low=odds * math.exp(-half),
        high=odds * math.exp(half),
        chi_square=chi_square,
        p=float(special.chdtrc(1, chi_square)),
        delta=delta,
        error=delta_error,
        size=_ets_class(delta, delta_error, chi_square),
    )


def _log_odds_variance(above: Floats, below: Floats, like: Floats, unlike: Floats) -> float:
    both, apart = float(above.sum()), float(below.sum())
    return (
        float((like * above).sum()) / (2 * both**2)
        + float((like * below + unlike * above).sum()) / (2 * both * apart)
        + float((unlike * below).sum()) / (2 * apart**2)
    )


def _ets_class(delta: float, error: float, chi_square: float) -> EtsClass:
    """Return ETS's class: A below 1 or not beyond chance, C from 1.5 on and surely beyond 1 (Zieky 1993)."""
    if abs(delta) < 1 or chi_square < _SIGNIFICANT:
        return "A"
    return "C" if abs(delta) >= 1.5 and abs(delta) - _ONE_SIDED * error > 1 else "B"


@dataclass(frozen=True, slots=True)
class LogisticDif:
    """Likelihood-ratio tests of a logistic regression on points, group and both (Swaminathan and Rogers 1990).

    `uniform` and `crossing` have one degree of freedom, `either` two; `gain` is how much Nagelkerke's R² rises by
    the group and its product with the points.
    """

    uniform: float
    uniform_p: float
    crossing: float
    crossing_p: float
    either: float
    either_p: float
    gain: float


def logistic_dif(right: Bools, focal: Bools, points: Floats) -> LogisticDif | None:
    """Compare two groups by their points; None where a model has no estimate."""
    spread = float(np.std(points))
    if not spread or right.all() or not right.any():
        return None
    # The points are put on a scale of their own: the likelihoods are the same, the steps to them surer.
    scaled = (points - points.mean()) / spread
    group = focal.astype(np.float64)
    one = np.ones(len(right))
    models = [
        _deviance(np.stack(columns, axis=1), right)
        for columns in (
            [one, scaled],
            [one, scaled, group],
            [one, scaled, group, scaled * group],
        )
    ]
    null = _null_deviance(right)
    if any(deviance is None for deviance in models):
        return None
    plain, uniform, crossing = (float(deviance or 0) for deviance in models)
    first, second, both = plain - uniform, uniform - crossing, plain - crossing
    return LogisticDif(
        uniform=first,
        uniform_p=float(special.chdtrc(1, max(first, 0))),
        crossing=second,
        crossing_p=float(special.chdtrc(1, max(second, 0))),
        either=both,
        either_p=float(special.chdtrc(2, max(both, 0))),
        gain=_nagelkerke(crossing, null, len(right)) - _nagelkerke(plain, null, len(right)),
    )


def _null_deviance(right: Bools) -> float:
    share = float(right.mean())
    return -2 * len(right) * (share * math.log(share) + (1 - share) * math.log(1 - share))


def _nagelkerke(deviance: float, null: float, n: int) -> float:
    return -math.expm1((deviance - null) / n) / -math.expm1(-null / n)


def _deviance(design: Floats, right: Bools) -> float | None:
    """Return the deviance of a logistic regression, by Newton's steps; None where they come to no end."""
    wanted = right.astype(np.float64)
    slopes = np.zeros(design.shape[1])
    for _step in range(_STEPS):
        chance = special.expit(design @ slopes)
        gradient = design.T @ (wanted - chance)
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design
        try:
            step = np.linalg.solve(curvature, gradient)
        except np.linalg.LinAlgError:
            return None
        slopes = slopes + step
        if float(np.abs(step).max()) < 1e-10:
            logits = design @ slopes
            return float(2 * np.logaddexp(0, np.where(right, -logits, logits)).sum())
        if float(np.abs(slopes).max()) > _FAR:
            return None
    return None
