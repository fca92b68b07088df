"""Panels that recommend a cut score: Angoff's and the Bookmark procedure, each with its error.

A recommendation is a body's to follow or not; a 60 that a notice prescribes is moved by no panel.

Source: R-100.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Floats = NDArray[np.float64]
MASTERY = 2 / 3
"""Whoever is just good enough answers the bookmarked item with this chance (RP67)."""


@dataclass(frozen=True, slots=True)
class CutScore:
    """What a panel recommends: the mean of its judges, their spread, and the error of the mean.

    The error is that of another panel of such judges: it says nothing of whether the judges are right.
    """

    value: float
    spread: float
    error: float
    judges: Floats
    """What each judge alone would have recommended."""


def angoff(chances: ArrayLike, worths: ArrayLike) -> CutScore:
    """Return the cut of a panel by Angoff: judges × items, how likely somebody who is just good enough is right.

    `worths` are the items' points; a judge's cut is the points that somebody just good enough has on average.
    """
    return _panel(np.asarray(chances, np.float64) @ np.asarray(worths, np.float64))


def bookmark(
    places: ArrayLike, difficulties: ArrayLike, worths: ArrayLike, *, mastery: float = MASTERY
) -> CutScore:
    """Return the cut of a panel by bookmarks in a booklet of items, the easiest first.

    `places` say before which item (0-based) each judge put the bookmark: of what lies before it somebody who is
    just good enough has mastered each item. `difficulties` are Rasch's, in the order of the booklet; a judge's
    cut is the points that somebody has on average who masters the last item before the bookmark with the chance
    `mastery`.
    """
    hard, worth = np.asarray(difficulties, np.float64), np.asarray(worths, np.float64)
    before = np.maximum(np.asarray(places, np.int64) - 1, 0)
    abilities = hard[before] + special.logit(mastery)
    return _panel(special.expit(abilities[:, None] - hard) @ worth)


def _panel(cuts: Floats) -> CutScore:
    spread = float(cuts.std(ddof=1)) if len(cuts) > 1 else math.nan
    return CutScore(float(cuts.mean()), spread, spread / math.sqrt(len(cuts)), cuts)
