"""The pace of answers: who is rapid where others are not, and right (foreknown items) or wrong (guesses).

Source: R-98.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cbt.statistics.likeness import poisson_binomial_tail

Floats = NDArray[np.float64]

RAPID_PART = 0.30
"""Below that part of an item's median time an answer is rapid: a normative threshold of 30 per cent (Wise and Ma
2012; Wise and Kuhfeld 2021). Ten per cent find only who reads nothing; whoever knows an answer beforehand reads its
first words."""
MOST_SECONDS = 10.0
"""A threshold is never above that, however long an item usually takes (Wise and Ma 2012)."""
LEAST_TIMES = 30
"""An item of whose time fewer people tell has no threshold."""


@dataclass(frozen=True)
class Pace:
    """How often each person was rapid, among how many items that tell.

    `expected` is how often somebody else would have been rapid and right on the same items, `chance` how likely
    somebody is as often as this one: the exact tail of independent events, each as likely as among the others.
    """

    items: NDArray[np.intp]
    rapid_right: NDArray[np.intp]
    rapid_wrong: NDArray[np.intp]
    expected: Floats
    chance: Floats


def thresholds(seconds: Floats) -> Floats:
    """Return below how many seconds an answer to each item is rapid; NaN for an item that tells too little.

    `seconds` is people × items, NaN where it is not known how long somebody took.
    """
    known = ~np.isnan(seconds)
    enough = known.sum(axis=0) >= LEAST_TIMES
    medians = np.full(seconds.shape[1], np.nan)
    if enough.any():
        medians[enough] = np.nanmedian(seconds[:, enough], axis=0)
    return np.minimum(medians * RAPID_PART, MOST_SECONDS)


def own_pace(seconds: Floats) -> Floats:
    """Return how fast each person is at what they take long for, 1 for the usual and the slow, less for the fast.

    It is the upper quartile of their times as parts of each item's median, against that of everybody: who is
    fast at everything knew nothing beforehand, and up to half of the items known beforehand leave the upper
    quartile of the others. Whoever knew nearly all is told from a fast person by nothing that a clock says.
    """
    known = ~np.isnan(seconds)
    own = np.ones(len(seconds))
    people, items = known.sum(axis=1) >= 4, known.any(axis=0)
    if not people.any():
        return own
    parts = seconds[:, items] / np.nanmedian(seconds[:, items], axis=0)
    quartiles = np.nanquantile(parts[people], 0.75, axis=1)
    own[people] = np.minimum(quartiles / np.median(quartiles), 1.0)
    return own


def paces(seconds: Floats, is_right: NDArray[np.bool_]) -> Pace:
    """Return the pace of each person; `is_right` is people × items, too."""
    limits = thresholds(seconds)
    tells = ~np.isnan(seconds) & ~np.isnan(limits)
    with np.errstate(invalid="ignore"):
        rapid = tells & (seconds < limits * own_pace(seconds)[:, None])
    right, wrong = rapid & is_right, rapid & ~is_right
    n = tells.sum(axis=0)
    # Among the others: whoever is looked at makes nobody's expectation. Half an answer keeps a chance above 0.
    others = np.maximum(n - tells, 1)
    chances = np.where(tells, (right.sum(axis=0) - right + 0.5) / (others + 1), 0.0)
    counts = right.sum(axis=1)
    tails = np.ones(len(counts))
    looked_at = np.flatnonzero(counts > chances.sum(axis=1))
    for start in range(0, len(looked_at), 1024):
        own = looked_at[start : start + 1024]
        tails[own] = poisson_binomial_tail(chances[own], counts[own])
    return Pace(tells.sum(axis=1), counts, wrong.sum(axis=1), chances.sum(axis=1), tails)
