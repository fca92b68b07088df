"""Which tickets were printed for their holders.

Source: R-11.
"""

from __future__ import annotations

from datetime import datetime

from cbt.audit.chain import record
from cbt.candidates.printing.occasion import Occasion
from cbt.candidates.reprinting import note_printed
from cbt.db.unit_of_work import unit_of_work
from cbt.rules.roles import Role
from cbt.web.who.login import Principal


def note_tickets(occasion: Occasion, *, principal: Principal, now: datetime) -> None:
    """Note that an officer had tickets made; others look at them, and a repeat changes nothing."""
    stale = {one.id for one in occasion.tickets if one.printed_at is None or one.reprint_since is not None}
    if not stale or not principal.has(Role.OFFICER):
        return
    with unit_of_work() as session:
        note_printed(session, stale, now=now)
        record(
            session,
            at=now,
            actor=principal.logged_as,
            act="tickets.print",
            subject=occasion.sitting.logged_as,
            after={"tickets": len(stale), "room": occasion.room},
        )
