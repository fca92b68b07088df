"""The plan of a room in rows of places, and its seating: who sits where, who beside whom, exchanges."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import groupby, pairwise

from cbt.errors import InvalidInput

MOST_ROWS, MOST_COLUMNS, MOST_SEATS, MOST_NUMBER = 40, 24, 200, 999
LINE = 8
"""How many seats stand in a line where nobody knows the rows of a room."""
NEAR = 2
"""How many steps from the seat by the door a seat still is one near the door."""
NO_PLACE = 0
_GAP = "-"

Cells = tuple[tuple[int, ...], ...]


class SeatNumbering(StrEnum):
    """How the numbers run: along the rows or the columns, back again in every second one (蛇形) or not."""

    ROWS = "rows"
    ROWS_SNAKE = "rows_snake"
    COLUMNS = "columns"
    COLUMNS_SNAKE = "columns_snake"


class DoorCorner(StrEnum):
    """At which corner of a room its door is, seen from the seats; the front is where the proctor stands."""

    UNKNOWN = ""
    FRONT_LEFT = "front_left"
    FRONT_RIGHT = "front_right"
    BACK_LEFT = "back_left"
    BACK_RIGHT = "back_right"


@dataclass(frozen=True, slots=True)
class PlanPlace:
    """A place of a row as it is drawn: its seat, 0 for none, and how many aisles run on its left."""

    number: int
    aisles: int = 0


@dataclass(frozen=True, slots=True)
class RoomPlan:
    """The places of a room; where its rows are not `known`, its seats stand in lines only to be shown."""

    cells: Cells
    door: DoorCorner = DoorCorner.UNKNOWN
    known: bool = True

    @property
    def columns(self) -> int:
        return max((len(row) for row in self.cells), default=0)

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(number for row in self.cells for number in row if number)

    @property
    def drawn(self) -> tuple[tuple[PlanPlace, ...], ...]:
        """The rows as they are drawn: a column without a seat is an aisle between two others."""
        return _drawn(self)

    @property
    def text(self) -> str:
        """The plan as it is stored and edited: a line for each row, `-` where there is no seat."""
        return "\n".join(" ".join(str(number) if number else _GAP for number in row) for row in self.cells)

    def neighbours(self, number: int) -> frozenset[int]:
        """Return the seats directly beside, before and behind a seat; none across a place without one.

        Where the rows are not known they are those with the next numbers.

        Source: R-8.
        """
        return _neighbours(self).get(number, frozenset({number - 1, number + 1}))

    def by_door(self, numbers: Iterable[int]) -> list[int]:
        """Return seats, the nearest to the door first; by number where nobody knows where that is."""
        steps = _steps(self)
        return sorted(numbers, key=lambda number: (steps.get(number, 0), number))

    @property
    def near_door(self) -> frozenset[int]:
        steps = _steps(self)
        least = min(steps.values(), default=0)
        return frozenset(number for number, count in steps.items() if count <= least + NEAR)


def laid_out(
    seats: int, columns: int, numbering: SeatNumbering = SeatNumbering.ROWS, aisles: Collection[int] = ()
) -> Cells:
    """Return the places of `seats` seats in rows of `columns`, an aisle behind each column that `aisles` names.

    Columns are counted from 1, on the left. Raise InvalidInput("room.plan_size") for what no room is.
    """
    rows = -(-seats // columns) if columns > 0 else 0
    if not 0 < seats <= MOST_SEATS or not 0 < columns + len(set(aisles)) <= MOST_COLUMNS or rows > MOST_ROWS:
        raise InvalidInput(
            "room.plan_size", field="columns", seats=MOST_SEATS, rows=MOST_ROWS, columns=MOST_COLUMNS
        )
    grid = [[NO_PLACE] * columns for _ in range(rows)]
    for number, (row, column) in enumerate(_order(seats, columns, numbering), 1):
        grid[row][column] = number
    return tuple(_parted(row, aisles) for row in grid)


def _order(seats: int, columns: int, numbering: SeatNumbering) -> list[tuple[int, int]]:
    """Return the places in the order of their numbers; the last row may be a part of one."""
    places = [divmod(place, columns) for place in range(seats)]
    if numbering in {SeatNumbering.ROWS, SeatNumbering.ROWS_SNAKE}:
        back = numbering is SeatNumbering.ROWS_SNAKE
        return sorted(places, key=lambda at: (at[0], -at[1] if back and at[0] % 2 else at[1]))
    back = numbering is SeatNumbering.COLUMNS_SNAKE
    return sorted(places, key=lambda at: (at[1], -at[0] if back and at[1] % 2 else at[0]))


def _parted(row: Sequence[int], aisles: Collection[int]) -> tuple[int, ...]:
    parted: list[int] = []
    for column, number in enumerate(row, 1):
        parted.append(number)
        if column in aisles and column < len(row):
            parted.append(NO_PLACE)
    return tuple(parted)


def read_plan(text: str) -> Cells:
    """Return the places that a text says; places are parted by spaces, rows by lines.

    Raise InvalidInput("room.plan_cell") for what is neither a number nor a gap, ("room.plan_twice") for a number
    that stands twice, ("room.plan_size") for more than a room holds or for no seat at all.
    """
    rows = [line.split() for line in text.strip().splitlines()]
    seen: set[int] = set()
    for words in rows:
        for word in words:
            if word == _GAP:
                continue
            if not (word.isascii() and word.isdigit()) or not 0 < int(word[:6]) <= MOST_NUMBER:
                raise InvalidInput("room.plan_cell", field="plan", value=word[:20], maximum=MOST_NUMBER)
            if int(word) in seen:
                raise InvalidInput("room.plan_twice", field="plan", number=int(word))
            seen.add(int(word))
    cells = _squared([[NO_PLACE if word == _GAP else int(word) for word in words] for words in rows])
    if (
        not 0 < len(seen) <= MOST_SEATS
        or len(cells) > MOST_ROWS
        or max(len(row) for row in cells) > MOST_COLUMNS
    ):
        raise InvalidInput(
            "room.plan_size", field="plan", seats=MOST_SEATS, rows=MOST_ROWS, columns=MOST_COLUMNS
        )
    return cells


@lru_cache(maxsize=256)
def plan_of(text: str, door: str, numbers: tuple[int, ...]) -> RoomPlan:
    """Return the plan of a room that has these seats, as it is stored; "" is one whose rows nobody knows.

    Every seat has its place: one that the text does not name stands in a line behind the last row.
    """
    cells = read_plan(text) if text else ()
    there, named = set(numbers), {number for row in cells for number in row}
    kept = [[number if number in there else NO_PLACE for number in row] for row in cells]
    others = sorted(there - named)
    width = max((len(row) for row in kept), default=LINE)
    lines = [others[at : at + width] for at in range(0, len(others), width)]
    return RoomPlan(_squared([*kept, *lines]), DoorCorner(door), known=bool(text))


def _squared(rows: Sequence[Sequence[int]]) -> Cells:
    width = max((len(row) for row in rows), default=0)
    return tuple((*row, *([NO_PLACE] * (width - len(row)))) for row in rows)


@lru_cache(maxsize=256)
def _drawn(plan: RoomPlan) -> tuple[tuple[PlanPlace, ...], ...]:
    full = [column for column in range(plan.columns) if any(row[column] for row in plan.cells)]
    left = {
        column: sum(after > before + 1 for before, after in pairwise(full) if after <= column)
        for column in full
    }
    return tuple(tuple(PlanPlace(row[column], left[column]) for column in full) for row in plan.cells)


@lru_cache(maxsize=256)
def _neighbours(plan: RoomPlan) -> Mapping[int, frozenset[int]]:
    if not plan.known:
        return {}
    at = _places(plan)
    there = {place: number for number, place in at.items()}
    sides = ((-1, 0), (1, 0), (0, -1), (0, 1))
    return {
        number: frozenset(
            there[row + down, column + right]
            for down, right in sides
            if (row + down, column + right) in there
        )
        for number, (row, column) in at.items()
    }


@lru_cache(maxsize=256)
def _steps(plan: RoomPlan) -> Mapping[int, int]:
    """Return how many places each seat is from the corner of the door; nothing where that is not known."""
    if not plan.known or plan.door is DoorCorner.UNKNOWN:
        return {}
    last_row, last_column = len(plan.cells) - 1, plan.columns - 1
    back = plan.door in {DoorCorner.BACK_LEFT, DoorCorner.BACK_RIGHT}
    right = plan.door in {DoorCorner.FRONT_RIGHT, DoorCorner.BACK_RIGHT}
    return {
        number: (last_row - row if back else row) + (last_column - column if right else column)
        for number, (row, column) in _places(plan).items()
    }


def _places(plan: RoomPlan) -> dict[int, tuple[int, int]]:
    return {
        number: (row, column)
        for row, line in enumerate(plan.cells)
        for column, number in enumerate(line)
        if number
    }


# The seating of a room: who gets which seat, who sits beside somebody alike, exchanges that part them.
#
# Source.

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
    for number, sitter in sorted(board.items()):
        for beside in sorted(plan.neighbours(number) & board.keys()):
            other = board[beside]
            if sitter.unit and sitter.unit == other.unit:
                units.add(number)
            if sitter.paper == other.paper:
                papers.add(number)
            if number < beside and sitter.cases & other.cases:
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
        sitter = board.get(number)
        if sitter is None:
            return 0
        beside = (board[other] for other in plan.neighbours(number) if other in board and other != without)
        return sum(cost.of(sitter, other) for other in beside)

    def exchanged(first: int, other: int) -> None:
        sitter, there = board.pop(first), board.pop(other, None)
        board[other] = sitter
        if there is not None:
            board[first] = there

    def gain(first: int, other: int) -> int:
        before = at(first) + at(other, without=first)
        exchanged(first, other)
        after = at(first) + at(other, without=first)
        exchanged(first, other) if first in board else exchanged(other, first)
        return before - after

    def may(first: int, other: int) -> bool:
        there = board.get(other)
        if there is None:
            return True
        mine = board[first]
        return cost.kind(there) != cost.kind(mine) and (not within_paper or there.paper == mine.paper)

    left, moved = _SWAPS, True
    while moved:
        bad = [number for number in places if at(number)]
        rng.shuffle(bad)
        moved = False
        for place in bad:
            if not at(place) or left <= 0:
                continue
            open_to = [other for other in places if other != place and may(place, other)]
            left -= len(places)
            most, best = max(((gain(place, other), other) for other in open_to), default=(0, place))
            if most > 0:
                exchanged(place, best)
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

    def cost(sitter: Sitter, other: Sitter) -> int:
        same_unit = bool(sitter.unit) and sitter.unit == other.unit
        return apart * same_unit + mixed * (sitter.paper == other.paper)

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
    for sitter in people:
        kinds.setdefault((sitter.unit, sitter.paper), []).append(sitter)
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
