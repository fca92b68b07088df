"""A registration changes at its open door: once for whoever asks first, with a line in the log.

Who may change what is decided by the caller, what the rules allow by the step. Every change repeats in its `where`
the state it was decided on, so of two racing callers one gets a Conflict.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, update
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.audit.sealing import EntryDraft, text_of
from cbt.candidates.models import Registration
from cbt.errors import Conflict, TooEarly
from cbt.rules.states.sitting import SittingState
from cbt.sittings.clock.doors import admit_if_due
from cbt.sittings.models import Sitting, SittingRoom

OPEN_DOOR = frozenset(
    {SittingState.PUBLISHED, SittingState.ADMITTING, SittingState.RUNNING, SittingState.HELD}
)
"""States of a sitting-room in which its door is worked."""


def open_door(session: Session, registration: Registration, *, now: datetime) -> tuple[Sitting, SittingRoom]:
    """Return the sitting and room of a registration whose door is worked.

    Raise Conflict("admission.door_shut"), TooEarly("admission.not_open").
    """
    sitting = session.get_one(Sitting, registration.sitting_id)
    room = session.get_one(SittingRoom, registration.sitting_room_id)
    if room.state not in OPEN_DOOR:
        raise Conflict("admission.door_shut")
    if not admit_if_due(session, room, now=now):
        raise TooEarly("admission.not_open", at=sitting.check_in_opens_at)
    return sitting, room


def refuse_absent(registration: Registration) -> None:
    """Raise Conflict("admission.absent") for somebody who is 缺考."""
    if registration.absent_at is not None:
        raise Conflict("admission.absent")


def change(session: Session, registration: Registration, still: ColumnElement[bool], **values: Any) -> None:
    """Set `values` while `still` holds; raise Conflict when somebody else was first."""
    changed = session.scalars(
        update(Registration)
        .where(Registration.id == registration.id, still)
        .values(**values)
        .returning(Registration.id)
    ).one_or_none()
    if changed is None:
        raise Conflict("admission.changed")


def audit(
    session: Session,
    registration: Registration,
    now: datetime,
    actor: str,
    act: str,
    reason: str,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Leave one line about a registration in the audit log."""
    line = line_about(registration, now, actor, act, reason, before=before, after=after)
    chain.record_entry(session, line)


def line_about(
    registration: Registration,
    now: datetime,
    actor: str,
    act: str,
    reason: str = "",
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> EntryDraft:
    """Return the line about a registration that `audit` would leave."""
    subject = f"registration:{registration.ref}"
    return EntryDraft(now, actor, f"door.{act}", subject, reason, _told(before), _told(after))


def by_candidate(registration: Registration) -> str:
    """Return what the log calls somebody who does a thing themselves."""
    return f"candidate:{registration.ref}"


def _told(values: dict[str, Any] | None) -> str:
    return text_of(values and {name: _plain(value) for name, value in values.items()})


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
