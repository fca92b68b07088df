"""What a board shows beside its seats: facts of its clocks, its log, who is there, what can be taken back.

Acts change it, and little else does: whoever keeps it asks the log's end whether it is still so (polling).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from cbt.delivery.fact_reader import room_facts
from cbt.delivery.facts import RoomFacts
from cbt.delivery.models import Gap
from cbt.proctoring.board import store
from cbt.proctoring.board.log_lines import rows_for
from cbt.proctoring.board.papers import PaperKey, PaperLine, papers_of
from cbt.proctoring.board.reminders import Reminder, reminders_of
from cbt.proctoring.models import Incident, UndoableAct
from cbt.rules.clock.facts import Pause
from cbt.sittings.store import RoomView

UNDO_FOR = timedelta(minutes=2)
LOG_LINES = 40


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What was read of a room beside its seats, as it stood: only `now` decides what of it is still shown."""

    facts: RoomFacts
    papers: Mapping[PaperKey, PaperLine]
    gaps: Sequence[Gap]
    stood: Mapping[int, Sequence[Pause]]
    grants: Mapping[int, Mapping[str, timedelta]]
    seen: Mapping[tuple[int, str], int]
    incidents: Sequence[Incident]
    held_from: datetime | None
    proctors: Sequence[str]
    undoable: Sequence[UndoableAct]
    next_start_at: datetime | None
    reminders: tuple[Reminder, ...]


def taken_rows(rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    """Return the rows of the board that have a registration."""
    return [row for row in rows if row.registration_id is not None]


def read_around(session: Session, view: RoomView, rows: Sequence[Row[Any]], *, now: datetime) -> Surroundings:
    """Read it: a fixed set of queries, whatever the number of seats."""
    room, taken = view.sitting_room, taken_rows(rows)
    gaps = store.gaps_of_room(session, room.id)
    undecided = any(gap.decided_at is None for gap in gaps)
    facts = room_facts(session, room.id)
    return Surroundings(
        facts=facts,
        papers=papers_of(session, taken),
        gaps=gaps,
        stood=store.stood_in_room(session, room.id) if undecided else {},
        grants=store.grants_of_room(session, room.id),
        seen=store.alerts_seen(session, room.id),
        incidents=store.incidents_of_room(session, room.id, limit=rows_for(len(taken), LOG_LINES)),
        held_from=max((hold.from_at for hold in facts.holds if hold.to_at is None), default=None),
        proctors=store.proctors_of_room(session, room.id),
        undoable=store.undoable_acts(session, room.id, since=now - UNDO_FOR),
        next_start_at=store.next_start_in(session, room, after=view.sitting.planned_start_at),
        reminders=reminders_of(session, room.id, now=now) if room.started_at is not None else (),
    )
