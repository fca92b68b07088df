"""A candidate's login or lease elsewhere than at its own seat: shown on the board.

On another machine it is refused. With the machine's own token from another address it is not, for an address may
change by itself; whoever has copied all that a browser keeps is seen by it.

Source: R-42.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import flask
from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.audit.models import AuditEntry
from cbt.candidates.models import Registration
from cbt.errors import Conflict
from cbt.http.auth.machine import Machine, Use, addresses_of
from cbt.sittings.models import Seat
from cbt.storage.unit_of_work import pieces_of, reading, unit_of_work

log = logging.getLogger(__name__)
AGAIN = timedelta(minutes=1)
"""A machine that goes on asking is noted no oftener: whoever holds a stolen lease cannot make the server write."""
SHORT = 12
EVERY_SECONDS = 1.0
"""So often the addresses that are new to a process are compared with those of the seats."""
COMPARED_TOGETHER = 200


def note_elsewhere(registration_ref: str, machine: Machine, now: datetime, *, bound_to: str = "") -> None:
    """Note that a request with this registration's login or lease came from `machine`, which is not its own.

    With `bound_to` it is its own by its token, and the seat's address is that one.
    """
    due = or_(
        Registration.elsewhere_at.is_(None),
        Registration.elsewhere_at <= now - AGAIN,
    )
    with reading() as session:
        query = select(Registration.elsewhere_at).where(Registration.ref == registration_ref, due)
        row = session.execute(query).one_or_none()
    if row is None:
        return
    address = machine.address[:64]
    with unit_of_work() as session:
        noted = session.scalar(
            update(Registration)
            .where(Registration.ref == registration_ref, due)
            .values(elsewhere_at=now, elsewhere_address=address)
            .returning(Registration.id)
        )
        if noted is None or row.elsewhere_at is not None:
            return  # the alert stands already
        log.warning("a login or lease of %s was used from %s", registration_ref, address)
        chain.record(
            session,
            at=now,
            actor=f"machine:{machine.identity[:SHORT]}",
            act="door.elsewhere",
            subject=f"registration:{registration_ref}",
            after={
                "address": address,
                **({"seat": bound_to} if bound_to else {"machine": machine.identity[:SHORT]}),
            },
        )


def compare_addresses(*, now: datetime) -> int:
    """Note each login and lease that was used from another address than its seat's machine has; return how many.

    An address is noted once for a person: where it is that of the seat from now on, whoever looked need not again.

    Source: R-16, R-42.
    """
    used, noted = addresses_of(flask.current_app), 0
    new = used.take_new()
    try:
        for uses in pieces_of(new, size=COMPARED_TOGETHER):
            for (ref, address), seat in _strange(uses).items():
                note_elsewhere(ref, Machine(None, address), now, bound_to=seat)
                noted += 1
    except Exception:
        used.give_back(new)
        raise
    return noted


def _strange(uses: Sequence[Use]) -> dict[Use, str]:
    """Return those uses that are not from the address of their seat's machine, with that."""
    refs = {ref for ref, _address in uses}
    with reading() as session:
        seats = select(Registration.ref, Seat.machine_address).join(Seat, Seat.id == Registration.seat_id)
        rows = session.execute(seats.where(Registration.ref.in_(refs)))
        bound = {one.ref: one.machine_address for one in rows}
        strange = {use: seat for use in uses if (seat := bound.get(use[0])) and seat != use[1]}
        if not strange:
            return {}
        subjects = {f"registration:{ref}" for ref, _address in strange}
        entries = session.execute(
            select(AuditEntry.subject, AuditEntry.after).where(
                AuditEntry.subject.in_(subjects), AuditEntry.act == "door.elsewhere"
            )
        ).all()
    pairs = {(subject, json.loads(after)["address"]) for subject, after in entries if after}
    return {use: seat for use, seat in strange.items() if (f"registration:{use[0]}", use[1]) not in pairs}


def keep_comparing(app: flask.Flask, now: Callable[[], datetime]) -> None:
    """Compare what is new in a served process every second, for as long as that lasts."""
    pause = threading.Event()
    while not pause.wait(EVERY_SECONDS):
        try:
            with app.app_context():
                compare_addresses(now=now())
        except Exception as error:
            log.warning("addresses could not be compared: %s", type(error).__name__)


def clear_elsewhere(session: Session, registration: Registration, *, now: datetime, actor: str) -> None:
    """Answer the alert: a proctor has looked at the seat and at the other machine."""
    if registration.elsewhere_at is None:
        raise Conflict("seat.no_claim")
    registration.elsewhere_at = registration.elsewhere_address = None
    chain.record(
        session, at=now, actor=actor, act="door.clear_elsewhere", subject=f"registration:{registration.ref}"
    )
