"""What became of the papers that people of an application were registered for (R-60, R-76)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.candidates.models import AdmissionTicket, Candidate, Registration, Withdrawal
from cbt.rules.enrolment.fees.lines import PaperFate
from cbt.rules.states.sitting import SittingState
from cbt.sittings.models import Sitting, SittingRoom
from cbt.sittings.planning.purposes import official_only

_NOT_HELD = frozenset({SittingState.CANCELLED.value, SittingState.ABORTED.value})


def paper_fates(session: Session, batch_id: int, indexes: Collection[str]) -> dict[str, dict[str, PaperFate]]:
    """Return what became of each paper of these people in a batch, by the digests of their numbers.

    A seat in a sitting that was held, or is to come, outweighs one that was aborted or cancelled, and that a
    withdrawal. A trial or practice is none.
    """
    found: dict[str, dict[str, PaperFate]] = defaultdict(dict)
    seats = session.execute(
        select(Candidate.document_index, Registration.paper, Sitting.state, SittingRoom.state)
        .join(Registration, Registration.candidate_id == Candidate.id)
        .join(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
        .join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .where(AdmissionTicket.batch_id == batch_id, Candidate.document_index.in_(indexes), official_only())
    )
    for index, paper, *states in seats:
        if _NOT_HELD.isdisjoint(states):
            found[index][paper] = PaperFate.SEATED
        else:
            found[index].setdefault(paper, PaperFate.ABORTED)
    withdrawn = session.execute(
        select(Candidate.document_index, Withdrawal.paper)
        .join(Withdrawal, Withdrawal.candidate_id == Candidate.id)
        .join(AdmissionTicket, AdmissionTicket.id == Withdrawal.ticket_id)
        .join(Sitting, Sitting.id == Withdrawal.sitting_id)
        .where(
            AdmissionTicket.batch_id == batch_id,
            Candidate.document_index.in_(indexes),
            Withdrawal.back_at.is_(None),
            official_only(),
        )
    )
    for index, paper in withdrawn:
        found[index].setdefault(paper, PaperFate.WITHDRAWN)
    return found
