"""Equating, panels and Rasch's model: equal to published figures, and to what must hold whatever the data are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from cbt.statistics.comparison import holm, mean_difference
from cbt.statistics.cut_scores import angoff, bookmark
from cbt.statistics.equating import (
    Anchored,
    Method,
    all_methods,
    circle_arc,
    levine_equating,
    linear_equating,
    mean_equating,
    tucker_equating,
)
from cbt.statistics.rasch import LEAST_PEOPLE, rasch
from cbt.statistics.two_parameter import two_parameter
from tests.statistics.test_vectors import vectors


def with_moments(mean: float, sd: float, anchor_mean: float, anchor_sd: float, covariance: float) -> Anchored:
    """Return four people with exactly these moments."""
    one, other = np.array([1.0, -1, 1, -1]), np.array([1.0, 1, -1, -1])
    shared = covariance / sd
    return Anchored.of(
        mean + sd * one, anchor_mean + shared * one + math.sqrt(anchor_sd**2 - shared**2) * other
    )


NEW = with_moments(15.8205, 6.5278, 5.1063, 2.3760, 13.4088)
OLD = with_moments(18.6728, 6.8784, 5.8626, 2.4515, 14.7603)
"""The forms of Kolen and Brennan's example (2014, tables 4.2 to 4.4), whose figures have four digits."""


def test_anchored_equating_equals_the_published_example() -> None:
    tucker = tucker_equating(NEW, OLD, [0, 10], weight=1)
    assert (tucker.slope, tucker.intercept) == (
        pytest.approx(1.0289, abs=2e-4),
        pytest.approx(0.5370, abs=2e-3),
    )
    levine = levine_equating(NEW, OLD, [0, 10], weight=1)
    assert (levine.slope, levine.intercept) == (
        pytest.approx(1.0112, abs=2e-4),
        pytest.approx(0.2513, abs=2e-3),
    )
    assert tucker.points == pytest.approx(tucker.intercept + tucker.slope * np.array([0, 10]))


def test_groups_with_the_same_anchor_need_none() -> None:
    same = with_moments(18.6728, 6.8784, 5.1063, 2.3760, 14.7603)
    plain = linear_equating(NEW.total, same.total, [3, 12])
    for told in (tucker_equating(NEW, same, [3, 12]), levine_equating(NEW, same, [3, 12], internal=False)):
        assert told.points == pytest.approx(plain.points, abs=1e-9)
    assert mean_equating(NEW.total, same.total, [3]).points == pytest.approx([3 + 18.6728 - 15.8205])


@pytest.mark.parametrize("middle", [52.0, 50.0, 47.5])
def test_an_arc_goes_through_its_three_points(middle: float) -> None:
    told = circle_arc([25, 50, 100, 60, 65], low=(25, 25), middle=(50, middle), high=(100, 100)).points
    assert told[:3] == pytest.approx([25, middle, 100])
    # Symmetric about the middle of its ends, as the arc of a circle is.
    assert told[3] - 60 == pytest.approx(told[4] - 65)


def test_panels_recommend_the_mean_of_their_judges() -> None:
    told = angoff([[0.5, 0.8, 0.2], [0.6, 0.9, 0.3]], [2, 1, 1])
    assert told.judges == pytest.approx([2.0, 2.4])
    assert (told.value, told.spread, told.error) == pytest.approx((2.2, math.sqrt(0.08), 0.2))
    assert math.isnan(angoff([[0.5]], [1]).error)
    difficulties = [-1.0, 0.0, 1.0]
    told = bookmark([1, 2], difficulties, [1, 1, 1], mastery=0.5)
    wanted = [sum(1 / (1 + math.exp(d - at)) for d in difficulties) for at in (-1.0, 0.0)]
    assert told.judges == pytest.approx(wanted)


def test_rasch_equals_what_r_says_of_lsat() -> None:
    """`ltm::rasch(LSAT)`: its difficulties are divided by the discrimination, which is our spread of abilities."""
    rows = vectors()["papers"]["lsat6"]["rows"]
    told = rasch(np.array([[float(sign) for sign in row] for row in rows]))
    assert told is not None
    assert told.spread == pytest.approx(0.7551, abs=1e-3)
    assert told.difficulties / told.spread == pytest.approx(
        [-3.6153, -1.3224, -0.3176, -1.7301, -2.7802], abs=2e-3
    )
    assert told.log_likelihood == pytest.approx(-2466.938, abs=1e-2)
    assert told.spread_error == pytest.approx(0.0694, abs=5e-3)


def test_rasch_finds_planted_difficulties_within_their_errors_and_refuses_few() -> None:
    rng = np.random.default_rng(2)
    hard = np.linspace(-2, 2, 25)
    chances = 1 / (1 + np.exp(hard - rng.normal(0, 1.2, (3000, 1))))
    right = (rng.random(chances.shape) < chances).astype(float)
    right[rng.random(right.shape) < 0.3] = np.nan
    told = rasch(right)
    assert told is not None
    assert np.abs((told.difficulties - hard) / told.errors).max() < 3.5
    assert abs(told.spread - 1.2) < 4 * told.spread_error
    assert 0.02 < told.errors.min() < told.errors.max() < 0.1
    assert rasch(right[: LEAST_PEOPLE - 1]) is None
    right[:, 0] = 1
    assert rasch(right) is None


def test_two_groups_are_held_against_each_other_as_r_does() -> None:
    """R's `t.test` of part of its data `sleep`, Hedges' g by its gamma functions, `p.adjust(…, "holm")`."""
    some = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    others = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5]
    told = mean_difference(some, others)
    assert told is not None
    assert [told.value, told.low, told.high, told.p, told.effect] == pytest.approx(
        [
            -1.20714285714285730,
            -3.39253068913986544,
            0.97824497485415096,
            0.25043537578633973,
            -0.58725111353615866,
        ],
        rel=1e-9,
    )
    assert mean_difference([1.0], others) is None
    assert mean_difference([2.0, 2.0], [2.0, 2.0]) is None
    assert holm([0.01, 0.04, 0.03, 0.005, 0.6]) == pytest.approx([0.04, 0.09, 0.09, 0.025, 0.6])


def test_errors_of_equating_equal_those_made_by_hand() -> None:
    """Of mean equating each group's variance over its people; of linear what Kolen and Brennan's (7.10) says of a
    normal distribution, which these points have in their third and fourth moments.
    """
    new, old = normal_moments(50.0, 10.0), normal_moments(60.0, 8.0)
    told = all_methods(new, old, [50.0, 70.0], most=(100.0, 100.0))
    assert told is not None
    n = len(new.total)
    assert told["mean"].points == pytest.approx([60, 80])
    assert told["mean"].errors == pytest.approx([math.sqrt((100 + 64) / n)] * 2, rel=1e-6)
    by_hand = [8 * math.sqrt((1 / n + 1 / n) * (1 + z**2 / 2)) for z in (0.0, 2.0)]
    assert told["linear"].points == pytest.approx([60, 76])
    assert told["linear"].errors == pytest.approx(by_hand, rel=1e-4)
    arc = told["circle_arc"]
    assert arc.errors[1] < arc.errors[0]
    ends = all_methods(new, old, [0.0, 100.0], most=(100.0, 100.0))
    assert ends is not None
    assert ends["circle_arc"].errors == pytest.approx([0, 0], abs=1e-6)


def normal_moments(mean: float, sd: float) -> Anchored:
    """Return six people with the skewness and the kurtosis of a normal distribution, and an anchor like them."""
    shape = np.array([-math.sqrt(3), 0, 0, 0, 0, math.sqrt(3)])
    return Anchored.of(mean + sd * shape, 20 + 3 * shape)


@pytest.mark.parametrize("method", ["mean", "linear", "tucker", "levine", "circle_arc"])
def test_errors_of_equating_are_what_other_people_would_change(method: Method) -> None:
    """Held against a bootstrap of the same people, and half as large for four times as many."""
    rng = np.random.default_rng(9)

    def group(ability: float, n: int) -> Anchored:
        able = rng.normal(ability, 1, n)
        anchor = 12 + 3 * able + rng.normal(0, 2, n)
        return Anchored.of(40 + 8 * able + anchor + rng.normal(0, 4, n), anchor)

    def chosen(own: Anchored, people: Any) -> Anchored:
        return Anchored.of(own.total[people], own.anchor[people])

    new, old = group(-0.3, 200), group(0.2, 250)
    told = all_methods(new, old, [40, 60], most=(100, 100))
    assert told is not None
    others = []
    for _draw in range(600):
        one = chosen(new, rng.integers(0, 200, 200))
        other = chosen(old, rng.integers(0, 250, 250))
        drawn = all_methods(one, other, [40, 60], most=(100, 100))
        assert drawn is not None
        others.append(drawn[method].points)
    assert told[method].errors == pytest.approx(np.std(others, axis=0), rel=0.12)
    four = [Anchored.of(np.tile(own.total, 4), np.tile(own.anchor, 4)) for own in (new, old)]
    more = all_methods(*four, [40, 60], most=(100, 100))
    assert more is not None
    assert more[method].errors == pytest.approx(told[method].errors / 2, rel=1e-6)


def test_an_anchor_that_tells_nothing_equates_nothing() -> None:
    same = Anchored.of([40, 50, 60], [5, 5, 5])
    against = Anchored.of([40, 50, 60], [7, 5, 3])
    good = Anchored.of([40, 50, 60], [3, 5, 7])
    for one, other in ((same, good), (good, same), (against, good)):
        assert all_methods(one, other, [50], most=(100, 100)) is None
    assert all_methods(good, good, [50], most=(100, 100)) is not None


def test_the_two_parameter_model_equals_what_r_says_of_lsat() -> None:
    """`ltm::ltm(LSAT ~ z1)` as Rizopoulos printed it (2006): difficulties, discriminations and their errors."""
    rows = vectors()["papers"]["lsat6"]["rows"]
    told = two_parameter(np.array([[float(sign) for sign in row] for row in rows]), near=1e-8)
    assert told is not None
    assert told.locations == pytest.approx([-3.3597, -1.3696, -0.2799, -1.8659, -3.1236], rel=1e-3, abs=1e-3)
    assert told.slopes == pytest.approx([0.8254, 0.7229, 0.8905, 0.6886, 0.6575], abs=1e-3)
    assert told.log_likelihood == pytest.approx(-2466.653, abs=1e-3)
    # R's errors come of the curvature, ours of the scores: for a thousand people much the same.
    assert told.slope_errors == pytest.approx([0.2581, 0.1867, 0.2326, 0.1852, 0.2100], rel=0.1)
    assert told.location_errors == pytest.approx([0.8669, 0.3073, 0.0997, 0.4341, 0.8700], rel=0.1)


def test_two_parameters_are_found_within_their_errors_and_few_people_are_refused() -> None:
    rng = np.random.default_rng(4)
    hard, sharp = np.linspace(-2, 2, 24), np.resize([0.6, 1.0, 1.6], 24)
    chances = 1 / (1 + np.exp(-sharp * (rng.normal(0, 1, (4000, 1)) - hard)))
    right = (rng.random(chances.shape) < chances).astype(float)
    right[rng.random(right.shape) < 0.3] = np.nan
    told = two_parameter(right, near=1e-4)
    assert told is not None
    assert np.abs((told.slopes - sharp) / told.slope_errors).max() < 3.5
    assert np.abs((told.locations - hard) / told.location_errors).max() < 3.5
    assert 0.02 < told.slope_errors.min() < told.slope_errors.max() < 0.2
    assert two_parameter(right[: LEAST_PEOPLE - 1]) is None
    right[:, 0] = 0
    assert two_parameter(right) is None
