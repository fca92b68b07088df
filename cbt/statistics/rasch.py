"""Rasch's model for right-or-wrong items, by marginal maximum likelihood, with the uncertainty of each difficulty.

Abilities are normal with mean 0 and a standard deviation that is estimated with the difficulties; the integral over
them is a sum over 41 points of the standard normal distribution (rectangular rule from -5 to 5, which is exact to
more digits than the estimates have). It is worked out by EM, and the errors come of the observed information as the
outer products of everybody's scores. Below LEAST_PEOPLE nothing is estimated: it would be a guess with digits.

Source: R-96, R-100.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
LEAST_PEOPLE = 200
_POINTS = 41
_STEPS = 500
_NEAR = 1e-8


@dataclass(frozen=True)
class RaschModel:
    """Difficulties on the logit scale, each with its standard error, the spread of abilities, everybody's ability.

    `abilities` are posterior means (EAP) with the posterior standard deviations as `ability_errors`.
    """

    difficulties: Floats
    errors: Floats
    spread: float
    spread_error: float
    abilities: Floats
    ability_errors: Floats
    log_likelihood: float


def rasch(right: Floats, *, near: float = _NEAR) -> RaschModel | None:
    """Return the model of a table, people × items, of 1 for right, 0 for wrong and NaN for what was not asked.

    Steps end where nothing moves by `near` any more. None for fewer than LEAST_PEOPLE people, and where an item is
    right or wrong for all who were asked it: it has no difficulty.
    """
    known = ~np.isnan(right)
    answers = np.where(known, right, 0.0)
    shares = answers.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    if len(right) < LEAST_PEOPLE or ((shares <= 0) | (shares >= 1)).any():
        return None
    nodes = np.linspace(-5, 5, _POINTS)
    prior = np.exp(-0.5 * nodes**2)
    prior /= prior.sum()
    difficulties, spread = -special.logit(shares), 1.0
    for _step in range(_STEPS):
        chances = special.expit(spread * nodes - difficulties[:, None])
        posterior, _likelihood = posterior_of(answers, known, chances, prior)
        further, wider = _maximised(answers, known, posterior, nodes, difficulties, spread)
        moved = max(float(np.abs(further - difficulties).max()), abs(wider - spread))
        difficulties, spread = further, wider
        if moved < near:
            break
    chances = special.expit(spread * nodes - difficulties[:, None])
    posterior, likelihood = posterior_of(answers, known, chances, prior)
    errors, spread_error = _errors(answers, known, posterior, chances, nodes)
    means = posterior @ (spread * nodes)
    deviations = np.sqrt(np.maximum(posterior @ (spread * nodes) ** 2 - means**2, 0))
    return RaschModel(difficulties, errors, spread, spread_error, means, deviations, likelihood)


def posterior_of(
    answers: Floats, known: NDArray[np.bool_], chances: Floats, prior: Floats
) -> tuple[Floats, float]:
    """Return how likely each ability is for each person, and the logarithm of the likelihood of all answers."""
    log_right, log_wrong = np.log(chances), np.log1p(-chances)
    logs = answers @ log_right + (known - answers) @ log_wrong + np.log(prior)
    whole = special.logsumexp(logs, axis=1, keepdims=True)
    return np.exp(logs - whole), float(whole.sum())


def _maximised(
    answers: Floats,
    known: NDArray[np.bool_],
    posterior: Floats,
    nodes: Floats,
    difficulties: Floats,
    spread: float,
) -> tuple[Floats, float]:
    """Return better difficulties and a better spread: a step of Newton's, of all at once."""
    asked = known.T @ posterior  # items × points: how many were asked there
    got = answers.T @ posterior
    chances = special.expit(spread * nodes - difficulties[:, None])
    rest, weight = got - asked * chances, asked * chances * (1 - chances)
    slopes, curves = -rest.sum(axis=1), weight.sum(axis=1)
    crossing = -(weight * nodes).sum(axis=1)
    slope, curve = float((rest * nodes).sum()), float((weight * nodes**2).sum())
    # The information matrix is an arrow: difficulties hang on each other by the spread alone.
    wider = (slope - float((crossing / curves) @ slopes)) / (curve - float((crossing / curves) @ crossing))
    harder = (slopes - crossing * wider) / curves
    return difficulties + harder, max(spread + wider, 0.01)


def _errors(
    answers: Floats, known: NDArray[np.bool_], posterior: Floats, chances: Floats, nodes: Floats
) -> tuple[Floats, float]:
    expected = posterior @ chances.T
    scores = -np.where(known, answers - expected, 0.0)
    # Of the spread: what everybody's answers say at each ability, weighed by how likely it is.
    residual = (answers.sum(axis=1)[:, None] - known @ chances) * nodes
    whole = np.concatenate([scores, (posterior * residual).sum(axis=1)[:, None]], axis=1)
    covariance = np.linalg.inv(whole.T @ whole)
    deviations = np.sqrt(np.diag(covariance))
    return deviations[:-1], float(deviations[-1])
