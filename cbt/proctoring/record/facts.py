"""What a room's papers say, as values: who stands where, what happened, what was given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cbt.audit.heads import Head
from cbt.proctoring.acts.room.ending import Ending
from cbt.proctoring.board.live import Board
from cbt.proctoring.board.log_lines import LogLine
from cbt.proctoring.board.seat_view import SeatView
from cbt.rules.violation import Violation

MOVES = ("move", "move_to", "rebind")
"""The lines of the log that say that somebody went on at another machine."""
RELOCATED = ("relocate", "undo_relocate")
"""That the whole room went on in another one, and that it went back."""
UNDONE_MOVE = "undo_move"
"""That one of them was taken back."""


@dataclass(frozen=True, slots=True)
class GivenTime:
    """Time that was given to one candidate, or to the whole room (no seat); `at` is None for before the start."""

    seat: SeatView | None
    at: datetime | None
    kind: str
    amount: timedelta
    code: str
    reason: str
    by: str
    withdrawn: bool = False
    """Whether it was taken back: it is told, and counts no more."""


@dataclass(frozen=True, slots=True)
class Stood:
    """A 全场暂停: from when, until when, why, by whom."""

    from_at: datetime
    to_at: datetime | None
    code: str
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class Silence:
    """A disconnection of one candidate, and what was decided; `granted` is None while nobody has."""

    seat: SeatView
    from_at: datetime
    to_at: datetime
    usable: bool
    resent: int
    decided: bool
    granted: timedelta


@dataclass(frozen=True, slots=True)
class Out:
    """A 临时离场 of one candidate."""

    seat: SeatView
    out_at: datetime
    in_at: datetime | None
    escort: str


@dataclass(frozen=True, slots=True)
class Reported:
    """A form of a violation or an incident with what was added to it; `seat` is None for one about the room.

    A violation of a log from before there were such forms is one of which only the facts are known.
    """

    kind: str
    """`violation` or `incident`."""
    seat: SeatView | None
    at: datetime
    code: str
    violation: Violation | None
    """Its row of the table it was recorded by; None for an incident."""
    facts: str
    by: str
    evidence: tuple[str, ...] = ()
    evidence_note: str = ""
    witness: str = ""
    statement: str = ""
    signature: str = "open"
    withdrawn: str | None = None
    """Why it was withdrawn; None while it holds."""


@dataclass(frozen=True, slots=True)
class Comment:
    """What an inspector noted about the room or one seat of it, and what the chief answered, "" for nothing yet."""

    seat: SeatView | None
    at: datetime
    text: str
    by: str
    answer: str
    answered_by: str


@dataclass(frozen=True, slots=True)
class DoorFacts:
    """What the door saw of one person: their registered document, masked, and the kind they showed."""

    masked: str
    shown: str
    cause: str


@dataclass(frozen=True, slots=True)
class RoomRecord:
    """Everything the papers of one room are made of; the figures are those of the end of the room (R-61)."""

    board: Board
    ending: Ending
    batch: str
    ended_at: datetime | None
    staff: tuple[tuple[str, str], ...]
    """(name, duty)"""
    lines: tuple[LogLine, ...]
    """The whole log, the first line first."""
    stood: tuple[Stood, ...]
    given: tuple[GivenTime, ...]
    silences: tuple[Silence, ...]
    out: tuple[Out, ...]
    reports: tuple[Reported, ...]
    """In the order in which they were filed, withdrawn ones among them."""
    comments: tuple[Comment, ...]
    doors: Mapping[str, DoorFacts]
    """By the ref of a registration."""
    no_photo: tuple[SeatView, ...]
    head: Head | None
    """Where the log ended when this was read (日志锚点)."""
    printed_at: datetime

    @property
    def draft(self) -> bool:
        """Whether the room goes on: its figures may change yet."""
        return not self.board.head.over

    @property
    def absent(self) -> tuple[SeatView, ...]:
        """Who is 缺考."""
        return self.ending.who.get("absent", ())

    @property
    def unanswered(self) -> tuple[SeatView, ...]:
        """Who came and never began."""
        return self.ending.who.get("unanswered", ())

    @property
    def undecided(self) -> int:
        """How many compensations nobody has decided."""
        return self.ending.counts.undecided

    @property
    def moves(self) -> tuple[LogLine, ...]:
        """Who went on at another machine, a line each, and which of these were taken back."""
        kinds = (*MOVES, UNDONE_MOVE)
        return tuple(one for line in self.lines if line.kind in kinds for one in _each(line))

    @property
    def moved(self) -> int:
        """How often somebody went on at another machine."""
        undone = sum(line.kind == UNDONE_MOVE for line in self.moves)
        return len(self.moves) - 2 * undone

    @property
    def breaches(self) -> tuple[Reported, ...]:
        """The violations that hold."""
        return tuple(one for one in self.reports if one.kind == "violation" and one.withdrawn is None)

    @property
    def incidents(self) -> tuple[Reported, ...]:
        """The incidents that hold."""
        return tuple(one for one in self.reports if one.kind == "incident" and one.withdrawn is None)

    @property
    def withdrawn(self) -> tuple[Reported, ...]:
        """What was filed and does not hold."""
        return tuple(one for one in self.reports if one.withdrawn is not None)


def _each(line: LogLine) -> Iterator[LogLine]:
    """Yield a line about several people as one for each."""
    if not line.people:
        yield line
    for one in line.people:
        said = {**dict(line.params), **dict(one.own), "seat": one.seat, "name": one.name}
        yield LogLine(line.at, line.kind, tuple(sorted(said.items())))
