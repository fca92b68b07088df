"""A room's board as parts of a page: which there are, how they stand, and what each of them is drawn of.

What a save changes of a seat, its numbers, is no part: pages write them in themselves (static/proctoring/board).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from cbt.proctoring.board import filters, shown
from cbt.proctoring.board.live import Board, RoomHead
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.board.todos import Todo, todos
from cbt.proctoring.polling.numbers import as_sent
from cbt.proctoring.polling.sheets import Numbers, Sheet
from cbt.proctoring.polling.tiles import ROOM


@dataclass(frozen=True, slots=True)
class BoardWay:
    """How a room is shown, and to whom: pages of one way are alike to the letter."""

    room_ref: str
    view: str
    show: str
    can_act: bool
    locale: str


class PartedBoard:
    """One board in one way; what its parts show is worked out when it is asked for."""

    def __init__(self, board: Board, way: BoardWay, *, lost: tuple[str, str] | None) -> None:
        """`lost` is what happened to the files of the database, while they are not in their places."""
        self.board = board
        self.way = way
        self.seats = filters.shown_seats(board, show=way.show, worst_first=way.view == "list")
        self._lost = lost

    @cached_property
    def _head(self) -> RoomHead:
        return replace(self.board.head, ref=ROOM)

    @cached_property
    def todos(self) -> tuple[Todo, ...]:
        """What waits for somebody."""
        return todos(self.board)

    @cached_property
    def map(self) -> shown.SeatMap:
        """The seats as the map shows them."""
        return shown.seat_map(self.board, self.seats, everybody=self.way.show == "expected")

    @cached_property
    def counts(self) -> tuple[filters.Count, ...]:
        """The count line."""
        return filters.counts(self.board, shown=self.way.show)

    @cached_property
    def _aisles(self) -> dict[int, int]:
        plan = self.map.plan
        return {place.number: place.aisles for row in plan.drawn for place in row} if plan else {}

    @cached_property
    def _names(self) -> dict[str, int]:
        """Return the parts that are seats, in their order: name -> the seat's number."""
        if not self.seats:
            return {}
        if self.way.view == "list":
            return {self._name_of(seat): seat.number for seat in self.seats}
        taken = self.map.taken
        return {
            self._name_of(taken[number]) if number in taken else f"free-{number}": number
            for number in self.map.numbers
        }

    def _name_of(self, seat: SeatView) -> str:
        return f"{'row' if self.way.view == 'list' else 'seat'}-{seat.ref}"

    @property
    def bar_shown(self) -> bool:
        """Whether the bar of acts stands below."""
        return self.way.can_act and (self.board.head.admits or self.board.head.open)

    @property
    def of(self) -> object:
        """All that the parts of this way are drawn of: `now` alone changes nothing that is shown."""
        return self.board, self._lost

    @cached_property
    def frame(self) -> Hashable:
        """Which parts there are and how they stand."""
        return (tuple(self._names), self.map.density, self.map.plan, bool(self.seats), self.bar_shown)

    @cached_property
    def wanted(self) -> dict[str, Hashable]:
        """What each part shows."""
        board, head = self.board, self._head
        parts: dict[str, Hashable] = {
            "live-bar": (head, board.papers),
            "live-alarms": (head.state, head.held_from, head.evacuated_at, board.lost_since, self._lost),
            "live-counts": self.counts,
            "live-todo": tuple(_of_todo(one) for one in self.todos),
            "live-log": (board.log, board.undo, board.reminders, board.started, head.over),
        }
        if self.bar_shown:
            parts["picked"] = board.started
        row = self.way.view == "list"
        for name, number in self._names.items():
            seat = self.map.taken.get(number)
            if seat is None:
                parts[name] = (self.map.free[number], number in self.map.shown, self._aisles.get(number))
            elif row:
                parts[name] = seat
            else:
                parts[name] = (seat, head, number in self.map.shown, self._aisles.get(number))
        return parts

    @cached_property
    def numbers(self) -> dict[str, Numbers]:
        """The numbers of the seats that are shown."""
        numbers = self.board.numbers
        return {self._name_of(seat): as_sent(numbers[seat.ref]) for seat in self.seats}

    def bring_numbers(self, sheet: Sheet) -> bool:
        """Bring a sheet up to date, unless a part has to be drawn; return whether it is."""
        return sheet.bring(self.of, self.numbers, self.parts, None)

    def parts(self) -> tuple[Hashable, Mapping[str, Hashable]]:
        """Return the frame, and what each part shows."""
        return self.frame, self.wanted


def _of_todo(one: Todo) -> Hashable:
    seats = tuple((seat.ref, seat.label, seat.name) for seat in one.seats)
    return one.kind, seats, one.ways, one.tone, one.since, one.params
