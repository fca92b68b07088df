"""Queries of the publicity."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVarTuple

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.candidates.store import found_by
from cbt.errors import NotFound
from cbt.results.models import Publication, PublishedResult, Result, ResultObjection
from cbt.results.store import NEWEST_SCORE
from cbt.runner.models import Attempt
from cbt.scoring.models import Score
from cbt.sittings.models import Batch, Sitting
from cbt.sittings.store import official_only
from cbt.storage.page_span import ListPage, PageSpan

T = TypeVarTuple("T")
PUBLIC_PAGE, LIST_PAGE, PAPER_PAGE = 100, 50, 500
MOST_OBJECTIONS = 100
_STANDS = Publication.withdrawn_at.is_(None)
_ORDER = (
    Registration.blueprint_ref.desc(),
    Registration.paper.desc(),
    AdmissionTicket.number,
    Registration.id,
)


@dataclass(frozen=True, slots=True)
class PublishedLine:
    """One result as it was shown, and whose it is."""

    shown: PublishedResult
    registration: Registration
    candidate: Candidate
    ticket_number: str


@dataclass(frozen=True, slots=True)
class ObjectionLine:
    """An objection, and to whose result it is."""

    objection: ResultObjection
    registration: Registration
    candidate: Candidate
    ticket_number: str


def standing_publication(session: Session, sitting_id: int) -> Publication | None:
    return session.scalar(select(Publication).where(Publication.sitting_id == sitting_id, _STANDS))


def unfinished_results(session: Session, sitting_id: int, *, before: datetime) -> Sequence[int]:
    """Return the ids of what publications of a sitting hold begun before that did not end: nobody saw them."""
    query = (
        select(PublishedResult.id)
        .join(Publication, Publication.id == PublishedResult.publication_id)
        .where(
            Publication.sitting_id == sitting_id,
            Publication.published_by == "",
            Publication.withdrawn_at < before,
        )
    )
    return session.scalars(query).all()


def put_down_of(session: Session, publication_id: int) -> set[int]:
    """Return the ids of the registrations whose results a publication holds, shown or not."""
    query = select(PublishedResult.registration_id).where(PublishedResult.publication_id == publication_id)
    return set(session.scalars(query))


def publications_of(session: Session, sitting_ids: Collection[int]) -> dict[int, Publication]:
    if not sitting_ids:
        return {}
    query = select(Publication).where(Publication.sitting_id.in_(sitting_ids), _STANDS)
    return {one.sitting_id: one for one in session.scalars(query)}


def open_publications(session: Session, today: date) -> Sequence[tuple[Publication, Sitting, Batch]]:
    """Return what is shown to everybody today, the first to end first."""
    query = (
        select(Publication, Sitting, Batch)
        .join(Sitting, Sitting.id == Publication.sitting_id)
        .join(Batch, Batch.id == Sitting.batch_id)
        .where(_STANDS, Publication.published_on <= today, Publication.last_on >= today, official_only())
        .order_by(Publication.last_on, Publication.id)
        .limit(PUBLIC_PAGE)
    )
    return [(one, sitting, batch) for one, sitting, batch in session.execute(query)]


def shown_today(session: Session, ref: str, today: date) -> tuple[Publication, Sitting, Batch]:
    """Return a publication that everybody may look at today.

    Raise NotFound("publicity.over") for any other: one that is over is as unknown as one that never was.
    """
    query = (
        select(Publication, Sitting, Batch)
        .join(Sitting, Sitting.id == Publication.sitting_id)
        .join(Batch, Batch.id == Sitting.batch_id)
        .where(Publication.ref == ref, _STANDS)
    )
    row = session.execute(query).first()
    if row is None or not row[0].window.is_open(today):
        raise NotFound("publicity.over")
    return row[0], row[1], row[2]


def published_page(
    session: Session, publication: Publication, *, text: str = "", page: int, per_page: int
) -> ListPage[PublishedLine]:
    """Return a page of what was shown."""
    mine: list[ColumnElement[bool]] = [PublishedResult.publication_id == publication.id]
    if text:
        mine.append(found_by(text))
    count = session.scalar(_joined(select(func.count())).where(*mine)) or 0
    span = PageSpan(count, per_page, page)
    query = _joined(select(PublishedResult, Registration, Candidate, AdmissionTicket.number))
    query = span.cut(query.where(*mine).order_by(*_ORDER))
    return span.of([PublishedLine(*row) for row in session.execute(query)])


def _joined(query: Select[*T]) -> Select[*T]:
    return (
        query.select_from(PublishedResult)
        .join(Registration, Registration.id == PublishedResult.registration_id)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .join(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
    )


def changed_since(session: Session, publication: Publication) -> int:
    """Return how many results have another score, or another violation, than when they were shown."""
    query = (
        select(func.count())
        .select_from(PublishedResult)
        .join(Registration, Registration.id == PublishedResult.registration_id)
        .outerjoin(Attempt, Attempt.registration_id == Registration.id)
        .outerjoin(Score, and_(Score.attempt_id == Attempt.id, NEWEST_SCORE))
        .where(
            PublishedResult.publication_id == publication.id,
            or_(
                Score.id.is_distinct_from(PublishedResult.score_id),
                func.coalesce(Registration.violation_code, "") != PublishedResult.violation,
            ),
        )
    )
    return session.scalar(query) or 0


def published_of(session: Session, publication: Publication, registration_id: int) -> PublishedResult | None:
    return session.scalar(
        select(PublishedResult).where(
            PublishedResult.publication_id == publication.id,
            PublishedResult.registration_id == registration_id,
        )
    )


def line_of(session: Session, registration: Registration) -> tuple[Candidate, str]:
    """Return whose a registration is, and with which ticket."""
    ticket = session.get_one(AdmissionTicket, registration.ticket_id)
    return session.get_one(Candidate, registration.candidate_id), ticket.number


def is_released(session: Session, registration_id: int) -> bool:
    return session.scalar(select(Result.id).where(Result.registration_id == registration_id)) is not None


def open_objections(session: Session, sitting_id: int) -> frozenset[str]:
    """Return the refs of the registrations of a sitting to whose results somebody objected and nobody decided."""
    query = (
        select(Registration.ref)
        .join(ResultObjection, ResultObjection.registration_id == Registration.id)
        .where(Registration.sitting_id == sitting_id, ResultObjection.verdict == "")
    )
    return frozenset(session.scalars(query))


def objected(session: Session, registration_ids: Collection[int]) -> set[int]:
    """Return to which of these somebody objected and nobody decided."""
    if not registration_ids:
        return set()
    query = select(ResultObjection.registration_id).where(
        ResultObjection.registration_id.in_(registration_ids), ResultObjection.verdict == ""
    )
    return set(session.scalars(query))


def held_counts(session: Session, sitting_ids: Collection[int]) -> dict[int, tuple[int, int]]:
    """Return of each sitting how many objections are open, how many results are decided about and not released."""
    query = (
        select(
            Registration.sitting_id,
            func.count().filter(ResultObjection.verdict == ""),
            func.count(Registration.id.distinct()).filter(ResultObjection.verdict != ""),
        )
        .join(ResultObjection, ResultObjection.registration_id == Registration.id)
        .outerjoin(Result, Result.registration_id == Registration.id)
        .where(Registration.sitting_id.in_(sitting_ids), Result.id.is_(None))
        .group_by(Registration.sitting_id)
    )
    rows = session.execute(query) if sitting_ids else ()
    return {sitting: (still_open, decided) for sitting, still_open, decided in rows}


def sittings_held() -> Select[int]:
    """Return the ids of the sittings with results that are held and not released.

    Somebody objected to them, or they were left out of a release because a violation was to be ruled on.

    Source: R-90, R-92.
    """
    objected = select(ResultObjection.id).where(ResultObjection.registration_id == Registration.id).exists()
    return (
        select(Registration.sitting_id)
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .outerjoin(Result, Result.registration_id == Registration.id)
        .where(Result.id.is_(None), or_(objected, and_(Sitting.released_at.is_not(None), _in_question())))
    )


def _in_question() -> ColumnElement[bool]:
    """Return that a violation is on record of somebody in a paper of the batch: it may make this one void, too."""
    other = aliased(Registration)
    of_ticket = (other.ticket_id == Registration.ticket_id, other.violation_code.is_not(None))
    return select(other.id).where(*of_ticket).exists()


def left_by_ruling(session: Session, sitting_ids: Collection[int]) -> dict[int, set[int]]:
    """Return of each sitting that was released whose results a violation alone left out: registration ids.

    Whether they still wait for the ruling, `rulings.unruled` says. Source: R-92.
    """
    objected = select(ResultObjection.id).where(ResultObjection.registration_id == Registration.id).exists()
    query = (
        select(Registration.sitting_id, Registration.id)
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .outerjoin(Result, Result.registration_id == Registration.id)
        .where(
            Registration.sitting_id.in_(sitting_ids),
            Sitting.released_at.is_not(None),
            Result.id.is_(None),
            ~objected,
            _in_question(),
        )
    )
    left: dict[int, set[int]] = {}
    for sitting, registration in session.execute(query) if sitting_ids else ():
        left.setdefault(sitting, set()).add(registration)
    return left


def objections_of(session: Session, sitting_id: int) -> list[ObjectionLine]:
    """Return the objections of a sitting, the open ones first."""
    query = (
        select(ResultObjection, Registration, Candidate, AdmissionTicket.number)
        .join(Registration, Registration.id == ResultObjection.registration_id)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .join(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
        .where(Registration.sitting_id == sitting_id)
        .order_by(ResultObjection.verdict, ResultObjection.id.desc())
        .limit(MOST_OBJECTIONS)
    )
    return [ObjectionLine(*row) for row in session.execute(query)]
