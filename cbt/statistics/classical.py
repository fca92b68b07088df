"""Classical test theory: reliability, error of measurement, difficulty and discrimination, with intervals of 95 %.

Source: R-96, R-97.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Floats = NDArray[np.float64]
Places = NDArray[np.int32]


@dataclass(frozen=True)
class Responses:
    """Answers of `people` to `items`: who (`person`) earned how many of how many points (`earned`, `worth`) where.

    The four arrays have a cell for each item that somebody was asked; a pair that is not there was not asked of
    that person, for papers may be drawn for each alone. An item that was asked and not answered earned 0.
    """

    people: int
    items: int
    person: Places
    item: Places
    earned: Floats
    worth: Floats

    @classmethod
    def of_matrix(cls, matrix: ArrayLike, worths: ArrayLike) -> Responses:
        """Return the cells of a matrix, people × items, of points; NaN is what was not asked."""
        points = np.asarray(matrix, dtype=np.float64)
        person, item = np.nonzero(~np.isnan(points))
        most = np.asarray(worths, dtype=np.float64)
        people, items = points.shape
        return cls(
            people, items, person.astype(np.int32), item.astype(np.int32), points[person, item], most[item]
        )

    @cached_property
    def totals(self) -> Floats:
        """The points of each person."""
        return np.bincount(self.person, self.earned, self.people)

    @cached_property
    def shares(self) -> Floats:
        """What part of its points each cell earned."""
        return self.earned / self.worth

    @cached_property
    def asked(self) -> NDArray[np.intp]:
        """How many people each item was asked of."""
        return np.bincount(self.item, minlength=self.items)

    @cached_property
    def is_complete(self) -> bool:
        """Whether everybody was asked every item, once."""
        if len(self.item) != self.people * self.items:
            return False
        pairs = self.person.astype(np.int64) * self.items + self.item
        return bool((np.bincount(pairs) == 1).all())

    def of_item(self, values: NDArray[Any]) -> Floats:
        """Return the sum of a value of each cell by item."""
        return np.bincount(self.item, values, self.items)

    def means(self, values: NDArray[Any]) -> Floats:
        """Return the mean of a value of each cell by item; NaN for an item that nobody was asked."""
        with np.errstate(invalid="ignore"):
            return self.of_item(values) / self.asked

    def among(self, people: NDArray[np.bool_]) -> Responses:
        """Return the answers of some people to the items that they were asked, both numbered anew."""
        kept = people[self.person]
        items, item = np.unique(self.item[kept], return_inverse=True)
        numbers = np.cumsum(people, dtype=np.int32) - 1
        return Responses(
            int(people.sum()),
            len(items),
            numbers[self.person[kept]],
            item.astype(np.int32),
            self.earned[kept],
            self.worth[kept],
        )


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


OUTER_GROUP = 0.27
"""So large a part of all are the best, and the weakest (Kelley 1939)."""

Method = Literal["kr20", "alpha", "nested"]


@dataclass(frozen=True, slots=True)
class Reliability:
    """How far the points of a paper would be the same with other items of its kind.

    `error` is the standard error of measurement in points. `kr20` and `alpha` are Cronbach's coefficient, for items
    that are right or wrong and of the same points it is Kuder and Richardson's formula 20. `nested` is for papers
    drawn for each person alone, see `nested_reliability`. `low` and `high` are Feldt's interval.
    """

    method: Method
    value: float
    low: float
    high: float
    error: float


def reliability(responses: Responses, strata: NDArray[np.int32] | None = None) -> Reliability | None:
    """Return the reliability of the points of a paper; None where it says nothing: all have the same points.

    `strata` says of each cell which part of the paper it belongs to, where papers differ.
    """
    if responses.people < 2 or float(np.ptp(responses.totals)) == 0:
        return None
    variance = float(np.var(responses.totals, ddof=1))
    if responses.is_complete:
        if responses.items < 2:
            return None
        value, items = coefficient_alpha(responses), float(responses.items)
        method: Method = "kr20" if _is_right_or_wrong(responses) else "alpha"
    else:
        nested = nested_reliability(responses, strata)
        if nested is None:
            return None
        value, items, method = nested, len(responses.item) / responses.people, "nested"
    low, high = reliability_interval(value, responses.people, items)
    return Reliability(method, value, low, high, float(np.sqrt(variance * (1 - value))))


def _is_right_or_wrong(responses: Responses) -> bool:
    whole = (responses.earned == 0) | (responses.earned == responses.worth)
    return bool(whole.all()) and float(np.ptp(responses.worth)) == 0


def coefficient_alpha(responses: Responses) -> float:
    """Return Cronbach's α of a complete matrix of at least two items and two people who differ."""
    variances = item_variances(responses)
    total = float(np.var(responses.totals, ddof=1))
    return responses.items / (responses.items - 1) * (1 - float(variances.sum()) / total)


def item_variances(responses: Responses) -> Floats:
    """Return the sample variance of the points at each item, among those who were asked."""
    apart = responses.earned - responses.means(responses.earned)[responses.item]
    with np.errstate(invalid="ignore", divide="ignore"):
        return responses.of_item(apart**2) / (responses.asked - 1)


def nested_reliability(responses: Responses, strata: NDArray[np.int32] | None = None) -> float | None:
    """Return the reliability of points at items drawn for each person alone; None if nothing says it.

    The items of a person in a stratum are a sample of those that could have been asked, so the variance within the
    person there, times their number, is the error of the sum: 1 − Σ errors / variance of the points. In one stratum
    that is ICC(1, k), with right-or-wrong items Kuder and Richardson's formula 21. Of a paper that all share it is
    no more than α: here the items' difficulty counts as error.
    """
    cells = np.zeros(len(responses.item), np.int64) if strata is None else strata.astype(np.int64)
    error = _sampling_error(responses, cells)
    if error is None and strata is not None:
        error = _sampling_error(responses, np.zeros(len(cells), np.int64))
    if error is None:
        return None
    return 1 - error / float(np.var(responses.totals, ddof=1))


def _sampling_error(responses: Responses, strata: NDArray[np.int64]) -> float | None:
    """Return the mean squared error of a person's points; None where somebody has one item in a stratum only."""
    width = int(np.max(strata)) + 1
    group = responses.person.astype(np.int64) * width + strata
    counts = np.bincount(group)
    if bool((counts == 1).any()):
        return None
    there = np.maximum(counts, 2)  # nobody has anything in an empty one
    apart = responses.earned - (np.bincount(group, responses.earned) / there)[group]
    errors = counts * np.bincount(group, apart**2) / (there - 1)
    return float(errors.sum()) / responses.people


@dataclass(frozen=True, slots=True)
class ItemFigures:
    """Figures of each item, in arrays by item: among how many, difficulty, discrimination, each with its interval.

    `difficulty` is the mean share of the points earned, of a right-or-wrong item the share of right answers.
    `discrimination` is D, the difference of that between the best and the weakest 27 %; `correlation` that of the
    points with those of the rest of the paper. NaN is what cannot be told.
    """

    n: NDArray[np.intp]
    difficulty: Floats
    difficulty_bounds: Bounds
    discrimination: Floats
    discrimination_bounds: Bounds
    correlation: Floats
    correlation_bounds: Bounds


def item_figures(responses: Responses, groups: OuterGroups) -> ItemFigures:
    """Return the figures of each item."""
    shares, n = responses.shares, responses.asked
    difficulty = responses.means(shares)
    apart = (shares - difficulty[responses.item]) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        variances = responses.of_item(apart) / (n - 1)
    by_halves = responses.of_item((shares != 0) & (shares != 1)) == 0
    wilson, student = share_interval(difficulty, n), mean_interval(difficulty, variances, n)
    bounds = tuple(
        np.where(by_halves, whole, np.clip(partial, 0, 1))
        for whole, partial in zip(wilson, student, strict=True)
    )
    discrimination, half = _discrimination(responses, groups)
    correlation = corrected_correlation(responses)
    return ItemFigures(
        n=n,
        difficulty=difficulty,
        difficulty_bounds=(bounds[0], bounds[1]),
        discrimination=discrimination,
        discrimination_bounds=(
            np.maximum(discrimination - half, -1),
            np.minimum(discrimination + half, 1),
        ),
        correlation=correlation,
        correlation_bounds=correlation_interval(correlation, n),
    )


def corrected_correlation(responses: Responses) -> Floats:
    """Return the correlation of each item's points with the points of the rest of the paper."""
    rest = responses.totals[responses.person] - responses.earned
    own = responses.earned - responses.means(responses.earned)[responses.item]
    rest = rest - responses.means(rest)[responses.item]
    both = responses.of_item(own * rest)
    with np.errstate(invalid="ignore", divide="ignore"):
        return both / np.sqrt(responses.of_item(own**2) * responses.of_item(rest**2))


@dataclass(frozen=True, slots=True)
class OuterGroups:
    """The part of each person that belongs to the best and to the weakest 27 %, from 0 to 1."""

    top: Floats
    bottom: Floats

    @property
    def middle(self) -> Floats:
        return 1 - self.top - self.bottom


def outer_groups(totals: Floats, part: float = OUTER_GROUP) -> OuterGroups:
    """Return who belongs to the best and the weakest, by their points.

    Those who share the points at the border belong there in part, all alike: the figures do not go by the order in
    which people stand in a list.
    """
    values, place, counts = np.unique(totals, return_inverse=True, return_counts=True)
    most = part * len(totals)
    below = np.cumsum(counts) - counts
    above = len(totals) - below - counts
    bottom = np.clip((most - below) / counts, 0, 1)
    top = np.clip((most - above) / counts, 0, 1)
    if len(values) == 1:  # nobody is better than anybody
        top = bottom = np.full(1, part)
    return OuterGroups(top[place], bottom[place])


def _discrimination(responses: Responses, groups: OuterGroups) -> tuple[Floats, Floats]:
    """Return D of each item, and half the width of its interval by the normal distribution."""
    means, errors = [], []
    for weights in (groups.top, groups.bottom):
        weight = weights[responses.person]
        size = responses.of_item(weight)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = responses.of_item(weight * responses.shares) / size
            apart = weight * (responses.shares - mean[responses.item]) ** 2
            errors.append(responses.of_item(apart) / size**2)
        means.append(mean)
    return means[0] - means[1], Z * np.sqrt(errors[0] + errors[1])


def chosen_shares(
    cells: NDArray[np.int32], item: NDArray[np.int32], items: int, weights: Floats, choices: int
) -> Floats:
    """Return which part of the people, weighed, took which choice of each item: items × choices.

    `cells` has a bit for each choice that was taken, `item` says where, `weights` how much each cell counts.
    """
    size = np.bincount(item, weights, items)
    with np.errstate(invalid="ignore", divide="ignore"):
        columns = [
            np.bincount(item, weights * ((cells >> place) & 1), items) / size for place in range(choices)
        ]
    return np.stack(columns, axis=1)
