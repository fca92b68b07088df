"""The seats of a room as they were worked out last: what is made of the same is the same seat."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from cbt.proctoring.board.alerts import alerts_of, guesses_of
from cbt.proctoring.board.papers import PaperLine
from cbt.proctoring.board.proposals import Proposal
from cbt.proctoring.board.seat_state import SeatNumbers, told_of
from cbt.proctoring.board.seat_view import SeatView, seat_view, state_of
from cbt.web.who.guessing import OftenTried


class KeptSeats:
    """The seats of one room, by their ids."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[tuple[object, ...], SeatView]] = {}
        """Of each seat what it was made of, and the seat."""

    def view(
        self,
        row: Any,
        numbers: SeatNumbers,
        *,
        paper: PaperLine,
        grants: Mapping[str, timedelta],
        proposals: tuple[Proposal, ...],
        guesses: OftenTried | None,
        seen: Mapping[tuple[int, str], int],
        runs_since: datetime | None,
        now: datetime,
    ) -> SeatView:
        """Return the seat of a row that has a registration; `runs_since` as of `alerts_of`."""
        state = state_of(row, numbers.seen_at, now=now)
        alerts = alerts_of(
            row, state, proposals=proposals, guesses=guesses, seen=seen, runs_since=runs_since, now=now
        )
        guessed, told = guesses_of(guesses), told_of(numbers, state)
        of = (row, told, state, alerts, paper, grants, proposals, guessed)
        kept = self._made.get(row.seat_id)
        if kept is not None and kept[0] == of:
            return kept[1]
        made = seat_view(
            row,
            told,
            state=state,
            alerts=alerts,
            paper=paper,
            grants=grants,
            proposals=proposals,
            guesses=guessed,
        )
        self._made[row.seat_id] = of, made
        return made
