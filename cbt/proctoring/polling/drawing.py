"""The parts of a room's board: the drawing of those that changed, and of all of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

import flask_babel
from markupsafe import Markup

from cbt.proctoring.acts import registry
from cbt.proctoring.board import shown
from cbt.proctoring.board.live import Board
from cbt.proctoring.polling.numbers import MARKS, filled
from cbt.proctoring.polling.parts import BoardWay, PartedBoard
from cbt.proctoring.polling.sheets import Sheet
from cbt.proctoring.polling.tiles import DrawnKinds, Tile, of_room

BREAK = "\x1e"
Render = Callable[..., str]
"""Renders a template with what it needs."""


@dataclass(frozen=True, slots=True)
class Pen:
    """What a board is drawn with."""

    render: Render
    kinds: DrawnKinds
    now: datetime
    """Told with the page; nothing is drawn of it."""


class Drawing(PartedBoard):
    """One board, about to be drawn in one way."""

    def __init__(self, board: Board, way: BoardWay, *, lost: tuple[str, str] | None) -> None:
        """`lost` is as of PartedBoard."""
        super().__init__(board, way, lost=lost)
        self._bar = ""
        """The head as it was drawn just now."""

    def context(self, now: datetime) -> dict[str, Any]:
        """Return what the templates need."""
        board = self.board
        return {
            "board": board,
            "view": self.way.view,
            "show": self.way.show,
            "now": now,
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

    def draw(self, names: Collection[str], *, pen: Pen) -> Mapping[str, str]:
        """Draw some parts: of no room and of nobody, and those that are alike in many rooms once."""
        way, wanted = self.way, self.wanted
        context = {**self.context(pen.now), "board": replace(self.board, head=self._head)}

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

    def bring(self, sheet: Sheet, pen: Pen) -> None:
        """Bring a sheet up to date."""
        sheet.bring(self.of, self.numbers, self.parts, partial(self.draw, pen=pen))

    def whole(self, sheet: Sheet, pen: Pen) -> dict[str, Any]:
        """Return what `_live.html` needs to join the parts of a sheet, with the numbers of now."""
        parts = {name: part.html for name, part in sheet.parts.items()}
        for seat in self.seats:
            name = self._name_of(seat)
            parts[name] = filled(parts[name], self.board.numbers[seat.ref])
        # The time left stands in it for whoever has no scripts.
        parts["live-bar"] = self._bar or self.draw(["live-bar"], pen=pen)["live-bar"]
        drawn = {name: Markup(html) for name, html in parts.items()}
        return {**self.context(pen.now), "parts": drawn, "tag": sheet.tag}


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
