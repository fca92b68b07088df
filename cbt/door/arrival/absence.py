"""Who did not come (缺考), and taking that back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from cbt.candidates.models import Registration
from cbt.door.arrival.changes import audit, change, open_door, refuse_absent
from cbt.errors import Conflict, InvalidInput, TooEarly
from cbt.rules.door.admission import (
    ABSENT_CAUSES,
)

_NEVER_CAME = frozenset({"not_arrived", "late"})


def mark_absent(
    session: Session, registration: Registration, *, now: datetime, cause: str, actor: str
) -> None:
    """Confirm a 缺考 with its cause.

    未到 and 迟到 are for those who never came, from the cut-off on; 证件不符 and 放弃 for those who came but
    were not checked in. Who passed the door and wrote nothing is 到场未作答, never absent.

    Source: R-12.
    """
    if cause not in ABSENT_CAUSES:
        raise InvalidInput("admission.absent_cause", field="cause")
    sitting, _ = open_door(session, registration, now=now)
    refuse_absent(registration)
    if cause in _NEVER_CAME:
        if registration.arrived_at is not None:
            raise Conflict("admission.came", at=registration.arrived_at)
        if now < sitting.late_cutoff_at:
            raise TooEarly("admission.before_cutoff", at=sitting.late_cutoff_at)
    if registration.checked_in_at is not None or registration.signed_in_at is not None:
        raise Conflict("admission.entered")
    still = Registration.absent_at.is_(None) & Registration.checked_in_at.is_(None)
    if cause in _NEVER_CAME:
        still &= Registration.arrived_at.is_(None)
    change(
        session,
        registration,
        still & Registration.signed_in_at.is_(None),
        absent_at=now,
        absent_cause=cause,
    )
    audit(session, registration, now, actor, "absent", "", after={"cause": cause})


def undo_absent(
    session: Session, registration: Registration, *, now: datetime, actor: str, reason: str = ""
) -> None:
    """Take a 缺考 back; the chief may until the sitting is ended. Source: R-12."""
    open_door(session, registration, now=now)
    if registration.absent_at is None:
        raise Conflict("admission.not_absent")
    before = {"cause": registration.absent_cause}
    change(session, registration, Registration.absent_at.is_not(None), absent_at=None, absent_cause=None)
    audit(session, registration, now, actor, "undo_absent", reason, before=before)
