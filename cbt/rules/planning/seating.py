"""The seating of a room: who gets which seat, who sits beside somebody alike, exchanges that part them.

Source: R-8, R-16, R-30.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from cbt.errors import InvalidInput
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


_EARLY = (2, 3, 6)
"""A crowd is seated first once it is this part of who is left; the later ones where the first do badly."""
_UNITS, _PAPERS = 10, 1
"""What weighs how much where not all can be had."""


class SeatOrder(StrEnum):
    """In which order people get seats: 随机, 按准考证号."""

    CHANCE = "chance"
    NUMBER = "number"


class PaperMix(StrEnum):
    """Where people of one paper sit: 不限, 交错, 成片."""

    ANY = "any"
    MIXED = "mixed"
    BLOCKS = "blocks"


@dataclass(frozen=True, slots=True)
class SeatWishes:
    """How a room is to be seated; without any of it everybody sits anywhere, by chance."""

    order: SeatOrder = SeatOrder.CHANCE
    units_apart: bool = False
    papers: PaperMix = PaperMix.ANY
    by_door: bool = True


def arrange(
    people: Iterable[Sitter],
    plan: RoomPlan,
    *,
    regular: Collection[int],
    spare: Collection[int] = (),
    wishes: SeatWishes,
    rng: random.Random,
) -> dict[int, Sitter]:
    """Return who gets which seat; everybody gets one, a spare one only when the others do not suffice.

    Who needs it sits nearest to the door; the others from the first number on, so that what is left free is
    together. Equal people, whatever their order, plan, wishes and chance give equal seats. Raise
    InvalidInput("seating.too_few") for more people than seats.

    Source: R-8, R-16, R-30.
    """
    everybody = sorted(people, key=lambda one: (one.ticket, one.key))
    places = sorted(regular) + sorted(spare)[: max(0, len(everybody) - len(regular))]
    if len(everybody) > len(places):
        raise InvalidInput("seating.too_few", people=len(everybody), seats=len(places))
    if wishes.order is SeatOrder.CHANCE:
        rng.shuffle(everybody)
    near = [one for one in everybody if one.by_door] if wishes.by_door else []
    board = dict(zip(plan.by_door(places), near, strict=False))
    others = [one for one in everybody if one not in near]
    free = [number for number in places if number not in board]
    groups = list(_blocks(others, free, wishes.papers))
    cost, blocks = _cost_of(wishes), wishes.papers is PaperMix.BLOCKS
    tries = []
    for early in _EARLY if wishes.order is SeatOrder.CHANCE else (0,):
        own = dict(board)
        for group, seats in groups:
            if early:
                _fill(own, group, seats, plan, wishes, early, rng)
            else:
                own |= dict(zip(seats, group, strict=True))
        open_places = [number for number in free if number in own] if blocks else free
        own = improved(own, open_places, plan, cost, rng, within_paper=blocks)
        tries.append((total_of(own, plan, cost), own))
        if not tries[-1][0]:
            break
    return min(tries, key=lambda one: one[0])[1]


def _cost_of(wishes: SeatWishes) -> Disturbance:
    apart = _UNITS if wishes.units_apart else 0
    mixed = _PAPERS if wishes.papers is PaperMix.MIXED else 0

    def cost(one: Sitter, other: Sitter) -> int:
        same_unit = bool(one.unit) and one.unit == other.unit
        return apart * same_unit + mixed * (one.paper == other.paper)

    return Disturbance(cost, lambda one: (one.unit if apart else "", one.paper if mixed else ""))


def _blocks(
    people: Sequence[Sitter], seats: Sequence[int], papers: PaperMix
) -> Iterable[tuple[list[Sitter], list[int]]]:
    """Yield who is to sit on which of the first seats: all together, or each paper for itself."""
    if papers is not PaperMix.BLOCKS:
        yield list(people), list(seats[: len(people)])
        return
    start = 0
    for _, same in groupby(sorted(people, key=lambda one: one.paper), key=lambda one: one.paper):
        group = list(same)
        yield group, list(seats[start : start + len(group)])
        start += len(group)


def _fill(
    board: dict[int, Sitter],
    people: Sequence[Sitter],
    seats: Sequence[int],
    plan: RoomPlan,
    wishes: SeatWishes,
    early: int,
    rng: random.Random,
) -> None:
    """Seat people one after the other where they disturb least; of a crowd that is a part of the rest, first."""
    cost, main = _cost_of(wishes), 0 if wishes.units_apart else 1
    kinds: dict[tuple[str, str], list[Sitter]] = {}
    for one in people:
        kinds.setdefault((one.unit, one.paper), []).append(one)
    crowds = Counter((one.unit, one.paper)[main] for one in people)
    for rest, number in zip(range(len(seats), 0, -1), seats, strict=True):
        beside = [board[other] for other in plan.neighbours(number) if other in board]
        ranks = {}
        for kind, some in kinds.items():
            crowd = crowds[kind[main]] if kind[main] else 0
            disturbs = sum(cost.of(some[-1], other) for other in beside)
            ranks[kind] = disturbs, -crowd if early * crowd >= rest else 0
        least = min(ranks.values())
        fitting = [kind for kind, found in ranks.items() if found == least]
        (kind,) = rng.choices(fitting, [len(kinds[kind]) for kind in fitting])
        board[number] = kinds[kind].pop()
        crowds[kind[main]] -= 1
        if not kinds[kind]:
            del kinds[kind]
