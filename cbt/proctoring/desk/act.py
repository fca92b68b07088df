"""What a proctor's act is: whom it is about, what its form asks, how it is done, approved and taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from cbt.accounts.approvals.requests import Line
from cbt.proctoring.board.live import Board, RoomHead
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.desk.said import Said
from cbt.proctoring.desk.staff import By
from cbt.rules.clock.granting import Given
from cbt.rules.reasons import ReasonTable

if TYPE_CHECKING:
    from cbt.proctoring.desk.acting import Desk

Form = Mapping[str, str]
Applies = Callable[[SeatView, Board], str]
"""Why an act does not apply to a seat, as a catalogue word; "" when it does."""


class ActScope(StrEnum):
    """Whom an act is about."""

    SEATS = "seats"
    ONE = "one"
    ROOM = "room"


@dataclass(frozen=True, slots=True)
class Asked:
    """One posted act: in which room, about which seats, with which fields, by whom, when."""

    act: Act
    room_ref: str
    refs: tuple[str, ...]
    form: Form
    by: By
    now: datetime
    zone: tzinfo
    reasons: ReasonTable
    """What its form may name as the reason."""


@dataclass(frozen=True, slots=True)
class Picked:
    """A selection, parted into those an act applies to and those it leaves alone, with why."""

    chosen: tuple[SeatView, ...]
    skipped: tuple[tuple[SeatView, str], ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What an act would do now: whom it touches, whom it leaves alone and why."""

    act: Act
    board: Board
    picked: Picked
    form: Form
    """What the preview was asked with."""
    now: datetime
    reasons: ReasonTable
    """What its form lets people pick from."""
    given: tuple[Given, ...] = ()
    """What one person alone gave in this room so far (R-62)."""
    by_password: bool = False
    """Whether the centre lets a second person type their password here."""
    as_of: int = 0
    """The last act of the room's log of acts that this preview knows of."""


@dataclass(frozen=True, slots=True)
class BarPlace:
    """Where the bar offers an act: among the usual ones or behind 更多, the lowest rank first."""

    usual: bool
    rank: int


def usual(rank: int) -> BarPlace:
    """Stand among the acts the bar shows at once."""
    return BarPlace(usual=True, rank=rank)


def further(rank: int) -> BarPlace:
    """Stand behind 更多."""
    return BarPlace(usual=False, rank=rank)


@dataclass(frozen=True, slots=True)
class HeadButton:
    """The button of an act about the room in the board's head, `apart` from the others what stops a room."""

    rank: int
    shown: Callable[[RoomHead], bool]
    kind: str = ""
    apart: bool = False


def _always_applies(_seat: SeatView, _board: Board) -> str:
    return ""


def _no_second(_preview: Preview) -> str:
    return ""


def _nothing_more(_preview: Preview) -> Mapping[str, object]:
    return {}


def _nothing_in_the_way(_preview: Preview) -> bool:
    return False


def always(_preview: Preview) -> str:
    """Ask for a second person whatever is filled in: a starred act. Source: R-62."""
    return "always"


def perhaps(_preview: Preview) -> str:
    """Offer the second person's fields: what is filled in decides. Source: R-62."""
    return "perhaps"


@dataclass(frozen=True, slots=True)
class Act:
    """One act of a proctor. `do` reads the posted form and carries it out in one unit of work.

    `code` is its word in URLs, catalogue ids, the room's log and the audit log.
    """

    code: str
    scope: ActScope
    do: Callable[[Asked], Said]
    applies: Applies = _always_applies
    after_the_end: bool = False
    """Whether it can still be done once the room is over; everything else would change what stands."""
    everybody: bool = False
    """Whether an empty selection means everybody it applies to (全部已到场)."""
    whom: Callable[[Board, Form], SeatView | None] | None = None
    """Which seat it is about where its form names another thing of that seat; None: the selection."""
    fields: tuple[str, ...] = ()
    """The parts of its form: templates/proctoring/acts/fields/_<field>.html."""
    carries: tuple[str, ...] = ()
    """What the link to its form names beside the seats, handed on with the form."""
    shows: Callable[[Preview], Mapping[str, object]] = _nothing_more
    """What those templates need beside the preview."""
    blocked: Callable[[Preview], bool] = _nothing_in_the_way
    """Whether something in the preview is in the way of doing it."""
    second: Callable[[Preview], str] = _no_second
    """Whether its form asks for a second person: "always", "perhaps" by what is filled in, or "" (R-62)."""
    lines: tuple[Callable[[Form], Iterator[Line]], ...] = ()
    """What a second person reads of its form, in this order."""
    undo: Callable[[Desk, SeatView, Any], bool] | None = None
    """Take it back for one seat, given what stood there; return whether that still could be."""
    undo_room: Callable[[Desk, Any], bool] | None = None
    """Take it back for the room, given what stood there; return whether that still could be."""
    final: str = ""
    """Why it cannot be taken back, as a catalogue word; "" for one that can."""
    leads_to: str = "proctoring.board"
    """The page of the room that is shown after it, where no board is open."""
    tone: str = ""
    before: BarPlace | None = None
    """Where the bar offers it before the start."""
    running: BarPlace | None = None
    """Where the bar offers it once the room was started."""
    head: HeadButton | None = None

    @property
    def undoable(self) -> bool:
        """Whether it can be taken back for a while."""
        return self.undo is not None or self.undo_room is not None

    def refuses(self, seat: SeatView, board: Board) -> str:
        """Return why it does not apply to a seat now, as a catalogue word; "" when it does."""
        if board.head.over and not self.after_the_end:
            return "room_over"
        return self.applies(seat, board)
