"""Who sits beside whom: how many beside somebody alike, and exchanges that part them."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass

from cbt.rules.planning.room_plan import RoomPlan

_SWAPS = 20_000
"""How many exchanges are tried at most."""


@dataclass(frozen=True, slots=True)
class Sitter:
    """Somebody who gets a seat: `unit` and `paper` are compared only, `cases` are (unit of the paper, its case)."""

    key: str
    ticket: str = ""
    unit: str = ""
    paper: str = ""
    cases: frozenset[tuple[int, str]] = frozenset()
    by_door: bool = False


@dataclass(frozen=True, slots=True)
class SeatedAlike:
    """Who still sits beside, before or behind somebody alike: how many people, and the pairs with one case."""

    units: int
    papers: int
    cases: tuple[tuple[int, int], ...]
    """Pairs of seats."""


Seats = Mapping[int, Sitter]


@dataclass(frozen=True, slots=True)
class Disturbance:
    """How bad it is that two sit beside each other; `kind` is all that counts of somebody."""

    of: Callable[[Sitter, Sitter], int]
    kind: Callable[[Sitter], Hashable]


def mended(
    board: Seats, plan: RoomPlan, *, regular: Collection[int], rng: random.Random
) -> dict[int, Sitter]:
    """Return the seats after a few exchanges that part neighbours with one case; who sits by the door stays.

    Source: R-8.
    """
    places = [number for number in {*regular, *board} if number not in board or not board[number].by_door]
    return improved(dict(board), sorted(places), plan, _ONE_CASE, rng)


def alike(board: Seats, plan: RoomPlan) -> SeatedAlike:
    """Return who sits beside somebody of the same unit, paper or case. Source: R-8."""
    units: set[int] = set()
    papers: set[int] = set()
    cases: list[tuple[int, int]] = []
    for number, one in sorted(board.items()):
        for beside in sorted(plan.neighbours(number) & board.keys()):
            other = board[beside]
            if one.unit and one.unit == other.unit:
                units.add(number)
            if one.paper == other.paper:
                papers.add(number)
            if number < beside and one.cases & other.cases:
                cases.append((number, beside))
    return SeatedAlike(len(units), len(papers), tuple(cases))


_ONE_CASE = Disturbance(lambda one, other: len(one.cases & other.cases), lambda one: one.cases)


def total_of(board: Seats, plan: RoomPlan, cost: Disturbance) -> int:
    return sum(
        cost.of(one, board[other])
        for number, one in board.items()
        for other in plan.neighbours(number) & board.keys()
    )


def improved(
    board: dict[int, Sitter],
    places: Sequence[int],
    plan: RoomPlan,
    cost: Disturbance,
    rng: random.Random,
    *,
    within_paper: bool = False,
) -> dict[int, Sitter]:
    """Exchange people, or move them to a free place, while fewer sit beside somebody they should not."""

    def at(number: int, without: int = 0) -> int:
        one = board.get(number)
        if one is None:
            return 0
        beside = (board[other] for other in plan.neighbours(number) if other in board and other != without)
        return sum(cost.of(one, other) for other in beside)

    def exchanged(one: int, other: int) -> None:
        found, there = board.pop(one), board.pop(other, None)
        board[other] = found
        if there is not None:
            board[one] = there

    def gain(one: int, other: int) -> int:
        before = at(one) + at(other, without=one)
        exchanged(one, other)
        after = at(one) + at(other, without=one)
        exchanged(one, other) if one in board else exchanged(other, one)
        return before - after

    def may(one: int, other: int) -> bool:
        there = board.get(other)
        if there is None:
            return True
        mine = board[one]
        return cost.kind(there) != cost.kind(mine) and (not within_paper or there.paper == mine.paper)

    left, moved = _SWAPS, True
    while moved:
        bad = [number for number in places if at(number)]
        rng.shuffle(bad)
        moved = False
        for one in bad:
            if not at(one) or left <= 0:
                continue
            open_to = [other for other in places if other != one and may(one, other)]
            left -= len(places)
            most, best = max(((gain(one, other), other) for other in open_to), default=(0, one))
            if most > 0:
                exchanged(one, best)
                moved = True
    return board
