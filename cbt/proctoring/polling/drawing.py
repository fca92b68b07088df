"""A room's board as parts of a page: what each is drawn of, and the drawing of those that changed.

What a save changes of a seat, its numbers, is no part: pages write them in themselves (static/proctoring/board).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

import flask_babel
from markupsafe import Markup

from cbt.proctoring.acts import registry
from cbt.proctoring.board import filters, shown
from cbt.proctoring.board.live import Board, RoomHead
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.board.todos import Todo, todos
from cbt.proctoring.polling.numbers import MARKS, as_sent, filled
from cbt.proctoring.polling.sheets import Numbers, Sheet
from cbt.proctoring.polling.tiles import ROOM, DrawnKinds, Tile, of_room

BREAK = "\x1e"
Render = Callable[..., str]
"""Renders a template with what it needs."""


@dataclass(frozen=True, slots=True)
class Pen:
    """What a board is drawn with."""

    render: Render
    kinds: DrawnKinds


@dataclass(frozen=True, slots=True)
class BoardWay:
    """How a room is shown, and to whom: pages of one way are alike to the letter."""

    room_ref: str
    view: str
    show: str
    can_act: bool
    locale: str


class Drawing:
    """One board, about to be shown in one way; what its parts show is worked out when it is asked for."""

    def __init__(
        self,
        board: Board,
        way: BoardWay,
        pen: Pen | None,
        *,
        now: datetime,
        lost: tuple[str, str] | None = None,
    ) -> None:
        """`lost` is what happened to the files of the database, while they are not in their places."""
        self.board = board
        self._pen = pen
        self.way = way
        self.now = now
        self._bar = ""
        """The head as it was drawn just now."""
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

    @property
    def frame(self) -> Hashable:
        """Which parts there are and how they stand."""
        return (tuple(self._names), self.map.density, self.map.plan, bool(self.seats), self.bar_shown)

    @property
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

    @property
    def numbers(self) -> dict[str, Numbers]:
        """The numbers of the seats that are shown."""
        numbers = self.board.numbers
        return {self._name_of(seat): as_sent(numbers[seat.ref]) for seat in self.seats}

    def context(self) -> dict[str, Any]:
        """Return what the templates need."""
        board = self.board
        return {
            "board": board,
            "view": self.way.view,
            "show": self.way.show,
            "now": self.now,
            "can_act": self.way.can_act,
            "counts": self.counts,
            "seats": self.seats,
            "map": self.map,
            "todos": self.todos,
            "clocks": shown.clocks(board),
            "line": shown.log_text,
            "line_person": shown.log_person,
            "bar": registry.bar(started=board.started),
            "bar_shown": self.bar_shown,
            "head_acts": registry.head_acts(board.head),
            "files": self._lost,
            "mark": MARKS,
            "name_of": {number: name for name, number in self._names.items()},
        }

    def draw(self, names: Collection[str]) -> Mapping[str, str]:
        """Draw some parts: of no room and of nobody, and those that are alike in many rooms once."""
        pen, way, wanted = self._pen, self.way, self.wanted
        assert pen is not None  # whoever has none draws nothing
        context = {**self.context(), "board": replace(self.board, head=self._head)}

        def parts(kinds: Sequence[tuple[str, Hashable]]) -> list[str]:
            return [pen.render(_TEMPLATES[name], **context).strip() for name, _ in kinds]

        def tiles(kinds: Sequence[Tile]) -> list[str]:
            text = pen.render(_SEATS[way.view], drawn=kinds, between=BREAK, **context)
            return [one.strip() for one in text.split(BREAK)[:-1]]

        seats = [self._tile(name, self._names[name]) for name in names if name in self._names]
        alike = [(name, wanted[name]) for name in names if name in _ALIKE]
        own = [(name, wanted[name]) for name in names if name in _TEMPLATES and name not in _ALIKE]
        around = [*pen.kinds.drawn(alike, (way.view, way.show, way.can_act, way.locale), parts), *parts(own)]
        drawn = {
            name: of_room(html, way.room_ref) for (name, _), html in zip([*alike, *own], around, strict=True)
        }
        self._bar = drawn.get("live-bar", self._bar)
        return drawn | pen.kinds.tiles(seats, (way.view, way.can_act, way.locale), tiles)

    def _tile(self, part: str, number: int) -> Tile:
        """Return what stands at the place of a part."""
        in_the_map, seat = self.way.view == "map", self.map.taken.get(number)
        tile = Tile(
            part, f"{number:02d}", self.way.room_ref, aisles=self._aisles.get(number, 0) if in_the_map else 0
        )
        if in_the_map and number not in self.map.shown:
            return tile
        if seat is None:
            return replace(tile, free="spare" if self.map.free[number].spare else "free")
        offers = registry.offers(seat, self.board) if in_the_map and self.way.can_act else ()
        return replace(tile, seat=seat, offers=" ".join(offers))

    def bring(self, sheet: Sheet) -> None:
        """Bring a sheet up to date."""
        sheet.bring(self.of, self.numbers, self._parts, self.draw)

    def bring_numbers(self, sheet: Sheet) -> bool:
        """Bring a sheet up to date, unless a part has to be drawn; return whether it is."""
        return sheet.bring(self.of, self.numbers, self._parts, None)

    def _parts(self) -> tuple[Hashable, Mapping[str, Hashable]]:
        return self.frame, self.wanted

    def joined(self, context: dict[str, Any]) -> str:
        """Return what an open page is sent that needs everything; `context` is what `whole` returned."""
        assert self._pen is not None
        return self._pen.render("proctoring/polling/_live.html", **context)

    def whole(self, sheet: Sheet) -> dict[str, Any]:
        """Return what `_live.html` needs to join the parts of a sheet, with the numbers of now."""
        parts = {name: part.html for name, part in sheet.parts.items()}
        for seat in self.seats:
            name = self._name_of(seat)
            parts[name] = filled(parts[name], self.board.numbers[seat.ref])
        # The time left stands in it for whoever has no scripts.
        parts["live-bar"] = self._bar or self.draw(["live-bar"])["live-bar"]
        drawn = {name: Markup(html) for name, html in parts.items()}
        return {**self.context(), "parts": drawn, "tag": sheet.tag}


_TEMPLATES = {
    "live-bar": "proctoring/polling/_head.html",
    "live-alarms": "proctoring/polling/_alarms.html",
    "live-counts": "proctoring/polling/_counts.html",
    "live-todo": "proctoring/polling/_todo.html",
    "live-log": "proctoring/polling/_log.html",
    "picked": "proctoring/polling/_bar.html",
}
_ALIKE = frozenset({"live-alarms", "live-counts", "live-todo", "picked"})
"""What they are drawn of names no room: mostly they are alike in all of them."""
_SEATS = {"map": "proctoring/polling/_tiles.html", "list": "proctoring/polling/_rows.html"}


def way_of(room_ref: str, view: str, show: str, *, can_act: bool) -> BoardWay:
    """Return how the present request wants a room shown."""
    return BoardWay(room_ref, view, show, can_act, str(flask_babel.get_locale()))


def _of_todo(one: Todo) -> Hashable:
    seats = tuple((seat.ref, seat.label, seat.name) for seat in one.seats)
    return one.kind, seats, one.ways, one.tone, one.since, one.params
