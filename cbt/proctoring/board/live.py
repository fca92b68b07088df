"""The live board: a room's seats, counts, clocks, alerts and log at one instant."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from cbt.proctoring.board import store
from cbt.proctoring.board.alerts import guesses_in_room
from cbt.proctoring.board.around import LOG_LINES, UNDO_FOR, Surroundings, read_around, taken_rows
from cbt.proctoring.board.kept_seats import KeptSeats
from cbt.proctoring.board.log_lines import LogLine, log_lines
from cbt.proctoring.board.papers import PaperLine, with_ends
from cbt.proctoring.board.proposals import proposals_of
from cbt.proctoring.board.reminders import Reminder, still_shown
from cbt.proctoring.board.seat_state import SeatNumbers, SeatState
from cbt.proctoring.board.seat_view import FreeSeat, SeatView
from cbt.proctoring.models import UndoableAct
from cbt.rules.canonical import digest
from cbt.rules.clock import interruptions
from cbt.rules.door.admission import is_late
from cbt.rules.states.sitting import OVER, SittingState
from cbt.sittings.store import RoomView
from cbt.web.who.guessing import OftenTried

_WORKING = frozenset({SeatState.ANSWERING, SeatState.OFFLINE})


@dataclass(frozen=True, slots=True)
class RoomHead:
    """What names the room and says where it stands."""

    ref: str
    sitting_name: str
    purpose: str
    centre_name: str
    room_name: str
    state: SittingState
    armed: bool
    planned_start_at: datetime
    check_in_opens_at: datetime
    report_at: datetime
    late_cutoff_at: datetime
    sign_in_opens_at: datetime
    leave_allowed: bool
    started_at: datetime | None
    proctors: tuple[str, ...]
    held_from: datetime | None
    evacuated_at: datetime | None
    plan: str
    door: str

    @property
    def open(self) -> bool:
        """Whether the room's clock runs or stands, but is not over."""
        return self.state in {SittingState.RUNNING, SittingState.HELD}

    @property
    def admits(self) -> bool:
        """Whether the room waits for its start."""
        return self.state in {SittingState.PUBLISHED, SittingState.ADMITTING}

    @property
    def over(self) -> bool:
        """Whether the room is behind us: ended, aborted, cancelled or later."""
        return self.state in OVER

    @property
    def evacuated(self) -> bool:
        """Whether everybody is to be outside: the room is held for it, or it was evacuated before its start."""
        return self.evacuated_at is not None


@dataclass(frozen=True, slots=True)
class Board:
    """Everything the page shows, as values: two equal boards look the same but for their seats' numbers."""

    head: RoomHead
    papers: tuple[PaperLine, ...]
    seats: tuple[SeatView, ...]
    free: tuple[FreeSeat, ...]
    log: tuple[LogLine, ...]
    undo: tuple[tuple[str, str, int, datetime], ...]
    """Acts that can be taken back: (ref, act, how many, until)."""
    lost_since: datetime | None
    """Since when a mass loss suggests a power cut (R-25)."""
    next_start_at: datetime | None
    start_waits: bool
    needs_countersign: bool
    late: bool
    """Whether nobody is let in any more (R-11): who is not there by now is missing."""
    reminders: tuple[Reminder, ...]
    numbers: Mapping[str, SeatNumbers] = field(compare=False)
    """Of each seat, by its registration's ref."""

    @property
    def started(self) -> bool:
        """Whether the room's clock was started."""
        return self.head.started_at is not None

    def seat(self, ref: str) -> SeatView | None:
        """Return the seat of one registration."""
        return next((seat for seat in self.seats if seat.ref == ref), None)

    def etag(self, *extra: str) -> str:
        """Return a tag that changes when anything shown does."""
        return digest("\n".join((repr(self), *extra)))[:32]


def load_board(session: Session, view: RoomView, *, now: datetime) -> Board:
    """Read the board of a room: a fixed set of queries, whatever the number of seats."""
    rows = store.board_rows(session, view.sitting_room.id, view.sitting_room.room_id)
    return board_of(
        view,
        rows,
        [SeatNumbers(row.answered or 0, row.seen_at, row.saved_at) for row in rows],
        read_around(session, view, rows, now=now),
        guesses_in_room(taken_rows(rows), store.counters_of(session, now=now)),
        KeptSeats(),
        now=now,
    )


def board_of(
    view: RoomView,
    rows: Sequence[Row[Any]],
    numbers: Sequence[SeatNumbers],
    around: Surroundings,
    guesses: Mapping[int, OftenTried],
    kept: KeptSeats,
    *,
    now: datetime,
) -> Board:
    """Return the board that was read at `now`: nothing is asked for, and only `now` makes it another.

    `numbers` are those of the `rows`, each at its place. Seats that are as they were `kept` are not made anew.
    """
    room, sitting = view.sitting_room, view.sitting
    papers = with_ends(around.papers, around.facts, now=now)
    proposals = proposals_of(around.gaps, around.facts, around.stood, now=now)
    taken = [one for one in zip(rows, numbers, strict=True) if one[0].registration_id is not None]
    seats = tuple(
        kept.view(
            row,
            its_numbers,
            paper=papers[(row.blueprint_version_id, row.paper)],
            grants=around.grants.get(row.attempt_id, {}),
            proposals=proposals.get(row.attempt_id, ()),
            guesses=guesses.get(row.seat_id),
            seen=around.seen,
            runs_since=room.started_at if room.state == SittingState.RUNNING else None,
            now=now,
        )
        for row, its_numbers in taken
    )
    return Board(
        head=_head(view, around.proctors, around.held_from),
        papers=tuple(papers.values()),
        seats=seats,
        free=tuple(
            FreeSeat(row.seat_id, row.number, row.spare, row.bound_at is not None)
            for row in rows
            if row.registration_id is None
        ),
        log=log_lines(around.incidents, seats, around.gaps, limit=LOG_LINES),
        undo=_undo([act for act in around.undoable if act.at > now - UNDO_FOR]),
        lost_since=_lost_since(seats, now=now) if room.state == SittingState.RUNNING else None,
        next_start_at=around.next_start_at,
        reminders=still_shown(around.reminders, now=now),
        start_waits=room.armed and room.started_at is None and now >= sitting.planned_start_at,
        needs_countersign=room.evacuated_at is not None
        and not any(line.kind == "countersign" and line.at >= room.evacuated_at for line in around.incidents),
        late=is_late(now, cutoff_at=sitting.late_cutoff_at),
        numbers={row.ref: its_numbers for row, its_numbers in taken},
    )


def _head(view: RoomView, proctors: Sequence[str], held_from: datetime | None) -> RoomHead:
    room, sitting = view.sitting_room, view.sitting
    return RoomHead(
        ref=room.ref,
        sitting_name=sitting.name,
        purpose=sitting.purpose,
        centre_name=view.centre.name,
        room_name=view.room.name,
        state=SittingState(room.state),
        armed=room.armed,
        planned_start_at=sitting.planned_start_at,
        check_in_opens_at=sitting.check_in_opens_at,
        report_at=sitting.report_at,
        late_cutoff_at=sitting.late_cutoff_at,
        sign_in_opens_at=sitting.sign_in_opens_at,
        leave_allowed=sitting.leave_allowed,
        started_at=room.started_at,
        proctors=tuple(proctors),
        held_from=held_from,
        evacuated_at=room.evacuated_at,
        plan=view.room.plan,
        door=view.room.door,
    )


def _undo(acts: Sequence[UndoableAct]) -> tuple[tuple[str, str, int, datetime], ...]:
    return tuple((act.ref, act.act, _people_in(act), act.at + UNDO_FOR) for act in acts)


def _people_in(act: UndoableAct) -> int:
    """Return how many seats an act touched; none where it was about the room."""
    return sum(registration_id is not None for registration_id, _ in json.loads(act.params))


def _lost_since(seats: Sequence[SeatView], *, now: datetime) -> datetime | None:
    working = [seat for seat in seats if seat.state in _WORKING]
    lost = [seat.last.seen_at for seat in working if seat.last is not None and seat.last.seen_at is not None]
    return interruptions.mass_loss(lost, now, seats=len(working))
