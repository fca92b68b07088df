"""Equating, panels and Rasch's model: equal to published figures, and to what must hold whatever the data are."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cbt.statistics.comparison import holm, mean_difference
from cbt.statistics.cut_scores import angoff, bookmark
from cbt.statistics.equating import (
    Anchored,
    circle_arc,
    levine_equating,
    linear_equating,
    mean_equating,
    tucker_equating,
)
from cbt.statistics.rasch import LEAST_PEOPLE, rasch
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
