"""The result desk of a batch: its sittings that are over, and its people, fifty at a time.

Source: R-60, R-90.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.blueprints.store import blueprint_of
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.candidates.store import found_by
from cbt.results.desk.scope import ResultScope, scope_of
from cbt.results.models import Result
from cbt.sittings.models import Sitting
from cbt.storage.page_span import PageSpan

PEOPLE = 50


@dataclass(frozen=True, slots=True)
class BatchPerson:
    """One paper of one person, with what was released of it."""

    ref: str
    name: str
    ticket: str
    document_masked: str
    sitting: str
    title: str
    result: Result | None


@dataclass(frozen=True, slots=True)
class BatchDesk:
    """What the page shows: the sittings with how many were registered for each, and a page of people."""

    scope: ResultScope
    registered: Mapping[int, int]
    people: Sequence[BatchPerson]
    span: PageSpan
    text: str


def batch_desk(session: Session, batch_ref: str, *, text: str, page: int) -> BatchDesk:
    """Return the desk of a batch; raise like `scope_of`."""
    scope = scope_of(session, "batch", batch_ref)
    of_batch = Registration.sitting_id.in_(scope.sitting_ids)
    counts = session.execute(
        select(Registration.sitting_id, func.count()).where(of_batch).group_by(Registration.sitting_id)
    )
    registered: dict[int, int] = dict(counts.all())
    conditions = [of_batch, *([found_by(text)] if text else [])]
    query = (
        select(Registration, Candidate, AdmissionTicket.number, Sitting.name, Result)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .join(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .outerjoin(Result, Result.registration_id == Registration.id)
        .where(*conditions)
    )
    count = sum(registered.values())
    if text:
        found = query.with_only_columns(Registration.id).subquery()
        count = session.scalar(select(func.count()).select_from(found)) or 0
    span = PageSpan(count, PEOPLE, page)
    rows = session.execute(
        query.order_by(AdmissionTicket.number, Registration.id).limit(PEOPLE).offset(span.offset)
    )
    people = [
        BatchPerson(
            registration.ref,
            candidate.name,
            ticket,
            candidate.document_masked,
            sitting,
            blueprint_of(session, registration.blueprint_version_id).paper_title(registration.paper),
            result,
        )
        for registration, candidate, ticket, sitting, result in rows
    ]
    return BatchDesk(scope, registered, people, span, text)
