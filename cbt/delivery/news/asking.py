"""What a page has not heard yet: the entries of the log about its paper, its candidate and its room."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from cbt.audit.models import AuditEntry, AuditHead
from cbt.delivery.models import Attempt
from cbt.delivery.news.acts import STIRS, UNDO
from cbt.sittings.models import SittingRoom

MOST_NUMBER = 2**31 - 1
MOST_TOLD = 5
"""What a page that was away for long is told; older acts show in its clock and screens."""


@dataclass(frozen=True, slots=True)
class Happening:
    """An act as the log has it."""

    number: int
    at: datetime
    actor: str
    act: str
    subject: str
    reason: str
    after: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where an attempt stands: its room, and how the attempt was closed."""

    attempt_ref: str
    room_id: int
    room_ref: str
    room_state: str
    evacuated: bool
    settling: bool
    """Whether the room's ends are still to be worked out after an outage."""
    closed_by: str | None

    @property
    def topic(self) -> str:
        """What pages of this room wait for."""
        return f"sitting_room:{self.room_ref}"

    @property
    def paper_topic(self) -> str:
        """What the page of this attempt waits for."""
        return f"attempt:{self.attempt_ref}"


def place_of(session: Session, attempt_id: int) -> Whereabouts:
    """Return where an attempt stands (one query)."""
    row = session.execute(
        select(
            Attempt.ref,
            SittingRoom.id,
            SittingRoom.ref,
            SittingRoom.state,
            SittingRoom.evacuated_at,
            SittingRoom.clocks_due_at,
            Attempt.closed_by,
        )
        .join(Attempt, Attempt.sitting_room_id == SittingRoom.id)
        .where(Attempt.id == attempt_id)
    ).one()
    attempt_ref, room_id, ref, state, evacuated_at, due_at, closed_by = row
    return Whereabouts(
        attempt_ref, room_id, ref, state, evacuated_at is not None, due_at is not None, closed_by
    )


def number_now(session: Session) -> int:
    """Return the number up to which this snapshot knows what happened."""
    return session.scalar(select(AuditHead.last_id)) or 0


def entries_since(session: Session, topics: Iterable[str], *, since: int, upto: int) -> list[Happening]:
    """Return what happened to topics after `since`, the oldest first; of very much only the latest (one query)."""
    query = (
        select(AuditEntry)
        .where(
            AuditEntry.subject.in_(sorted(topics)),
            AuditEntry.id > since,
            AuditEntry.id <= upto,
            or_(AuditEntry.act.in_(sorted(STIRS)), AuditEntry.act.startswith(UNDO)),
        )
        .order_by(AuditEntry.id.desc())
        .limit(MOST_TOLD * 4)
    )
    return [entry_of(row) for row in session.scalars(query)][::-1]


def latest(
    session: Session, topics: Sequence[str], acts: Sequence[str], *, before: int = MOST_NUMBER
) -> Happening | None:
    """Return the last of these acts about these topics before a number (one query)."""
    query = (
        select(AuditEntry)
        .where(AuditEntry.subject.in_(topics), AuditEntry.act.in_(acts), AuditEntry.id < before)
        .order_by(AuditEntry.id.desc())
        .limit(1)
    )
    row = session.scalar(query)
    return None if row is None else entry_of(row)


def entry_of(row: AuditEntry) -> Happening:
    """Return an entry of the log as it is told from."""
    after = json.loads(row.after) if row.after else {}
    return Happening(
        row.id, row.at, row.actor, row.act, row.subject, row.reason, after if isinstance(after, dict) else {}
    )


def number_asked(text: str | None) -> int | None:
    """Return the number up to which a page says it knows what happened; None for a page that knows nothing."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None
