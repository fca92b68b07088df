"""Journeys are spread among the other files of a run, which stay whole and in their order."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, cast

from tests.forked_runner import JOURNEYS, UNTIL, journeys_spread


@dataclass(frozen=True)
class Case:
    path: Path
    number: int


def cases(folder: Path, files: int, each: int) -> list[Case]:
    return [Case(folder / f"test_{file:02d}.py", number) for file in range(files) for number in range(each)]


def spread(*found: list[Case]) -> list[Case]:
    ordered = [case for some in found for case in some]
    files = [list(file) for _, file in groupby(ordered, key=lambda case: case.path)]
    return [case for file in cast(list[list[Case]], journeys_spread(cast(Any, files))) for case in file]


def test_journeys_come_one_after_another_among_the_others() -> None:
    before, journeys = cases(JOURNEYS.parent / "attacks", 30, 40), cases(JOURNEYS, 10, 2)
    after = cases(JOURNEYS.parent / "web", 30, 20)
    order = spread(before, journeys, after)
    assert [case for case in order if JOURNEYS not in case.path.parents] == before + after
    assert [case for case in order if JOURNEYS in case.path.parents] == journeys
    at = [place for place, case in enumerate(order) if case in journeys[::2]]
    assert at[0] == 0
    apart = [two - one for one, two in pairwise(at)]
    assert min(apart) > UNTIL * 1800 / 10 - 40, "about as many others between any two"
    assert at[-1] < UNTIL * len(order)
    assert all(order[place + 1].path == order[place].path for place in at), "a file stays whole"


def test_what_is_of_one_kind_stays_as_it_is() -> None:
    for alone in (cases(JOURNEYS, 3, 2), cases(JOURNEYS.parent / "web", 3, 2), []):
        assert spread(alone) == alone
