"""The plan of a room: rows of places, each with the number of its seat or none; the first row is the front."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise

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
        """How many places the rows have."""
        return max((len(row) for row in self.cells), default=0)

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of the seats, in the order of the plan."""
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
        """The seats near the door."""
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
