"""What a page has not heard yet: the entries of the log about its paper, its candidate and its room."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session

from cbt.audit.models import AuditEntry, AuditHead
from cbt.db.known.selects import KnownSelect
from cbt.delivery.models import Attempt
from cbt.delivery.news.acts import OF_STANDING_ROOMS, STANDS, STIRS, UNDO
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


_PLACE = KnownSelect(
    select(
        Attempt.ref,
        SittingRoom.id,
        SittingRoom.ref.label("room_ref"),
        SittingRoom.state,
        SittingRoom.evacuated_at,
        SittingRoom.clocks_due_at,
        Attempt.closed_by,
    )
    .join(Attempt, Attempt.sitting_room_id == SittingRoom.id)
    .where(Attempt.id == bindparam("attempt"))
)
_NUMBER = KnownSelect(select(AuditHead.last_id))
_ENTRY = (
    AuditEntry.id,
    AuditEntry.at,
    AuditEntry.actor,
    AuditEntry.act,
    AuditEntry.subject,
    AuditEntry.reason,
    AuditEntry.after,
)
TOPICS = ("paper", "person", "room")
"""Whose entries a page hears of, in the order in which `entries_since` is given them."""
_SINCE = KnownSelect(
    select(*_ENTRY)
    .where(
        or_(*[AuditEntry.subject == bindparam(topic) for topic in TOPICS]),
        AuditEntry.id > bindparam("since"),
        AuditEntry.id <= bindparam("upto"),
        or_(*[AuditEntry.act == act for act in sorted(STIRS)], AuditEntry.act.startswith(UNDO)),
    )
    .order_by(AuditEntry.id.desc())
    .limit(MOST_TOLD * 4)
)
_LATEST = {
    acts: KnownSelect(
        select(*_ENTRY)
        .where(
            AuditEntry.subject == bindparam("topic"),
            or_(*[AuditEntry.act == act for act in acts]),
            AuditEntry.id < bindparam("before"),
        )
        .order_by(AuditEntry.id.desc())
        .limit(1)
    )
    for acts in (*((act,) for act in (*STANDS, "gap.decide")), OF_STANDING_ROOMS)
}
"""The last of acts about a topic: a whole room asks at one instant, so each is put together once."""


def place_of(session: Session, attempt_id: int) -> Whereabouts:
    """Return where an attempt stands (one query)."""
    (row,) = _PLACE.rows(session, attempt=attempt_id)
    attempt_ref, room_id, ref, state, evacuated_at, due_at, closed_by = row
    return Whereabouts(
        attempt_ref, room_id, ref, state, evacuated_at is not None, due_at is not None, closed_by
    )


def number_now(session: Session) -> int:
    """Return the number up to which this snapshot knows what happened."""
    return next((row[0] for row in _NUMBER.rows(session)), 0)


def entries_since(session: Session, topics: Sequence[str], *, since: int, upto: int) -> list[Happening]:
    """Return what happened to TOPICS after `since`, the oldest first; of very much only the latest (one query)."""
    about = dict(zip(TOPICS, topics, strict=True))
    rows = _SINCE.rows(session, since=since, upto=upto, **about)
    return [entry_of(row) for row in rows][::-1]


def latest(
    session: Session, topic: str, acts: tuple[str, ...], *, before: int = MOST_NUMBER
) -> Happening | None:
    """Return the last of these acts about a topic before a number (one query)."""
    rows = _LATEST[acts].rows(session, topic=topic, before=before)
    return entry_of(rows[0]) if rows else None


def entry_of(row: Any) -> Happening:
    """Return an entry of the log as it is told from."""
    after = json.loads(row.after) if row.after else {}
    return Happening(
        row.id, row.at, row.actor, row.act, row.subject, row.reason, after if isinstance(after, dict) else {}
    )


def number_asked(text: str | None) -> int | None:
    """Return the number up to which a page says it knows what happened; None for a page that knows nothing."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None
