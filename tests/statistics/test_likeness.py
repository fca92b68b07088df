"""Likeness of answers: equal to slow definitions written down another way, and holding honest people harmless.

No R is asked here: CopyDetect needs `mirt`, which Debian does not have. What it defines is written out below by
enumeration of all outcomes and by loops over people, which share nothing with what is tested.
"""

from __future__ import annotations

import math
from itertools import combinations, product

import numpy as np
import pytest

from cbt.statistics.likeness import (
    LEAST_GROUP,
    LEAST_OMEGA,
    NO_ANSWER,
    NOT_ASKED,
    ChoiceModel,
    TakenChoices,
    choice_model,
    corrected_in_two,
    generalised_binomial_test,
    holm,
    k_index,
    m4,
    matches,
    omega,
    poisson_binomial_tail,
    screen,
    trinomial_tail,
)
from cbt.statistics.pace import RAPID_PART, paces, thresholds
from tests.statistics.honesty import CHOICES, area_under_curve, copy, foreknow, honest

NEAR = 1e-9


def holed(people: int, items: int, seed: int) -> TakenChoices:
    """Return answers of honest people with items that were not asked of some and others not answered."""
    rng = np.random.default_rng(seed)
    given = honest(people, items, rng).given
    given.taken[rng.random(given.taken.shape) < 0.1] = NO_ANSWER
    given.taken[rng.random(given.taken.shape) < 0.2] = NOT_ASKED
    return given


def all_pairs(people: int) -> np.ndarray:
    return np.array(list(combinations(range(people), 2)), np.int32)


def slow_chance(
    given: TakenChoices, model: ChoiceModel, one: int, other: int, item: int, right: bool
) -> float:
    """Return how likely two people take the same choice of an item, a right or a wrong one."""
    if NOT_ASKED in (given.taken[one, item], given.taken[other, item]):
        return 0.0
    own, others = model.chances[model.band[one], item], model.chances[model.band[other], item]
    return sum(own[k] * others[k] for k in range(CHOICES) if given.right[item, k] == right)


def test_tails_equal_the_sums_over_all_outcomes() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.random((2, 7)) / 2, rng.random((2, 7)) / 2
    outcomes = list(product((0, 1, 2), repeat=7))

    def chance(row: int, outcome: tuple[int, ...]) -> float:
        parts = (1 - first[row] - second[row], first[row], second[row])
        return math.prod(parts[what][event] for event, what in enumerate(outcome))

    for row, (m, n) in ((0, (3, 2)), (1, (5, 0)), (0, (0, 0)), (1, (2, 4))):
        told = {outcome: chance(row, outcome) for outcome in outcomes}
        cells: dict[tuple[int, int], float] = {}
        for outcome, weight in told.items():
            cell = outcome.count(1), outcome.count(2)
            cells[cell] = cells.get(cell, 0.0) + weight
        upper = {
            cell: sum(w for at, w in cells.items() if at[0] >= cell[0] and at[1] >= cell[1]) for cell in cells
        }
        wanted = sum(w for at, w in cells.items() if upper[at] <= upper[m, n] * (1 + 1e-9))
        got = trinomial_tail(first, second, np.full(2, m), np.full(2, n))[row]
        assert got == pytest.approx(wanted, rel=NEAR, abs=1e-15)
        same = sum(w for at, w in cells.items() if sum(at) >= m + n)
        got = poisson_binomial_tail(first + second, np.full(2, m + n))[row]
        assert got == pytest.approx(same, rel=NEAR, abs=1e-15)


@pytest.mark.parametrize("is_holed", [False, True])
def test_every_figure_of_every_pair_equals_its_definition(is_holed: bool) -> None:
    given = holed(40, 24, 2) if is_holed else honest(40, 24, np.random.default_rng(2)).given
    model, pairs = choice_model(given), all_pairs(40)
    counted, omegas = matches(given, pairs), omega(given, model, pairs)
    binomial, trinomial = generalised_binomial_test(given, model, pairs), m4(given, model, pairs)
    for place in range(0, len(pairs), 37):
        one, other = pairs[place]
        a, b = given.taken[one], given.taken[other]
        same = [i for i in range(24) if a[i] == b[i] and a[i] >= 0]
        wrong = [i for i in same if a[i] != 0]
        assert counted.same[place] == len(same)
        assert counted.same_wrong[place] == len(wrong)
        assert counted.common[place] == sum(NOT_ASKED not in (a[i], b[i]) for i in range(24))
        for direction, (copier, source) in enumerate(((one, other), (other, one))):
            chances = [
                model.chances[model.band[copier], i, given.taken[source, i]]
                for i in range(24)
                if given.taken[source, i] >= 0 and given.taken[copier, i] != NOT_ASKED
            ]
            spread = math.sqrt(sum(p * (1 - p) for p in chances))
            assert omegas[place, direction] == pytest.approx((len(same) - sum(chances)) / spread, rel=NEAR)
        right = np.array([slow_chance(given, model, one, other, i, True) for i in range(24)])
        wrongs = np.array([slow_chance(given, model, one, other, i, False) for i in range(24)])
        polynomial = np.array([1.0])
        for p in right + wrongs:
            polynomial = np.convolve(polynomial, [1 - p, p])
        assert binomial[place] == pytest.approx(polynomial[len(same) :].sum(), rel=NEAR)
        table = {(0, 0): 1.0}
        for p, q in zip(right, wrongs, strict=True):
            further: dict[tuple[int, int], float] = {}
            for (x, y), weight in table.items():
                for cell, part in (((x + 1, y), p), ((x, y + 1), q), ((x, y), 1 - p - q)):
                    further[cell] = further.get(cell, 0.0) + weight * part
            table = further
        upper = {
            cell: sum(w for at, w in table.items() if at[0] >= cell[0] and at[1] >= cell[1]) for cell in table
        }
        least = upper[len(same) - len(wrong), len(wrong)] * (1 + 1e-9)
        assert trinomial[place] == pytest.approx(
            sum(weight for cell, weight in table.items() if upper[cell] <= least), rel=NEAR
        )


def test_k_equals_its_definition_in_both_directions_and_tells_nothing_of_other_forms() -> None:
    rng = np.random.default_rng(3)
    given = honest(300, 20, rng, ability=-1.0).given
    tellable = 0
    for copier, source in ((0, 1), (7, 9), (9, 7), (3, 8), (30, 31)):
        told = k_index(given, copier, source)
        wrong = [i for i in range(20) if given.taken[source, i] > 0]
        counts = [sum(given.taken[j, i] == given.taken[source, i] for i in wrong) for j in range(300)]
        fails = [int((given.taken[j] > 0).sum()) for j in range(300)]
        group = [counts[j] for j in range(300) if fails[j] == fails[copier]]
        p = sum(group) / len(group) / len(wrong)
        tail = sum(
            math.comb(len(wrong), m) * p**m * (1 - p) ** (len(wrong) - m)
            for m in range(counts[copier], len(wrong) + 1)
        )
        assert told.k == (pytest.approx(tail, rel=NEAR) if len(group) >= LEAST_GROUP else None)
        groups = sorted({fails[j] for j in range(300) if j != source})
        means = []
        for size in groups:
            own = [counts[j] for j in range(300) if fails[j] == size and j != source]
            means.append(sum(own) / len(own) / len(wrong))
        design = np.array([[1, g / 20, (g / 20) ** 2] for g in groups])
        curve = np.linalg.lstsq(design, np.array(means), rcond=None)[0]
        at = fails[copier] / 20
        p = min(max(float(curve @ [1, at, at**2]), 0.001), 0.999)
        tail = sum(
            math.comb(len(wrong), m) * p**m * (1 - p) ** (len(wrong) - m)
            for m in range(counts[copier], len(wrong) + 1)
        )
        assert told.k2 == pytest.approx(tail, rel=1e-7)
        tellable += told.k is not None
    assert tellable >= 3
    alone = honest(20, 40, rng, ability=-1.0).given
    assert k_index(alone, 0, 1).k is None
    given.taken[0, 3] = NOT_ASKED
    assert k_index(TakenChoices(given.taken, given.right), 0, 1).k is None


@pytest.mark.parametrize("is_holed", [False, True])
def test_the_screen_lets_through_whoever_reaches_its_bound_and_nobody_else(is_holed: bool) -> None:
    given = holed(150, 40, 4) if is_holed else honest(150, 40, np.random.default_rng(4)).given
    model, pairs = choice_model(given), all_pairs(150)
    told = screen(given, model, least=1.5)
    assert told.looked_at == len(pairs)
    reached = omega(given, model, pairs).max(axis=1) >= 1.5
    assert {tuple(pair) for pair in told.pairs} == {tuple(pair) for pair in pairs[reached]}
    assert 0 < reached.sum() < len(pairs)


def test_the_model_has_the_score_of_each_band_and_misses_nobody() -> None:
    given = holed(400, 50, 5)
    model = choice_model(given)
    assert model.chances.min() >= 0
    assert model.chances.sum(axis=2).max() <= 1 + 1e-9
    right = (model.chances * given.right).sum(axis=2)
    for band in range(len(right)):
        own = model.band == band
        weights = given.asked[own].sum(axis=0) / given.asked[own].sum()
        assert (right[band] * weights).sum() == pytest.approx(given.shares[own].mean(), abs=0.02)


def test_corrections_hold_for_all_and_neighbours_are_a_family() -> None:
    chances = np.array([0.01, 0.0001, 0.002])
    assert holm(chances, 10) == pytest.approx([0.08, 0.001, 0.018])
    beside = np.array([True, False, False])
    assert corrected_in_two(chances, beside, among=10, among_beside=2) == pytest.approx([0.04, 0.002, 0.036])
    assert corrected_in_two(chances, ~beside & False, among=10, among_beside=0) == pytest.approx(
        holm(chances, 10)
    )


def test_copying_is_told_from_honesty_and_honest_pairs_are_left_alone() -> None:
    rng = np.random.default_rng(6)
    sat = honest(600, 100, rng)
    planted = [(2 * pair, 2 * pair + 1) for pair in range(60)]
    for number, pair in enumerate(planted):
        copy(sat, *pair, 0.2 if number % 2 else 0.5, rng)
    given = sat.given
    model, pairs = choice_model(given), all_pairs(600)
    chances = -np.log(generalised_binomial_test(given, model, pairs))
    copied = np.isin(pairs[:, 0] * 600 + pairs[:, 1], [one * 600 + other for one, other in planted])
    assert area_under_curve(chances[copied], chances[~copied]) > 0.9
    corrected = corrected_in_two(np.exp(-chances), copied, among=len(pairs), among_beside=600)
    accused = (corrected <= 0.05) & (omega(given, model, pairs).max(axis=1) >= LEAST_OMEGA)
    assert accused[copied].sum() >= 12
    assert accused[~copied].sum() == 0


def test_whoever_knows_items_beforehand_is_rapid_and_right() -> None:
    rng = np.random.default_rng(7)
    sat = honest(300, 60, rng)
    foreknow(sat, np.arange(5), np.arange(20), rng)
    sat.seconds[50:60, 30:] = np.nan
    pace = paces(sat.seconds, sat.given.is_right)
    assert list(np.argsort(pace.chance)[:5] < 5) == [True] * 5
    assert pace.chance[:5].max() < 1e-6
    assert pace.chance[5:].min() > 1e-6
    assert pace.items[50] == 30
    limits = thresholds(sat.seconds[:29])
    assert np.isnan(limits).all()
    assert thresholds(sat.seconds)[40] == pytest.approx(
        min(RAPID_PART * float(np.nanmedian(sat.seconds[:, 40])), 10.0)
    )
