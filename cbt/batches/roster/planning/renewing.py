"""Numbers given back after a `personal.key` was lost: who is in a roster is found without the lost number.

Source: R-7, R-16.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.candidates.models import AdmissionTicket, Candidate
from cbt.candidates.roster.reading.row import RosterRow
from cbt.db.private.sealing import readable, seal
from cbt.personal.fields import DETAILS
from cbt.personal.numbers import DOCUMENT, document_index
from cbt.rules.door.admission import mask_document, same_name


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
