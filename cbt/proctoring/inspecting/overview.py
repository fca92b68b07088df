"""Several rooms at a glance: of each its counts, its clock, and what waits for somebody, from its own board.

Source: R-62.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cbt.db.unit_of_work import reading
from cbt.proctoring.board import filters
from cbt.proctoring.board.live import Board
from cbt.proctoring.board.shown import ShownClock, clocks
from cbt.proctoring.board.todos import Todo, todos
from cbt.proctoring.inspecting.comments import unanswered
from cbt.proctoring.pages import RECENT
from cbt.proctoring.polling.rooms import open_rooms
from cbt.proctoring.rooms import count_rooms_for, near_rooms, rooms_for
from cbt.sittings.store import RoomView
from cbt.web.who.login import Principal

A_PAGE = 12
"""So many rooms are read for one page: each costs three queries, and those of its board when it changed."""
TONES = ("stop", "warn", "")


@dataclass(frozen=True, slots=True)
class RoomGlance:
    """One room as the page of several shows it."""

    view: RoomView
    board: Board
    counts: Sequence[filters.Count]
    clocks: Sequence[ShownClock]
    needs: Sequence[Todo]
    comments: int

    @property
    def tone(self) -> str:
        """How urgent the most urgent of its needs is."""
        if self.board.lost_since is not None or self.board.head.evacuated:
            return "stop"
        return next((tone for tone in TONES if any(one.tone == tone for one in self.needs)), "")


def glances(principal: Principal, *, page: int, now: datetime) -> tuple[list[RoomGlance], int]:
    """Return one page of the rooms of now that this person sees, and how many pages there are."""
    rooms = open_rooms()
    near = near_rooms(until=now + RECENT)
    with reading() as session:
        pages = max(1, -(-count_rooms_for(session, principal, *near) // A_PAGE))
        shown = rooms_for(session, principal, *near, limit=A_PAGE, offset=(min(page, pages) - 1) * A_PAGE)
        comments = unanswered(session, [view.sitting_room.id for view in shown])
        found = [
            _glance(view, rooms.board(session, view, now=now), comments.get(view.sitting_room.id, 0), now=now)
            for view in shown
        ]
    return found, pages


def _glance(view: RoomView, board: Board, comments: int, *, now: datetime) -> RoomGlance:
    return RoomGlance(
        view=view,
        board=board,
        counts=filters.counts(board, shown="expected"),
        clocks=clocks(board),
        needs=todos(board),
        comments=comments,
    )
