"""准考证 that were printed and say something that is not so any more (需重打).

Source: R-11, R-15.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from cbt.candidates.models import AdmissionTicket

REASONS = ("time", "place", "seat", "person", "papers")
"""What changed: 改期, sitting or room, seat, name or number or photo, which papers."""
_CHUNK = 400


def to_print_again(session: Session, ticket_ids: Collection[int], reason: str, *, now: datetime) -> int:
    """Mark tickets that were printed before a change; return how many of them were.

    A ticket that was never printed is right when it is.
    """
    marked = 0
    for some in _chunks(ticket_ids):
        query = select(AdmissionTicket).where(
            AdmissionTicket.id.in_(some), AdmissionTicket.printed_at.is_not(None)
        )
        for ticket in session.scalars(query.with_for_update()):
            reasons = [one for one in ticket.reprint_reasons.split(",") if one]
            ticket.reprint_reasons = ",".join(dict.fromkeys([*reasons, reason]))
            ticket.reprint_since = ticket.reprint_since or now
            marked += 1
    session.flush()
    return marked


def note_printed(session: Session, ticket_ids: Collection[int], *, now: datetime) -> None:
    """Note that tickets were printed as they are; a repeat changes nothing but the instant."""
    for some in _chunks(ticket_ids):
        session.execute(
            update(AdmissionTicket)
            .where(AdmissionTicket.id.in_(some))
            .values(printed_at=now, reprint_since=None, reprint_reasons="")
        )


def nothing_to_print(session: Session, ticket_id: int) -> None:
    """Note that a ticket has nothing on it any more: with its next paper it is one that was never printed."""
    session.execute(
        update(AdmissionTicket)
        .where(AdmissionTicket.id == ticket_id)
        .values(printed_at=None, reprint_since=None, reprint_reasons="")
    )


def _chunks(ids: Collection[int]) -> Iterator[list[int]]:
    ordered = sorted(ids)
    for start in range(0, len(ordered), _CHUNK):
        yield ordered[start : start + _CHUNK]
