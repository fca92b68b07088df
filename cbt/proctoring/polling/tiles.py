"""Parts of boards drawn once a kind: forty who answer are one tile, into which names and numbers are written.

A template is handed a place of nobody: what is somebody's alone stands in it as a mark, or not at all. So two
places are of a kind where the template is handed the very same: what it was drawn of is all it can have shown.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote

from markupsafe import escape

from cbt.proctoring.board.seat_view import SeatView

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
        """Return places as they are drawn in a way, by their parts."""
        drawn = self.drawn([tile.kind for tile in tiles], way, draw)
        return {tile.part: _written(html, tile) for tile, html in zip(tiles, drawn, strict=True)}

    def drawn(self, kinds: Sequence[Kind], way: Hashable, draw: DrawKinds[Kind]) -> list[str]:
        """Return kinds as they are drawn in a way; `draw` draws those that were not yet, in their order."""
        known = self._known(kinds, way)
        if missing := [kind for kind in dict.fromkeys(kinds) if kind not in known]:
            known |= dict(zip(missing, draw(missing), strict=True))
            self._keep(known, way)
        return [known[kind] for kind in kinds]

    def _known(self, kinds: Iterable[Kind], way: Hashable) -> dict[Kind, str]:
        kept = self._kept
        return {kind: html for kind in set(kinds) if (html := kept.get((way, kind))) is not None}

    def _keep(self, known: Mapping[Kind, str], way: Hashable) -> None:
        with self._lock:
            for kind, html in known.items():
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
        **instants,
    )


def of_room(html: str, room_ref: str) -> str:
    """Return what was drawn of no room with the address of one."""
    return html.replace(_IN_ADDRESS[ROOM], room_ref)


def _written(html: str, tile: Tile) -> str:
    """Return what was drawn of a kind with what is this place's alone; the name last, whatever stands in it."""
    html = of_room(html, tile.room_ref).replace(PART, tile.part).replace(LABEL, tile.label)
    if tile.seat is None:
        return html
    html = html.replace(_IN_ADDRESS[REF], tile.seat.ref).replace(REF, tile.seat.ref)
    return html.replace(NAME, escape(tile.seat.name))


_IN_ADDRESS = {mark: quote(mark) for mark in (REF, ROOM)}
