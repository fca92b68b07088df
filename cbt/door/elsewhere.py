"""A candidate's login or lease on another machine than its own: refused there, and shown on the board.

Source: R-42.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.candidates.models import Registration
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.errors import Conflict
from cbt.web.who.machine import Machine

log = logging.getLogger(__name__)
AGAIN = timedelta(minutes=1)
"""A machine that goes on asking is noted no oftener: whoever holds a stolen lease cannot make the server write."""
SHORT = 12


def note_elsewhere(registration_ref: str, machine: Machine, now: datetime) -> None:
    """Note that a request with this registration's login or lease came from `machine`, which is not its own."""
    due = or_(
        Registration.elsewhere_at.is_(None),
        Registration.elsewhere_at <= now - AGAIN,
    )
    with reading() as session:
        query = select(Registration.elsewhere_at).where(Registration.ref == registration_ref, due)
        found = session.execute(query).one_or_none()
    if found is None:
        return
    address = machine.address[:64]
    with unit_of_work() as session:
        noted = session.scalar(
            update(Registration)
            .where(Registration.ref == registration_ref, due)
            .values(elsewhere_at=now, elsewhere_address=address)
            .returning(Registration.id)
        )
        if noted is None or found.elsewhere_at is not None:
            return  # the alert stands already
        log.warning("a login or lease of %s was used from %s", registration_ref, address)
        chain.record(
            session,
            at=now,
            actor=f"machine:{machine.identity[:SHORT]}",
            act="door.elsewhere",
            subject=f"registration:{registration_ref}",
            after={"address": address, "machine": machine.identity[:SHORT]},
        )


def clear_elsewhere(session: Session, registration: Registration, *, now: datetime, actor: str) -> None:
    """Answer the alert: a proctor has looked at the seat and at the other machine."""
    if registration.elsewhere_at is None:
        raise Conflict("seat.no_claim")
    registration.elsewhere_at = registration.elsewhere_address = None
    chain.record(
        session, at=now, actor=actor, act="door.clear_elsewhere", subject=f"registration:{registration.ref}"
    )
