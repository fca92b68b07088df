"""Who has to hear of a change: candidates with their units, whoever runs a room, holders of printed tickets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.sittings.models import Sitting
from cbt.sittings.store import Duty, duties_of_sitting


@dataclass(frozen=True, slots=True)
class Told:
    """How many people, how many of them with a phone number; their units by size; who runs a room; tickets."""

    people: int
    phones: int
    units: tuple[tuple[str, int], ...]
    """Name and people; "" for those without one."""
    staff: tuple[Duty, ...]
    tickets: tuple[int, ...]
    """The ids of their tickets, each once."""
    printed: int
    """How many of these were printed and will have to be again."""


def told_of(session: Session, sitting: Sitting) -> Told:
    """Return who has to hear of a change of a sitting."""
    query = (
        select(Candidate.id, Candidate.employer, Candidate.phone_sealed.is_not(None), AdmissionTicket)
        .join(Registration, Registration.candidate_id == Candidate.id)
        .join(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
        .where(Registration.sitting_id == sitting.id)
    )
    rows = {who: (employer, phone, ticket) for who, employer, phone, ticket in session.execute(query)}
    units = Counter(employer for employer, _, _ in rows.values())
    return Told(
        people=len(rows),
        phones=sum(bool(phone) for _, phone, _ in rows.values()),
        units=tuple(sorted(units.items(), key=lambda one: (one[0] == "", -one[1], one[0]))),
        staff=_once(duties_of_sitting(session, sitting.id)),
        tickets=tuple(ticket.id for _, _, ticket in rows.values()),
        printed=sum(ticket.printed_at is not None for _, _, ticket in rows.values()),
    )


def _once(duties: Sequence[Duty]) -> tuple[Duty, ...]:
    return tuple({duty.staff.id: duty for duty in duties}.values())
