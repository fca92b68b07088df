"""Queries of the delivery room."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from cbt.candidates.models import Registration
from cbt.door.admission import PaperState
from cbt.runner.attempt_states import OVER
from cbt.runner.models import Attempt, Message
from cbt.storage.prepared import PreparedSelect


def journal_state(rows: Iterable[tuple[str, int, str | None, int]]) -> tuple[dict[str, Any], int]:
    """Return what a page needs to come back unchanged, and the largest sequence number seen (R-42).

    `rows` are (kind, position, value, seq) of an attempt's journal in the order of (lease_epoch, seq). The
    first result holds answers, flags, strikes, notes, marks and settings; the browser's next number must be larger
    than the second.
    """
    latest: dict[tuple[str, int], str | None] = {}
    highest = 0
    for kind, position, value, seq in rows:
        highest = max(highest, seq)
        if kind != "event":
            latest[kind, position] = value
    state: dict[str, Any] = {
        "answers": {},
        "flags": [],
        "strikes": {},
        "notes": {},
        "marks": {},
        "settings": {},
    }
    names = {"answer": "answers", "strike": "strikes", "note": "notes", "mark": "marks"}
    for (kind, position), value in latest.items():
        if value is None:
            continue
        if kind == "flag":
            state["flags"].append(position)
        elif kind == "setting":
            state["settings"] = json.loads(value)
        else:
            state[names[kind]][str(position)] = json.loads(value)
    state["flags"].sort()
    return state, highest


def unread_messages(session: Session, attempt_id: int) -> list[Message]:
    """Return the reminders the candidate has not confirmed."""
    return list(
        session.scalars(
            select(Message)
            .where(
                Message.attempt_id == attempt_id, Message.read_at.is_(None), Message.withdrawn_at.is_(None)
            )
            .order_by(Message.id)
        )
    )


def is_out(session: Session, registration_id: int) -> bool:
    """Return whether the candidate is out of the room under escort (R-13)."""
    query = select(Registration.left_at).where(Registration.id == registration_id)
    return session.scalar(query) is not None


_PAPER_STATE = PreparedSelect(
    select(Attempt.state, Attempt.move_allowed_at).where(Attempt.registration_id == bindparam("registration"))
)
"""Everybody who signs in asks this, of a paper or two."""


def paper_states(session: Session | None, registration_ids: Collection[int]) -> dict[int, PaperState]:
    """Return what the door must know of the papers of these registrations: closed, moving, or open.

    Without a session it is what is stored now.
    """
    states = {}
    for registration_id in registration_ids:
        asked = {"registration": registration_id}
        attempts = _PAPER_STATE.read(**asked) if session is None else _PAPER_STATE.rows(session, **asked)
        if not attempts:
            continue
        state, move_allowed_at = attempts[0]
        if state in OVER:
            states[registration_id] = PaperState.CLOSED
        else:
            states[registration_id] = PaperState.MOVING if move_allowed_at is not None else PaperState.OPEN
    return states
