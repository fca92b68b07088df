"""What is computed equals what R says of public data sets to 1e-9 (vectors.R made vectors.json)."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cbt.statistics.classical import (
    Reliability,
    Responses,
    coefficient_alpha,
    item_figures,
    nested_reliability,
    outer_groups,
    reliability,
)
from cbt.statistics.decision import decision_at
from cbt.statistics.differential import logistic_dif, mantel_haenszel

NEAR = 1e-9


@cache
def vectors() -> dict[str, Any]:
    return json.loads(Path(__file__).with_name("vectors.json").read_text())


def answers(paper: dict[str, Any]) -> Responses:
    matrix = np.array([[float(sign) for sign in row] for row in paper["rows"]])
    return Responses.of_matrix(matrix, np.full(matrix.shape[1], float(paper["worth"])))


def near(value: object, wanted: object) -> bool:
    return bool(np.allclose(value, wanted, rtol=NEAR, atol=NEAR))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["lsat6", "lsat7", "bfi", "attitude"])
def test_the_figures_of_a_paper_equal_those_of_r(name: str) -> None:
    paper = vectors()["papers"][name]
    given, wanted = answers(paper), paper["total"]
    totals = given.totals
    assert (len(totals), totals.min(), totals.max()) == (wanted["n"], wanted["min"], wanted["max"])
    assert near([totals.mean(), totals.std(ddof=1)], [wanted["mean"], wanted["sd"]])
    told = reliability(given)
    assert told is not None
    assert told.method == ("kr20" if name.startswith("lsat") else "alpha")
    alpha = paper["alpha"]
    assert near(
        [told.value, told.low, told.high, told.error],
        [alpha["value"], alpha["low"], alpha["high"], alpha["sem"]],
    )
    assert near(nested_reliability(given), paper["icc1k"])


@pytest.mark.parametrize("name", ["lsat6", "lsat7", "bfi", "attitude"])
def test_the_figures_of_items_equal_those_of_r(name: str) -> None:
    paper = vectors()["papers"][name]
    given = answers(paper)
    figures = item_figures(given, outer_groups(given.totals))
    assert near(figures.difficulty, paper["difficulty"])
    assert near(np.transpose(figures.difficulty_bounds), paper["difficulty_bounds"])
    assert near(figures.correlation, paper["correlation"])
    assert near(np.transpose(figures.correlation_bounds), paper["correlation_bounds"])
    told = np.stack([figures.discrimination, *figures.discrimination_bounds], axis=1)
    assert near(told, paper["discrimination"])


@pytest.mark.parametrize("name", ["lsat6", "lsat7", "bfi", "attitude"])
def test_the_sums_of_the_verdict_equal_the_integrals_of_r(name: str) -> None:
    paper = vectors()["papers"][name]
    given = answers(paper)
    told = decision_at(
        paper["cut"],
        mean=float(given.totals.mean()),
        variance=float(given.totals.var(ddof=1)),
        reliability=coefficient_alpha(given),
        most=float(paper["worth"] * given.items),
    )
    wanted = paper["decision"]
    assert told is not None
    assert told.items == wanted["items"]
    assert near(
        [told.consistency, told.kappa, told.accuracy],
        [wanted["consistency"], wanted["kappa"], wanted["accuracy"]],
    )


def test_differential_functioning_equals_that_of_r() -> None:
    told = vectors()["dif"]
    right = np.array([[sign == "1" for sign in row] for row in told["rows"]])
    focal = np.array([sign == "1" for sign in told["focal"]])
    points = right.sum(axis=1)
    for place, wanted in enumerate(told["items"]):
        table = mantel_haenszel(right[:, place], focal, points)
        assert table is not None
        assert near(
            [table.odds, table.low, table.high, table.chi_square, table.p],
            [wanted[name] for name in ("odds", "low", "high", "chi_square", "p")],
        )
        fit = logistic_dif(right[:, place], focal, points.astype(float))
        assert fit is not None
        logistic = wanted["logistic"]
        assert near([fit.uniform, fit.crossing, fit.either], logistic["g"])
        assert near(
            [fit.uniform_p, fit.crossing_p, fit.either_p, fit.gain], [*logistic["p"], logistic["gain"]]
        )


def test_the_admissions_of_berkeley_show_no_group_preferred() -> None:
    wanted = vectors()["berkeley"]
    # The table runs over group, then verdict, then department, the first fastest.
    table = np.array(wanted["table"]).reshape(6, 2, 2)
    cells = [
        (verdict == 0, group == 1, department)
        for department in range(6)
        for verdict in range(2)
        for group in range(2)
        for _person in range(table[department, verdict, group])
    ]
    right, focal, stratum = (np.array(column) for column in zip(*cells, strict=True))
    told = mantel_haenszel(right, focal, stratum)
    assert told is not None
    assert near(
        [told.odds, told.low, told.high, told.chi_square, told.p],
        [wanted[name] for name in ("odds", "low", "high", "chi_square", "p")],
    )
    assert told.size == "A"


def test_those_at_the_border_belong_to_a_group_in_part() -> None:
    groups = outer_groups(np.array([1.0, 2, 2, 3, 3, 3, 4, 4, 5, 9]))
    assert groups.bottom.tolist() == pytest.approx([1, 0.85, 0.85, 0, 0, 0, 0, 0, 0, 0])
    assert groups.top.tolist() == pytest.approx([0, 0, 0, 0, 0, 0, 0.35, 0.35, 1, 1])
    assert outer_groups(np.full(10, 3.0)).top.sum() == pytest.approx(2.7)


def test_what_says_nothing_is_told_as_nothing() -> None:
    same = Responses.of_matrix(np.ones((4, 3)), np.ones(3))
    assert reliability(same) is None
    one_item = Responses.of_matrix(np.array([[1.0], [0.0]]), np.ones(1))
    assert reliability(one_item) is None
    assert decision_at(60, mean=70, variance=0, reliability=0.8, most=100) is None
    assert decision_at(60, mean=70, variance=90, reliability=-0.1, most=100) is None
    group = np.array([True, True, False, False])
    assert mantel_haenszel(group, group, np.zeros(4, np.intp)) is None
    assert logistic_dif(group, group, np.array([1.0, 2, 3, 4])) is None


def test_papers_drawn_for_each_are_measured_by_what_their_items_share() -> None:
    # Four people, two of six items each; one stratum of one item falls back to the whole paper.
    nothing = np.nan
    matrix = np.array(
        [
            [1, 1, nothing, nothing, nothing, nothing],
            [nothing, nothing, 1, 0, nothing, nothing],
            [nothing, nothing, nothing, nothing, 0, 0],
            [1, nothing, nothing, nothing, nothing, 1],
        ]
    )
    given = Responses.of_matrix(matrix, np.ones(6))
    told = reliability(given)
    assert isinstance(told, Reliability)
    assert told.method == "nested"
    variance = float(given.totals.var(ddof=1))
    assert told.value == pytest.approx(1 - (2 * 0.5 / 4) / variance)
    single = np.arange(len(given.item), dtype=np.int32) % 2
    assert nested_reliability(given, single) == pytest.approx(told.value)


def test_some_people_alone_are_counted_as_if_there_were_no_others() -> None:
    matrix = np.array([[1, np.nan], [0, np.nan], [np.nan, 1], [1, np.nan]])
    given = Responses.of_matrix(matrix, np.ones(2)).among(np.array([True, True, False, True]))
    assert (given.people, given.items, given.is_complete) == (3, 1, True)
    assert given.totals.tolist() == [1, 0, 1]
