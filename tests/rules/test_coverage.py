"""What a bank lasts for: the bound against every way to draw, what is missing against what mends it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cbt.errors import Conflict
from cbt.rules.assembly.coverage import (
    Lack,
    RangeCover,
    Stock,
    cover,
    expected_overlap,
    items_apart,
    levels,
    papers_reached,
    stock_pools,
)
from cbt.rules.assembly.pools import Drawable, RangePlan, RangePool, apportion, first_choice
from cbt.rules.exam import Paper, Section
from cbt.rules.items.content import ItemType

TRUTH, CHOICE = ItemType.TRUE_FALSE, ItemType.SINGLE_CHOICE
Cell = tuple[str, ItemType]


def paper(truths: int, choices: int) -> Paper:
    """A paper of one range; a section of no items is left out."""
    sections = [
        Section(kind.value, kind, count, Decimal(1))
        for kind, count in ((TRUTH, truths), (CHOICE, choices))
        if count
    ]
    return Paper("theory", "理论", timedelta(minutes=45), sections=tuple(sections))


def stock(counts: dict[Cell, int]) -> list[Stock]:
    return [Stock(point, "A", kind, 3, count) for (point, kind), count in counts.items() if count]


def covered(form: Paper, counts: dict[Cell, int], importances: dict[str, str], papers: int = 1) -> RangeCover:
    found = cover(form, stock(counts), {"A": 100}, importances, papers=papers)
    assert len(found) == 1
    return found[0]


@st.composite
def small_banks(draw: st.DrawFn) -> tuple[Paper, dict[Cell, int], dict[str, str]]:
    """One range of at most four points with a few items, and a paper of at most three."""
    points = [f"A-{number:03d}" for number in range(1, draw(st.integers(1, 4)) + 1)]
    importances = {point: draw(st.sampled_from("XY")) for point in points}
    counts = {cell: draw(st.integers(0, 2)) for cell in product(points, (TRUTH, CHOICE))}
    truths = draw(st.integers(0, 2))
    return paper(truths, draw(st.integers(0 if truths else 1, 2))), counts, importances


def ways(form: Paper, counts: dict[Cell, int], importances: dict[str, str]) -> Iterator[tuple[Cell, ...]]:
    """Every choice of cells that one paper can be: one item a point, the importance of the range."""
    need = {section.type: section.count for section in form.sections}
    total = sum(need.values())
    quotas = {name: count for name, count in apportion(total, Counter(importances.values())).items() if count}
    cells = [cell for cell, count in counts.items() if count and cell[1] in need]
    for some in combinations(cells, total):
        asked = (len({point for point, _ in some}), Counter(kind for _, kind in some))
        if asked == (total, need) and Counter(importances[point] for point, _ in some) == quotas:
            yield some


def most_by_hand(form: Paper, counts: dict[Cell, int], importances: dict[str, str]) -> int:
    """Try every paper, take its items away, and go on with what is left."""
    best = 0
    for some in ways(form, counts, importances):
        left = dict(counts)
        for cell in some:
            left[cell] -= 1
        best = max(best, 1 + most_by_hand(form, left, importances))
    return best


@settings(max_examples=120, deadline=None)
@given(small_banks())
def test_the_number_of_papers_is_what_trying_every_way_finds(
    bank: tuple[Paper, dict[Cell, int], dict[str, str]],
) -> None:
    assert covered(*bank).papers == most_by_hand(*bank)


@settings(max_examples=150, deadline=None)
@given(small_banks(), st.integers(1, 3))
def test_something_is_missing_exactly_where_the_papers_do_not_suffice(
    bank: tuple[Paper, dict[Cell, int], dict[str, str]], papers: int
) -> None:
    found = covered(*bank, papers=papers)
    assert found.papers is not None
    assert bool(found.lacks) == (found.papers < papers)


@settings(max_examples=150, deadline=None)
@given(small_banks(), st.integers(1, 3))
def test_what_is_missing_can_be_written_where_it_is_said(
    bank: tuple[Paper, dict[Cell, int], dict[str, str]], papers: int
) -> None:
    """Each item written at a place that is named brings the end nearer, by one at least where it is of a kind."""
    form, counts, importances = bank
    left = [sum(lack.short for lack in covered(*bank, papers=papers).lacks)]
    while lacks := covered(form, counts, importances, papers).lacks:
        lack = lacks[0]
        if lack.kind == "points":
            assert sum(section.count for section in form.sections) > len(importances)
            return
        assert lack.points
        counts = min(
            (written(counts, lack, kind, point) for kind in lack.types for point in lack.points),
            key=lambda one: sum(each.short for each in covered(form, one, importances, papers).lacks),
        )
        left.append(sum(each.short for each in covered(form, counts, importances, papers).lacks))
        assert left[-1] < left[-2]


def written(counts: dict[Cell, int], lack: Lack, kind: ItemType, point: str) -> dict[Cell, int]:
    assert lack.need - lack.have == lack.short > 0
    return {**counts, (point, kind): counts.get((point, kind), 0) + 1}


@settings(max_examples=100, deadline=None)
@given(small_banks(), st.integers(0, 2**20))
def test_what_a_draw_finds_is_no_lack(bank: tuple[Paper, dict[Cell, int], dict[str, str]], seed: int) -> None:
    form, counts, importances = bank
    pool = pool_of(form, counts, importances)
    try:
        first_choice(pool, rng=random.Random(seed))
    except Conflict:
        return
    assert covered(form, counts, importances).lacks == ()


def pool_of(form: Paper, counts: dict[Cell, int], importances: dict[str, str]) -> RangePool:
    return stock_pools(form, stock(counts), {"A": 100}, importances)[0]


@pytest.mark.parametrize(
    ("counts", "importances", "kind", "short"),
    [
        pytest.param({("A-1", TRUTH): 9}, {"A-1": "X", "A-2": "X"}, "types", 1, id="no choice at all"),
        pytest.param(
            {("A-1", TRUTH): 1, ("A-1", CHOICE): 1},
            {"A-1": "X", "A-2": "X"},
            "types",
            1,
            id="both at one point",
        ),
        pytest.param(
            {("A-1", TRUTH): 1, ("A-1", CHOICE): 1}, {"A-1": "X"}, "points", 1, id="one point for two"
        ),
        pytest.param(
            {("A-1", TRUTH): 1, ("A-2", CHOICE): 1},
            {"A-1": "X", "A-2": "X", "A-3": "Y", "A-4": "Y"},
            "importance",
            1,
            id="none of a class",
        ),
        pytest.param(
            {("A-1", CHOICE): 1, ("A-2", TRUTH): 2},
            {"A-1": "Z", "A-2": "X", "A-3": "Y"},
            "mix",
            1,
            id="enough of a type, and where its class takes none",
        ),
    ],
)
def test_a_lack_says_of_what_kind_it_is(
    counts: dict[Cell, int], importances: dict[str, str], kind: str, short: int
) -> None:
    lacks = covered(paper(1, 1), counts, importances).lacks
    assert [(lack.kind, lack.short) for lack in lacks] == [(kind, short)]


def test_a_range_the_paper_takes_nothing_of_has_no_limit() -> None:
    found = cover(paper(1, 0), [], {"A": 0, "B": 100}, {"A-1": "X", "B-1": "X"})
    assert [(one.range, one.papers, len(one.lacks)) for one in found] == [("A", None, 0), ("B", 0, 1)]


@pytest.mark.parametrize(
    ("counts", "shared"),
    [
        pytest.param({("A-1", TRUTH): 1, ("A-2", TRUTH): 1}, 2, id="the only two items"),
        pytest.param({("A-1", TRUTH): 4, ("A-2", TRUTH): 4}, Fraction(1, 2), id="four of each point"),
    ],
)
def test_two_papers_share_one_in_so_many_items_of_a_point(
    counts: dict[Cell, int], shared: Fraction | int
) -> None:
    form, importances = paper(2, 0), {"A-1": "X", "A-2": "X"}
    pools = [RangePool(RangePlan("B", {TRUTH: 0})), pool_of(form, counts, importances)]
    found = expected_overlap(pools, stock(counts), draws=5, rng=random.Random(1))
    assert found == {TRUTH: shared}


def test_the_expected_overlap_is_near_what_drawn_papers_share() -> None:
    form, importances = paper(2, 2), {f"A-{number}": "X" for number in range(6)}
    counts = {
        (point, kind): 1 + number % 3 for number, point in enumerate(importances) for kind in (TRUTH, CHOICE)
    }
    pools, rng = [pool_of(form, counts, importances)], random.Random(5)
    said = sum(expected_overlap(pools, stock(counts), draws=200, rng=rng).values())
    drawn = [
        {
            (item.point, item.type, rng.randrange(counts[item.point, item.type]))
            for item in first_choice(pools[0], rng=rng)
        }
        for _ in range(200)
    ]
    pairs = [len(one & other) for one, other in combinations(drawn, 2)]
    assert abs(float(said) - sum(pairs) / len(pairs)) < 0.1


@pytest.mark.parametrize(
    ("difficulty", "reached"),
    [pytest.param(3, 3, id="as many as the bound"), pytest.param(5, 0, id="all too difficult")],
)
def test_papers_drawn_one_after_another_keep_what_the_bound_leaves_out(difficulty: int, reached: int) -> None:
    importances = {f"A-{number}": "X" for number in range(4)}
    form, counts = paper(0, 4), dict.fromkeys(product(importances, (CHOICE,)), 3)
    shape = {"choices": 4, "fixed_order": False}
    items = [
        Drawable(f"{point}/{number}", 1, "", kind, point, "A", "X", difficulty, shape=shape)
        for (point, kind), count in counts.items()
        for number in range(count)
    ]
    assert covered(form, counts, importances).papers == 3
    for most in (2, 9):
        found = papers_reached(
            form, items, {"A": 100}, importances, most=most, attempts=2, rng=random.Random(1)
        )
        assert found == min(reached, most)


def test_a_difficulty_is_thin_below_what_a_draw_lets_pass() -> None:
    form = paper(40, 60)
    there = [
        Stock("A-1", "A", TRUTH, level, count) for level, count in ((1, 7), (2, 17), (3, 37), (4, 16), (5, 0))
    ]
    assert [one.enough for one in levels(form, there)] == [True, True, True, False, False]
    assert [one.want for one in levels(form, there)] == [10, 20, 40, 20, 10]


@settings(max_examples=60)
@given(small_banks())
def test_a_paper_that_may_ask_a_point_twice_lacks_items_not_points(
    bank: tuple[Paper, dict[Cell, int], dict[str, str]],
) -> None:
    form, counts, importances = bank
    free = replace(form, one_per_point=False)
    found = covered(free, counts, importances)
    assert set(found.classes) == set(importances)
    assert all(set(lack.points) <= set(importances) and lack.short > 0 for lack in found.lacks)
    assert bool(found.lacks) == (found.papers == 0)
    assert found.papers is None or found.papers >= (covered(form, counts, importances).papers or 0)
    if found.lacks:
        (pool,) = stock_pools(free, items_apart(stock(counts)), {"A": 100}, importances)
        with pytest.raises(Conflict):
            first_choice(pool, rng=random.Random(1))


def test_two_items_of_one_point_are_enough_where_it_may_be_asked_twice() -> None:
    counts, importances = {("A-001", TRUTH): 2}, {"A-001": "X"}
    assert covered(paper(2, 0), counts, importances).lacks
    assert not covered(replace(paper(2, 0), one_per_point=False), counts, importances).lacks
