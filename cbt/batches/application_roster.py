"""The people of an application as a roster of a batch: asked for, looked at as any other, and taken out again.

So an application stands in a batch with the registrations of its people, by the checks that every roster passes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.batches.applications import accepted_of, applied_rows, people_seen
from cbt.batches.roster import roster_import
from cbt.blueprints.store import blueprint_of
from cbt.candidates.models import Candidate, Registration
from cbt.candidates.roster.export import to_xlsx
from cbt.enrolment.applications import store
from cbt.enrolment.applications.application import Applying, refuse_step, take_out_of_batch
from cbt.enrolment.models import Applicant, UnitApplication
from cbt.errors import Conflict, InvalidInput
from cbt.http.i18n import local_day, local_zone
from cbt.rules.states import ApplicationEvent, ApplicationState, SittingState
from cbt.runner.models import Attempt
from cbt.sittings.models import Batch, Sitting
from cbt.sittings.store import official_only
from cbt.storage.unit_of_work import DIRECTLY, LongWork, pieces_of, put_down_joined, reading, unit_of_work
from cbt.storage.write_queue.change_set import Rows, put_down_in


@dataclass(frozen=True, slots=True)
class BatchWish:
    """In which batch an application is to stand; `outside` says that its days may be others than the wished one."""

    batch: str
    outside: bool


def bring_in(ref: str, wish: BatchWish, *, locale: str, now: datetime, actor: str) -> tuple[str, str]:
    """Keep the accepted people of an application as a roster of a batch, to be looked at; return batch and roster.

    Of one that stands in a batch already it is who is not registered there yet. Raise as `applied_rows` does,
    InvalidInput("application.batch"), Conflict("application.outside_days") for a batch that is not held on the
    wished day, until somebody says that it may be, and as `roster_import.keep` does.

    Source: R-4, R-76, R-77.
    """
    with reading() as session:
        application = store.application_by_ref(session, ref, unit_id=None)
        people = accepted_of(session, application)
        batch = _batch(session, application, wish, today=local_day(now))
        seen, unit = people_seen(people), store.unit_of(session, application.unit_id).name
    rows, note = applied_rows(ref, now=now, actor=actor, batch=batch)
    draft = roster_import.keep(
        batch_ref=batch.ref,
        file_name=f"{unit}.xlsx",
        body=to_xlsx(rows),
        locale=locale,
        now=now,
        actor=actor,
        application=ref,
        people=seen,
    )
    with unit_of_work() as session:
        note(session)
    return batch.ref, draft


def _batch(session: Session, application: UnitApplication, wish: BatchWish, *, today: date) -> Batch:
    if application.state == ApplicationState.SCHEDULED and application.batch_id:
        return session.get_one(Batch, application.batch_id)
    level = blueprint_of(session, application.blueprint_version_id).level_code
    suiting = store.batches_for(session, level=level, today=today)
    batch = next((one for one in suiting if one.ref == wish.batch), None)
    if batch is None:
        raise InvalidInput("application.batch", field="batch")
    first, last = days_of(session, batch)
    if not wish.outside and not first <= application.preferred_on <= last:
        days = " – ".join(day.isoformat() for day in dict.fromkeys((first, last)) if _is_said(day))
        raise Conflict(
            "application.outside_days",
            field="batch",
            batch=batch.name,
            days=days,
            wished=application.preferred_on.isoformat(),
        )
    return batch


def _is_said(day: date) -> bool:
    return day not in {date.min, date.max}


def days_of(session: Session, batch: Batch) -> tuple[date, date]:
    """Return from when to when a batch is held, as it or else its sittings say; open where nothing does."""
    mine = (Sitting.batch_id == batch.id, Sitting.state != SittingState.CANCELLED.value, official_only())
    starts = func.min(Sitting.planned_start_at), func.max(Sitting.planned_start_at)
    first, last = session.execute(select(*starts).where(*mine)).one()
    return (
        batch.starts_on or (first.astimezone(local_zone()).date() if first else date.min),
        batch.ends_on or (last.astimezone(local_zone()).date() if last else date.max),
    )


# What was brought in is taken out again.

AT_ONCE = 50
_OFF = (
    "DELETE FROM registration WHERE ref = ? "
    "AND sitting_id IN (SELECT id FROM sitting WHERE state = 'draft') "
    "AND NOT EXISTS (SELECT 1 FROM attempt a WHERE a.registration_id = registration.id)"
)
_NO_TICKET = (
    "DELETE FROM admission_ticket WHERE batch_id = ? AND candidate_id = ? "
    "AND NOT EXISTS (SELECT 1 FROM registration r WHERE r.ticket_id = admission_ticket.id) "
    "AND NOT EXISTS (SELECT 1 FROM withdrawal w WHERE w.ticket_id = admission_ticket.id)"
)
_NO_PHOTO = (
    "DELETE FROM candidate_photo WHERE candidate_id = ? "
    "AND NOT EXISTS (SELECT 1 FROM admission_ticket t WHERE t.candidate_id = candidate_photo.candidate_id)"
)
_NO_PERSON = (
    "DELETE FROM candidate WHERE id = ? "
    "AND NOT EXISTS (SELECT 1 FROM admission_ticket t WHERE t.candidate_id = candidate.id) "
    "AND NOT EXISTS (SELECT 1 FROM correction c WHERE c.candidate_id = candidate.id) "
    "AND NOT EXISTS (SELECT 1 FROM certificate c WHERE c.candidate_id = candidate.id)"
)


@dataclass(frozen=True, slots=True)
class RegisteredPaper:
    """A paper that somebody of an application is registered for, in its batch."""

    ref: str
    candidate_id: int
    settled: bool
    """Whether its sitting is published or its form drawn: it is withdrawn on its own page, with a reason."""


def registered_papers(session: Session, application: UnitApplication) -> list[RegisteredPaper]:
    """Return what the people of an application are registered for in its batch, of what was applied for."""
    people = {one.document_index: one.papers.split(",") for one in _accepted(session, application)}
    level = store.version_ref(session, application)
    query = (
        select(Candidate.document_index, Candidate.id, Registration, Sitting.state, Attempt.id)
        .join(Registration, Registration.candidate_id == Candidate.id)
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .outerjoin(Attempt, Attempt.registration_id == Registration.id)
        .where(
            Sitting.batch_id == application.batch_id,
            Candidate.document_index.in_(people),
            Registration.blueprint_ref == level,
            Sitting.state != SittingState.CANCELLED.value,
            official_only(),
        )
        .order_by(Registration.id)
    )
    return [
        RegisteredPaper(row.ref, candidate_id, drawn is not None or state != SittingState.DRAFT.value)
        for index, candidate_id, row, state, drawn in session.execute(query)
        if row.paper in people[index]
    ]


def _accepted(session: Session, application: UnitApplication) -> Sequence[Applicant]:
    return [one for one in store.people_of(session, application) if one.verdict == "accepted"]


def take_out(ref: str, by: Applying, *, work: LongWork = DIRECTLY) -> int:
    """Take the people of an application off the roster of its batch, and it out of there; return how many papers.

    Raise Conflict("application.transition"), ("application.settled") with how many papers are past that: nothing is
    taken off then. Whoever draws or publishes meanwhile keeps what is left, and the application with it.

    Source: R-77.
    """
    if "off" in work.so_far:
        return int(work.so_far["off"])
    refuse_step(ref, ApplicationEvent.UNSCHEDULE, unit_id=None)
    off = 0
    with reading() as session:
        application = store.application_by_ref(session, ref, unit_id=None)
        batch_id, papers = application.batch_id, registered_papers(session, application)
    _refuse_settled(papers)
    for some in pieces_of(papers, size=AT_ONCE):
        people = dict.fromkeys(one.candidate_id for one in some)
        rows = [
            Rows(_OFF, [(one.ref,) for one in some]),
            Rows(_NO_TICKET, [(batch_id, candidate_id) for candidate_id in people]),
            Rows(_NO_PHOTO, [(candidate_id,) for candidate_id in people]),
            Rows(_NO_PERSON, [(candidate_id,) for candidate_id in people]),
        ]
        work.in_front(partial(put_down_joined, *rows, tries=3))
        off += len(some)
        work.tell(off, len(papers))

    def end() -> None:
        with unit_of_work() as session:
            kept = store.application_by_ref(session, ref, unit_id=None, changing=True)
            _refuse_settled(registered_papers(session, kept), left=True)
            take_out_of_batch(session, ref, by)
            put_down_in(session, *work.keeping(off=off))

    work.in_front(end)
    return off


def _refuse_settled(papers: Sequence[RegisteredPaper], *, left: bool = False) -> None:
    count = len(papers) if left else sum(one.settled for one in papers)
    if count:
        raise Conflict("application.settled", count=count)
