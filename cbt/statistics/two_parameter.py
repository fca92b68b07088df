"""The two-parameter logistic model of right-or-wrong items: how sharply each tells people apart, and where.

Abilities are normal with mean 0 and standard deviation 1; estimates and errors are made as those of Rasch's model
(rasch.py), here by Newton's steps for each item's slope and intercept. A location is minus intercept by slope; its
error follows from theirs by the delta method.

Source: R-96, R-100.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from cbt.statistics.rasch import LEAST_PEOPLE, Floats, posterior_of

_POINTS = 41
_STEPS = 500
_NEAR = 1e-6
_STEEPEST = 6.0
"""No slope is steeper: an item that tells all people apart at one point has none that could be estimated."""


@dataclass(frozen=True)
class TwoParameterModel:
    """Slopes (discrimination) and locations (difficulty) on the logit scale, each with its standard error."""

    slopes: Floats
    slope_errors: Floats
    locations: Floats
    location_errors: Floats
    log_likelihood: float


def two_parameter(right: Floats, *, near: float = _NEAR) -> TwoParameterModel | None:
    """Return the model of a table, people × items, of 1 for right, 0 for wrong and NaN for what was not asked.

    Steps end where nothing moves by `near` any more. None where Rasch's model is none either.
    """
    known = ~np.isnan(right)
    answers = np.where(known, right, 0.0)
    shares = answers.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    if len(right) < LEAST_PEOPLE or ((shares <= 0) | (shares >= 1)).any():
        return None
    nodes = np.linspace(-5, 5, _POINTS)
    prior = np.exp(-0.5 * nodes**2)
    prior /= prior.sum()
    slopes, intercepts = np.ones(right.shape[1]), special.logit(shares)
    for _step in range(_STEPS):
        chances = special.expit(slopes[:, None] * nodes + intercepts[:, None])
        posterior, _likelihood = posterior_of(answers, known, chances, prior)
        steeper, higher = _maximised(answers, known, posterior, nodes, slopes, intercepts)
        moved = max(float(np.abs(steeper - slopes).max()), float(np.abs(higher - intercepts).max()))
        slopes, intercepts = steeper, higher
        if moved < near:
            break
    chances = special.expit(slopes[:, None] * nodes + intercepts[:, None])
    posterior, likelihood = posterior_of(answers, known, chances, prior)
    covariance = _covariance(answers, known, posterior, chances, nodes)
    items = len(slopes)
    of_slopes, of_intercepts = np.diag(covariance)[:items], np.diag(covariance)[items:]
    both = covariance[np.arange(items), np.arange(items) + items]
    locations = -intercepts / slopes
    spread = of_intercepts + 2 * locations * both + locations**2 * of_slopes
    return TwoParameterModel(
        slopes,
        np.sqrt(np.maximum(of_slopes, 0)),
        locations,
        np.sqrt(np.maximum(spread, 0)) / np.abs(slopes),
        likelihood,
    )


def _maximised(
    answers: Floats,
    known: NDArray[np.bool_],
    posterior: Floats,
    nodes: Floats,
    slopes: Floats,
    intercepts: Floats,
) -> tuple[Floats, Floats]:
    """Return better slopes and intercepts: a step of Newton's for each item, halved where it would run away."""
    asked, got = known.T @ posterior, answers.T @ posterior
    chances = special.expit(slopes[:, None] * nodes + intercepts[:, None])
    rest, weight = got - asked * chances, asked * chances * (1 - chances)
    by_slope, by_intercept = (rest * nodes).sum(axis=1), rest.sum(axis=1)
    aa, ab, bb = ((weight * nodes**power).sum(axis=1) for power in (2, 1, 0))
    whole = np.maximum(aa * bb - ab**2, 1e-12)
    steeper = (bb * by_slope - ab * by_intercept) / whole
    higher = (aa * by_intercept - ab * by_slope) / whole
    much = np.maximum(np.maximum(np.abs(steeper), np.abs(higher)), 1.0)
    return np.clip(slopes + steeper / much, -_STEEPEST, _STEEPEST), intercepts + higher / much


def _covariance(
    answers: Floats, known: NDArray[np.bool_], posterior: Floats, chances: Floats, nodes: Floats
) -> Floats:
    """Return how slopes, then intercepts, vary: the inverse of the outer products of everybody's scores."""
    expected, leaning = posterior @ chances.T, (posterior * nodes) @ chances.T
    means = (posterior @ nodes)[:, None]
    of_slopes = np.where(known, answers * means - leaning, 0.0)
    of_intercepts = np.where(known, answers - expected, 0.0)
    whole = np.concatenate([of_slopes, of_intercepts], axis=1)
    return np.linalg.pinv(whole.T @ whole)
