"""Finding people by what stands on their papers: a part of a name, unit or ticket, a whole or a masked number."""

from __future__ import annotations

from sqlalchemy import ColumnElement, or_

from cbt.candidates.models import AdmissionTicket, Candidate
from cbt.personal.fields import DETAILS
from cbt.personal.numbers import document_index
from cbt.rules.door.admission import normalise_document

_SHORTEST_NUMBER = 6


def found_by(text: str) -> ColumnElement[bool]:
    """Return what finds people by `text`; the query knows the candidate and the ticket."""
    number = normalise_document(text)
    ways = [
        Candidate.name.icontains(text, autoescape=True),
        *(
            getattr(Candidate, detail.column).icontains(text, autoescape=True)
            for detail in DETAILS.values()
            if detail.searched
        ),
        AdmissionTicket.number.startswith(number, autoescape=True),
        Candidate.document_masked == number,
    ]
    if len(number) >= _SHORTEST_NUMBER:
        ways.append(Candidate.document_index == document_index(number))
    return or_(*ways)
