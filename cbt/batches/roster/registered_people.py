"""The people of a roster as they are stored: who is registered for what, found by the number in the row.

After a `personal.key` was lost they are found without the number, and it is sealed anew.

Source: R-7, R-16.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.blueprints.store import paper_of
from cbt.candidates.models import AdmissionTicket, Candidate, Registration, Withdrawal
from cbt.candidates.roster.file import Roster
from cbt.candidates.roster.row import RosterRow
from cbt.candidates.store import paper_span
from cbt.personal.fields import DETAILS
from cbt.personal.identity import DOCUMENT, document_index
from cbt.rules.door.admission import Span, mask_document, same_name
from cbt.rules.states.sitting import SittingState
from cbt.sittings.models import Room, Seat, Sitting, SittingRoom
from cbt.storage.crypto import personal_was_lost, readable, seal


class NumberAnew(Protocol):
    """What a line says of a person's numbers."""

    @property
    def document_type(self) -> str: ...
    @property
    def document_number(self) -> str: ...
    @property
    def details(self) -> Mapping[str, str]: ...


Renewed = dict[str, tuple[Candidate, RosterRow]]


def unreadable(session: Session, batch_id: int, rows: Mapping[str, RosterRow]) -> Renewed:
    """Return who of `rows` is registered with a number that nothing opens, by the index of the number in the row.

    Somebody is found by ticket and name, else by name, kind of document and masked number, when nobody else has
    the same.
    """
    masked = defaultdict[tuple[str, str], list[Candidate]](list)
    numbers = {mask_document(row.document_number) for row in rows.values()}
    for candidate in session.scalars(select(Candidate).where(Candidate.document_masked.in_(numbers))):
        if readable(candidate.document_sealed, DOCUMENT) is None:
            masked[candidate.document_type, candidate.document_masked].append(candidate)
    holders = _holders(session, batch_id, {row.ticket for row in rows.values() if row.ticket})
    found: Renewed = {}
    for index, row in rows.items():
        alike = masked[row.document_type, mask_document(row.document_number)]
        alike = [one for one in alike if same_name(one.name, row.name)]
        holder = holders.get(row.ticket)
        if holder is not None and same_name(holder.name, row.name):
            found[index] = (holder, row)
        elif len(alike) == 1:
            found[index] = (alike[0], row)
    return found


def _holders(session: Session, batch_id: int, tickets: set[str]) -> dict[str, Candidate]:
    query = (
        select(AdmissionTicket.number, Candidate)
        .join(Candidate, Candidate.id == AdmissionTicket.candidate_id)
        .where(AdmissionTicket.batch_id == batch_id, AdmissionTicket.number.in_(tickets))
    )
    rows = session.execute(query).all()
    return {row[0]: row[1] for row in rows if readable(row[1].document_sealed, DOCUMENT) is None}


def renew(candidate: Candidate, row: NumberAnew) -> None:
    """Seal anew what is sealed of a person, as a roster has it."""
    candidate.document_type = row.document_type
    candidate.document_sealed = seal(row.document_number, DOCUMENT)
    candidate.document_index = document_index(row.document_number)
    candidate.document_masked = mask_document(row.document_number)
    for name, detail in DETAILS.items():
        if detail.sealed and row.details[name]:
            setattr(candidate, detail.column, detail.stored(row.details[name]))


T = TypeVar("T")
AT_ONCE = 10_000
"""So many values a query is asked with: databases take no more than some tens of thousands."""
_OFF = (SittingState.CANCELLED.value, SittingState.ABORTED.value)


@dataclass(frozen=True, slots=True)
class KnownPaper:
    """A paper that somebody is registered for, in a sitting that is on."""

    registration: Registration
    sitting: Sitting
    sitting_room: SittingRoom
    room: str
    seat: int
    span: Span


class KnownPeople:
    """The people of a roster as they are stored, by the index of their number."""

    def __init__(self, session: Session, batch_id: int, roster: Roster) -> None:
        numbers = {row.document_number for row in roster.rows}
        by_number = {number: document_index(number) for number in numbers}
        self.indexes = {row.order: by_number[row.document_number] for row in roster.rows}
        self.candidates = _candidates(session, list(by_number.values()))
        self.renewed: list[tuple[Candidate, RosterRow]] = []
        missing = {
            self.indexes[row.order]: row
            for row in roster.rows
            if self.indexes[row.order] not in self.candidates
        }
        for index, found in (unreadable(session, batch_id, missing) if _lost(session) else {}).items():
            self.candidates[index] = found[0]
            self.renewed.append(found)
        ids = [candidate.id for candidate in self.candidates.values()]
        self.tickets = _tickets(session, batch_id, ids)
        self.holders = _ticket_holders(session, sorted({row.ticket for row in roster.rows if row.ticket}))
        self._registered = _registered(session, ids)
        self._withdrawn = _withdrawn(session, batch_id, ids)

    def registered(self, index: str) -> Sequence[KnownPaper]:
        """Return what somebody is registered for."""
        candidate = self.candidates.get(index)
        return self._registered[candidate.id] if candidate is not None else ()

    def withdrew(self, index: str, blueprint_ref: str, paper: str) -> bool:
        """Return whether somebody withdrew from a paper of the batch and was not brought back."""
        candidate = self.candidates.get(index)
        return candidate is not None and (candidate.id, blueprint_ref, paper) in self._withdrawn


def _lost(session: Session) -> bool:
    return personal_was_lost(session)


def some_of(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield values, as many at once as a query takes."""
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]


def _candidates(session: Session, indexes: Sequence[str]) -> dict[str, Candidate]:
    return {
        candidate.document_index: candidate
        for some in some_of(indexes)
        for candidate in session.scalars(select(Candidate).where(Candidate.document_index.in_(some)))
    }


def _tickets(session: Session, batch_id: int, candidate_ids: Sequence[int]) -> Mapping[int, str]:
    query = select(AdmissionTicket.candidate_id, AdmissionTicket.number)
    query = query.where(AdmissionTicket.batch_id == batch_id)
    return {
        row[0]: row[1]
        for some in some_of(candidate_ids)
        for row in session.execute(query.where(AdmissionTicket.candidate_id.in_(some)))
    }


def _ticket_holders(session: Session, numbers: Sequence[str]) -> Collection[str]:
    query = select(AdmissionTicket.number)
    return {
        number
        for some in some_of(numbers)
        for number in session.scalars(query.where(AdmissionTicket.number.in_(some)))
    }


def _withdrawn(session: Session, batch_id: int, candidate_ids: Sequence[int]) -> set[tuple[int, str, str]]:
    query = (
        select(Withdrawal.candidate_id, Withdrawal.blueprint_ref, Withdrawal.paper)
        .join(AdmissionTicket, AdmissionTicket.id == Withdrawal.ticket_id)
        .where(AdmissionTicket.batch_id == batch_id, Withdrawal.back_at.is_(None))
    )
    return {
        (row[0], row[1], row[2])
        for some in some_of(candidate_ids)
        for row in session.execute(query.where(Withdrawal.candidate_id.in_(some)))
    }


def _registered(session: Session, candidate_ids: Sequence[int]) -> dict[int, list[KnownPaper]]:
    query = (
        select(Registration, Sitting, SittingRoom, Room.name, Seat.number)
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
        .join(Room, Room.id == SittingRoom.room_id)
        .join(Seat, Seat.id == Registration.seat_id)
        .where(Sitting.state.not_in(_OFF), SittingRoom.state.not_in(_OFF))
        .order_by(Registration.id)
    )
    found: dict[int, list[KnownPaper]] = defaultdict(list)
    for some in some_of(candidate_ids):
        for one, sitting, at, room, seat in session.execute(query.where(Registration.candidate_id.in_(some))):
            paper = paper_of(session, one.blueprint_version_id, one.paper)
            span = paper_span(sitting.planned_start_at, paper, factor=one.factor, extra=one.extra)
            found[one.candidate_id].append(KnownPaper(one, sitting, at, room, seat, span))
    return found
