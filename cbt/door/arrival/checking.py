"""A person comes to the door and is checked: when they arrived, which document they showed, a query answered."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.orm import Session

from cbt.candidates.models import Registration
from cbt.db.private.sealing import seal
from cbt.door.arrival.changes import audit, change, open_door, refuse_absent
from cbt.errors import Conflict, InvalidInput, NotAllowed
from cbt.personal.numbers import SHOWN, keyed_digest
from cbt.rules.door.admission import (
    DOCUMENT_TYPES,
    is_late,
    normalise_document,
)


def record_arrival(
    session: Session,
    registration: Registration,
    *,
    now: datetime,
    arrived_at: datetime,
    actor: str,
    reason: str = "",
    chief: bool = False,
) -> None:
    """Record when a person came to the door; a second scan changes nothing.

    An `arrived_at` before `now` is an earlier arrival entered afterwards: it needs a reason, and after the
    start it needs the chief. Raise Conflict("admission.late") from the cut-off on (14:59 in, 15:00 out).

    Source: R-11.
    """
    sitting, room = open_door(session, registration, now=now)
    if registration.arrived_at is not None and arrived_at >= registration.arrived_at:
        return
    if arrived_at > now:
        raise InvalidInput("admission.arrival_ahead", field="arrived_at")
    if arrived_at < now:
        if not reason.strip():
            raise InvalidInput("admission.arrival_reason", field="reason")
        if room.started_at is not None and not chief:
            raise NotAllowed("admission.arrival_chief")
    if is_late(arrived_at, cutoff_at=sitting.late_cutoff_at):
        raise Conflict("admission.late", cutoff_at=sitting.late_cutoff_at)
    refuse_absent(registration)
    before = {"arrived_at": registration.arrived_at}
    change(session, registration, Registration.absent_at.is_(None), arrived_at=arrived_at)
    audit(
        session, registration, now, actor, "arrive", reason, before=before, after={"arrived_at": arrived_at}
    )


def check_in(
    session: Session,
    registration: Registration,
    *,
    now: datetime,
    document_type: str,
    last_four: str,
    actor: str,
    documents: Collection[str] = DOCUMENT_TYPES,
) -> None:
    """Record the original document shown and that person, photo and ticket are one.

    `documents` is the centre's table of accepted types; the number shown need not be the one registered.
    Somebody not yet scanned arrives with this. A repeat corrects the document and keeps the moment. The last
    four are sealed on the registration; the log has a keyed digest of them.

    Source: R-10.
    """
    if document_type not in documents:
        raise InvalidInput("admission.document_type", field="document_type")
    shown = normalise_document(last_four)
    if len(shown) != 4 or not shown.isalnum():
        raise InvalidInput("admission.last_four", field="last_four")
    if registration.arrived_at is None:
        record_arrival(session, registration, now=now, arrived_at=now, actor=actor)
    else:
        open_door(session, registration, now=now)
        refuse_absent(registration)
    before = {
        "document": registration.document_shown,
        "shown": _shown_digest(registration, registration.document_last_four),
    }
    change(
        session,
        registration,
        Registration.absent_at.is_(None),
        checked_in_at=registration.checked_in_at or now,
        document_shown=document_type,
        document_last_four_sealed=seal(shown, SHOWN),
    )
    after = {"document": document_type, "shown": _shown_digest(registration, shown)}
    audit(session, registration, now, actor, "check_in", "", before=before, after=after)


def _shown_digest(registration: Registration, last_four: str) -> str:
    """Return what the log says of the characters: that they are these, to who has the key, and nothing else."""
    return keyed_digest(f"{registration.ref}:{last_four}", SHOWN) if last_four else ""


def clear_query(
    session: Session, registration: Registration, *, now: datetime, actor: str, reason: str = ""
) -> None:
    """Answer a 信息有误: the proctor has compared the person, and the confirmation page goes on.

    Source: R-14.
    """
    if registration.query_at is None:
        raise Conflict("admission.no_query")
    before = {"query_at": registration.query_at}
    change(session, registration, Registration.query_at.is_not(None), query_at=None)
    audit(session, registration, now, actor, "clear_query", reason, before=before)
