"""Who somebody is, put right from the page of a batch: the same 更正记录 as anywhere.

Source: R-15.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from cbt.candidates.corrections.making import Correction, correct_candidate
from cbt.candidates.models import AdmissionTicket, Candidate
from cbt.db.unit_of_work import unit_of_work
from cbt.errors import Conflict, NotFound
from cbt.personal.fields import DETAILS
from cbt.rules.canonical import canonical_json, digest
from cbt.sittings.store import batch_by_ref


def person_seen(candidate: Candidate) -> str:
    """Return what shows, sent back with a form, whether a person is still as their page showed them."""
    held: list[str | bytes | None] = [getattr(candidate, detail.column) for detail in DETAILS.values()]
    details = [one.hex() if isinstance(one, bytes) else one or "" for one in held]
    facts = [candidate.ref, candidate.name, candidate.document_index, *details]
    return digest(canonical_json(facts))[:16]


def put_right(
    *, batch_ref: str, candidate_ref: str, correction: Correction, seen: str, now: datetime, actor: str
) -> None:
    """Put somebody's name, number, photo or details right, and keep old, new and why.

    Raise NotFound("person.unknown"), Conflict("person.changed") when somebody was quicker, and as
    `correct_candidate` does: once a sitting of theirs has started, name, number and photo need the chief.

    Source: R-15.
    """
    try:
        with unit_of_work() as session:
            batch = batch_by_ref(session, batch_ref)
            candidate = session.scalar(
                select(Candidate)
                .join(AdmissionTicket, AdmissionTicket.candidate_id == Candidate.id)
                .where(Candidate.ref == candidate_ref, AdmissionTicket.batch_id == batch.id)
                .with_for_update(of=Candidate)
            )
            if candidate is None:
                raise NotFound("person.unknown")
            if seen != person_seen(candidate):
                raise Conflict("person.changed")
            correct_candidate(session, candidate, correction, now=now, actor=actor)
    except IntegrityError as error:
        raise Conflict("correction.number_taken") from error
