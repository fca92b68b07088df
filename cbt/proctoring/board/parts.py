"""The parts of a board's page: which there are, how each is drawn, and in which version it changed.

A page names the version it shows and gets the parts that are newer. A version is this process's own: a page
that comes with another's gets everything. What a save changes of a seat, its numbers, is no part: pages write
them in themselves (static/proctoring/board).

Parts are drawn once a kind: forty who answer are one tile, into which names and numbers are written. A
template is handed a place of nobody: what is somebody's alone stands in it as a mark, or not at all. So two
places are of a kind where the template is handed the very same: what it was drawn of is all it can have
shown.
"""

from __future__ import annotations

import dataclasses
import secrets
import threading
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Any, TypeVar
from urllib.parse import quote

import flask_babel
from markupsafe import Markup, escape

from cbt.http.i18n import local_text
from cbt.proctoring.acts import registry
from cbt.proctoring.board import display
from cbt.proctoring.board.display import Todo, todos
from cbt.proctoring.board.live import Board, RoomHead
from cbt.proctoring.board.seat_state import SeatNumbers
from cbt.proctoring.board.seat_view import SeatView

MOST_SHEETS = 512
Numbers = tuple[int, int | None, int | None]
"""Of a seat: how many are answered, when its page was heard and when it saved (whole seconds), None for never."""
Draw = Callable[[Collection[str]], Mapping[str, str]]
"""Draws the parts of these names."""
Parts = Callable[[], tuple[object, Mapping[str, object]]]
"""Says which parts there are and how they stand (the frame), and what each of them shows."""


@dataclass(slots=True)
class BoardPart:
    """One element of the page: what it was drawn of, what was drawn, since which version."""

    drawn_of: object
    html: str
    version: int


@dataclass(slots=True)
class Changes:
    """What is newer than a version: parts, and the numbers of those that are seats, each by its name."""

    parts: dict[str, str]
    numbers: dict[str, Numbers]


@dataclass(slots=True, eq=False)
class Sheet:
    """A room as one kind of page shows it; whoever brings it up to date holds its lock."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    name: str = field(default_factory=lambda: secrets.token_hex(6))
    version: int = 0
    parts: dict[str, BoardPart] = field(default_factory=dict)
    numbers: dict[str, tuple[Numbers, int]] = field(default_factory=dict)
    _of: object = None
    _frame: object = None
    _framed: int = 0
    """Since which version the parts stand as they do: an older page is sent everything."""

    @property
    def tag(self) -> str:
        return f"{self.name}-{self.version}"

    def bring(self, of: object, numbers: Mapping[str, Numbers], parts: Parts, draw: Draw | None) -> bool:
        """Bring it up to date: where `of`, all that its `parts` show, is what it was, nothing but numbers differs.

        Return whether it is: without `draw` it stays as it was where a part has to be drawn.
        """
        frame, wanted = (self._frame, {}) if of == self._of else parts()
        stale = [
            name
            for name, shown in wanted.items()
            if name not in self.parts or self.parts[name].drawn_of != shown
        ]
        if stale and draw is None:
            return False
        drawn = draw(stale) if stale and draw is not None else {}
        newer = {
            name: values
            for name, values in numbers.items()
            if name not in self.numbers or self.numbers[name][0] != values
        }
        self.version += bool(stale or newer or frame != self._frame)
        if frame != self._frame:
            self._frame, self._framed = frame, self.version
            self.parts = {name: part for name, part in self.parts.items() if name in wanted}
            self.numbers = {name: one for name, one in self.numbers.items() if name in numbers}
        for name in stale:
            self.parts[name] = BoardPart(wanted[name], drawn[name], self.version)
        for name, values in newer.items():
            self.numbers[name] = (values, self.version)
        self._of = of
        return True

    def since(self, tag: str) -> Changes | None:
        """Return what a page lacks that shows `tag`; None when it needs everything."""
        name, _, version = tag.partition("-")
        if name != self.name or not version.isdigit() or not self._framed <= int(version) <= self.version:
            return None
        seen = int(version)
        parts = {name: part.html for name, part in self.parts.items() if part.version > seen}
        return Changes(
            parts,
            # A seat that is drawn anew lacks its numbers.
            {name: values for name, (values, of) in self.numbers.items() if of > seen or name in parts},
        )


class Sheets:
    """The sheets of a process: those asked for last."""

    def __init__(self, most: int = MOST_SHEETS) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: dict[Hashable, Sheet] = {}

    def of(self, way: Hashable) -> Sheet:
        with self._lock:
            sheet = self._kept.pop(way, None) or Sheet()
            self._kept[way] = sheet
            while len(self._kept) > self._most:
                self._kept.pop(next(iter(self._kept)))
            return sheet


ANSWERED, SEEN, SEEN_AT, SAVED, SAVED_AT = "\ue001", "\ue002", "\ue003", "\ue004", "\ue005"
"""Stand in drawn seats where a number comes: no name has them, and no font."""
MARKS = {"answered": ANSWERED, "seen": SEEN, "seen_at": SEEN_AT, "saved": SAVED, "saved_at": SAVED_AT}


def as_sent(numbers: SeatNumbers) -> Numbers:
    return numbers.answered, _seconds(numbers.seen_at), _seconds(numbers.saved_at)


def _seconds(instant: datetime | None) -> int | None:
    return None if instant is None else int(instant.timestamp())


def filled(html: str, numbers: SeatNumbers) -> str:
    answered, seen_at, saved_at = numbers.whole()
    html = html.replace(ANSWERED, str(answered))
    for instant, at, clock in ((seen_at, SEEN, SEEN_AT), (saved_at, SAVED, SAVED_AT)):
        if instant is not None:
            html = html.replace(at, instant.isoformat()).replace(clock, local_text(instant, "%H:%M:%S"))
    return html


MOST_KINDS = 2048
PART, REF, ROOM, LABEL, NAME = "\ue006", "\ue007", "\ue008", "\ue009", "\ue00a"
"""Stand in what is drawn of a kind: no name has them, and no font."""
_INSTANTS = tuple(one.name for one in dataclasses.fields(SeatView) if "datetime" in str(one.type))
_SOME_TIME = datetime(2000, 1, 1, tzinfo=UTC)
Kind = TypeVar("Kind", bound=Hashable)
"""All that a part of a board is drawn of."""
DrawKinds = Callable[[Sequence[Kind]], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Tile:
    """What stands at one place of a board: somebody, or a seat nobody has (`free`, `spare`), or just its number."""

    part: str
    """The id of its element."""
    label: str
    room_ref: str
    seat: SeatView | None = None
    free: str = ""
    aisles: int = 0
    offers: str = ""
    """The acts that apply to it."""

    @property
    def kind(self) -> Tile:
        """This place, whoever it is that sits there."""
        seat = None if self.seat is None else _anybody(self.seat)
        return replace(self, part=PART, label=LABEL, room_ref=ROOM, seat=seat)


class DrawnKinds:
    """What a process has drawn of kinds of places, of each way to show rooms; those asked for last."""

    def __init__(self, most: int = MOST_KINDS) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: dict[tuple[Hashable, Hashable], str] = {}

    def tiles(self, tiles: Sequence[Tile], way: Hashable, draw: DrawKinds[Tile]) -> dict[str, str]:
        drawn = self.drawn([tile.kind for tile in tiles], way, draw)
        return {tile.part: _written(html, tile) for tile, html in zip(tiles, drawn, strict=True)}

    def drawn(self, kinds: Sequence[Kind], way: Hashable, draw: DrawKinds[Kind]) -> list[str]:
        """Return kinds as they are drawn in a way; `draw` draws those that were not yet, in their order."""
        html_by_kind = self._known(kinds, way)
        if missing := [kind for kind in dict.fromkeys(kinds) if kind not in html_by_kind]:
            html_by_kind |= dict(zip(missing, draw(missing), strict=True))
            self._keep(html_by_kind, way)
        return [html_by_kind[kind] for kind in kinds]

    def _known(self, kinds: Iterable[Kind], way: Hashable) -> dict[Kind, str]:
        kept = self._kept
        return {kind: html for kind in set(kinds) if (html := kept.get((way, kind))) is not None}

    def _keep(self, html_by_kind: Mapping[Kind, str], way: Hashable) -> None:
        with self._lock:
            for kind, html in html_by_kind.items():
                self._kept.pop((way, kind), None)
                self._kept[(way, kind)] = html
            while len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]


def _anybody(seat: SeatView) -> SeatView:
    """Return a seat as a place shows it, of nobody: whether something happened stays, not when."""
    instants: dict[str, Any] = {
        name: None if getattr(seat, name) is None else _SOME_TIME for name in _INSTANTS
    }
    if seat.differs:
        instants["closes_at"] = seat.closes_at
    return replace(
        seat,
        seat_id=0,
        number=0,
        registration_id=0,
        ref=REF,
        candidate_id=0,
        name=NAME,
        ticket="",
        paper=replace(seat.paper, closes_at=None),
        attempt_id=None,
        last=None,
        undelivered=0,
        claim_address=None,
        elsewhere_address=None,
        guesses=None,
        proposals=(),
        hand=None,
        **instants,
    )


def of_room(html: str, room_ref: str) -> str:
    return html.replace(_IN_ADDRESS[ROOM], room_ref)


def _written(html: str, tile: Tile) -> str:
    """Return what was drawn of a kind with what is this place's alone; the name last, whatever stands in it."""
    html = of_room(html, tile.room_ref).replace(PART, tile.part).replace(LABEL, tile.label)
    if tile.seat is None:
        return html
    html = html.replace(_IN_ADDRESS[REF], tile.seat.ref).replace(REF, tile.seat.ref)
    return html.replace(NAME, escape(tile.seat.name))


_IN_ADDRESS = {mark: quote(mark) for mark in (REF, ROOM)}


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
        self.seats = display.shown_seats(board, show=way.show, worst_first=way.view == "list")
        self._lost = lost

    @cached_property
    def _head(self) -> RoomHead:
        return replace(self.board.head, ref=ROOM)

    @cached_property
    def todos(self) -> tuple[Todo, ...]:
        return todos(self.board)

    @cached_property
    def map(self) -> display.SeatMap:
        return display.seat_map(self.board, self.seats, everybody=self.way.show == "expected")

    @cached_property
    def counts(self) -> tuple[display.Count, ...]:
        return display.counts(self.board, shown=self.way.show)

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
        return self.way.can_act and (self.board.head.admits or self.board.head.open)

    @property
    def of(self) -> object:
        """All that the parts of this way are drawn of: `now` alone changes nothing that is shown."""
        return self.board, self._lost

    @cached_property
    def frame(self) -> Hashable:
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
        numbers = self.board.numbers
        return {self._name_of(seat): as_sent(numbers[seat.ref]) for seat in self.seats}

    def bring_numbers(self, sheet: Sheet) -> bool:
        """Bring a sheet up to date, unless a part has to be drawn; return whether it is."""
        return sheet.bring(self.of, self.numbers, self.parts, None)

    def parts(self) -> tuple[Hashable, Mapping[str, Hashable]]:
        return self.frame, self.wanted


def _of_todo(todo: Todo) -> Hashable:
    seats = tuple((seat.ref, seat.label, seat.name) for seat in todo.seats)
    return todo.kind, seats, todo.ways, todo.tone, todo.since, todo.params


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
            "clocks": display.clocks(board),
            "line": display.log_text,
            "line_person": display.log_person,
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
        sheet.bring(self.of, self.numbers, self.parts, partial(self.draw, pen=pen))

    def whole(self, sheet: Sheet, pen: Pen) -> dict[str, Any]:
        """Return what `_live.html` needs to join the parts of a sheet, with the numbers of now."""
        parts = {name: part.html for name, part in sheet.parts.items()}
        for seat in self.seats:
            name = self._name_of(seat)
            parts[name] = filled(parts[name], self.board.numbers[seat.ref])
        # The time left stands in it for whoever has no scripts.
        parts["live-bar"] = self._bar or self.draw(["live-bar"], pen=pen)["live-bar"]
        drawn = {name: drawn_before(html) for name, html in parts.items()}
        return {**self.context(pen.now), "parts": drawn, "tag": sheet.tag}


def drawn_before(html: str) -> Markup:
    """Return what this process drew of a template of ours a moment before, which escaped what was typed."""
    return Markup(html)


_TEMPLATES = {
    "live-bar": "proctoring/board/parts/_head.html",
    "live-alarms": "proctoring/board/parts/_alarms.html",
    "live-counts": "proctoring/board/parts/_counts.html",
    "live-todo": "proctoring/board/parts/_todo.html",
    "live-log": "proctoring/board/parts/_log.html",
    "picked": "proctoring/board/parts/_bar.html",
}
_ALIKE = frozenset({"live-alarms", "live-counts", "live-todo", "picked"})
"""What they are drawn of names no room: mostly they are alike in all of them."""
_SEATS = {"map": "proctoring/board/parts/_tiles.html", "list": "proctoring/board/parts/_rows.html"}


def way_of(room_ref: str, view: str, show: str, *, can_act: bool) -> BoardWay:
    return BoardWay(room_ref, view, show, can_act, str(flask_babel.get_locale()))
