"""One person: the candidate and everybody who was applied for under the same document number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.candidates.models import Candidate
from cbt.enrolment.applications.models import Applicant
from cbt.errors import NotFound
from cbt.personal.numbers import document_index
from cbt.rules.door.admission import plain_name


@dataclass(frozen=True, slots=True)
class HeldPerson:
    """Who somebody is in the records: a candidate, applied for, or both."""

    candidate: Candidate | None
    applicants: Sequence[Applicant]

    @property
    def _one(self) -> Candidate | Applicant:
        return self.candidate or self.applicants[-1]

    @property
    def ref(self) -> str:
        """The ref by which pages and the log know this person."""
        return self._one.ref

    @property
    def logged_as(self) -> str:
        """What the log calls this person."""
        return self._one.logged_as

    @property
    def name(self) -> str:
        """The name as it was last entered."""
        return self._one.name

    @property
    def document(self) -> str:
        """The number of the document, masked."""
        return self._one.document_masked

    @property
    def document_type(self) -> str:
        """The kind of the document."""
        return self._one.document_type


def person_by_number(session: Session, number: str, name: str) -> HeldPerson:
    """Return whose number and name these are; raise NotFound("retention.person") for nobody."""
    found = _of_index(session, document_index(number)) if number.strip() else None
    if found is None or plain_name(found.name) != plain_name(name):
        raise NotFound("retention.person")
    return found


def person_by_ref(session: Session, ref: str) -> HeldPerson:
    """Return the person of a ref; raise NotFound("retention.person")."""
    index = session.scalar(select(Candidate.document_index).where(Candidate.ref == ref)) or session.scalar(
        select(Applicant.document_index).where(Applicant.ref == ref)
    )
    found = _of_index(session, index) if index else None
    if found is None:
        raise NotFound("retention.person")
    return found


def _of_index(session: Session, index: str) -> HeldPerson | None:
    candidate = session.scalar(select(Candidate).where(Candidate.document_index == index))
    query = select(Applicant).where(Applicant.document_index == index).order_by(Applicant.id)
    applicants = session.scalars(query).all()
    return HeldPerson(candidate, applicants) if candidate is not None or applicants else None
