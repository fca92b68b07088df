"""Who had what printed, and which tickets are now with their holders.

Source: R-11, R-64.
"""

from __future__ import annotations

from datetime import datetime

from cbt.audit import tally
from cbt.candidates.printing.occasion import Occasion
from cbt.candidates.reprinting import note_printed
from cbt.db.pieces import pieces_of
from cbt.db.unit_of_work import unit_of_work
from cbt.rules.roles import Role
from cbt.web.who.login import Principal


def note_print(
    document: str, occasion: Occasion, *, subject: str, principal: Principal, now: datetime
) -> None:
    """Put on record that a document was made of `subject`, of how many people; a repeat is counted.

    Tickets that an officer has made are with their holders from then on; others look at them. They are
    noted a few at a time: what is not noted yet is there to be printed again.
    """
    stale = {one.id for one in occasion.tickets if one.printed_at is None or one.reprint_since is not None}
    if document == "tickets" and principal.has(Role.OFFICER):
        for piece in pieces_of(sorted(stale)):
            with unit_of_work() as session:
                note_printed(session, piece, now=now)
    with unit_of_work() as session:
        tally.count(
            session,
            at=now,
            actor=principal.logged_as,
            act=f"print.{document}",
            subject=subject,
            people=str(len(occasion.entries)),
        )
