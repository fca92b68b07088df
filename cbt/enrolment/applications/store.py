"""Queries of the applications.

Registrations are known by later rooms: how it is told who has none is registered here when the app is put together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import cast

import flask
from sqlalchemy import ColumnElement, ScalarSelect, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from cbt.blueprints.models import BlueprintVersion
from cbt.enrolment.models import (
    Applicant,
    ApplicantProof,
    ApplicationSeries,
    ApplicationStep,
    MemberUnit,
    UnitApplication,
)
from cbt.errors import NotFound
from cbt.http.auth.rate_limit import insert_of
from cbt.rules.states import ApplicationState
from cbt.sittings.models import Batch, BatchLevel, Sitting
from cbt.storage.page_span import ListPage, PageSpan

APPLICATION_PAGE = 50
MOST_BATCHES = 100
MOST_WAITING = 8


@dataclass(frozen=True, slots=True)
class ApplicationLine:
    """An application of a list, whose it is, and for how many people it asks."""

    application: UnitApplication
    unit: MemberUnit
    people: int
    unplaced: int = 0
    """Of one that stands in a batch: how many accepted people are not registered there for all their papers."""


UnplacedReader = Callable[[], ColumnElement[bool]]
"""Gives what holds for an `Applicant` who is not registered, in the batch of their `UnitApplication`, for all that
is applied for."""
_EXTENSION = "cbt_unplaced"


def register_unplaced(app: flask.Flask, reader: UnplacedReader) -> None:
    app.extensions[_EXTENSION] = reader


def is_unplaced() -> ColumnElement[bool]:
    """Return what holds for an accepted `Applicant` of an application in a batch who is in no roster of it."""
    reader = cast(UnplacedReader, flask.current_app.extensions[_EXTENSION])
    return and_(
        UnitApplication.state == ApplicationState.SCHEDULED.value,
        Applicant.verdict == "accepted",
        reader(),
    )


def unplaced_people(session: Session, application: UnitApplication) -> Sequence[Applicant]:
    """Return who of an application that stands in a batch is in no roster of it."""
    query = select(Applicant).join(UnitApplication, UnitApplication.id == Applicant.application_id)
    own = query.where(UnitApplication.id == application.id, is_unplaced())
    return session.scalars(own.order_by(Applicant.id)).all()


def application_by_ref(
    session: Session, ref: str, *, unit_id: int | None, changing: bool = False
) -> UnitApplication:
    """Return an application, for somebody of a unit one of that unit alone; `changing` keeps it to this one.

    Raise NotFound("application.unknown"): another unit's is as unknown as none.

    Source: R-70.
    """
    query = select(UnitApplication).where(UnitApplication.ref == ref)
    if unit_id is not None:
        query = query.where(UnitApplication.unit_id == unit_id)
    application = session.scalar(query.with_for_update() if changing else query)
    if application is None:
        raise NotFound("application.unknown")
    return application


def next_number(session: Session, year: int) -> str:
    """Take the next number of a year (`2026-0001`): whoever makes an application at the same time gets another."""
    rows = insert_of(session.get_bind().dialect.name)(ApplicationSeries).values(year=year, last=1)
    taken = rows.on_conflict_do_update(
        index_elements=[ApplicationSeries.year], set_={"last": ApplicationSeries.last + 1}
    )
    return f"{year}-{session.scalar(taken.returning(ApplicationSeries.last)):04d}"


def applicant_by_ref(session: Session, application: UnitApplication, ref: str) -> Applicant:
    """Return somebody of an application; raise NotFound("applicant.unknown")."""
    applicant = session.scalar(
        select(Applicant).where(Applicant.application_id == application.id, Applicant.ref == ref)
    )
    if applicant is None:
        raise NotFound("applicant.unknown")
    return applicant


def people_of(session: Session, application: UnitApplication) -> Sequence[Applicant]:
    """Return the people of an application in the order in which they were entered."""
    return session.scalars(
        select(Applicant).where(Applicant.application_id == application.id).order_by(Applicant.id)
    ).all()


def proofs_of(session: Session, applicant: Applicant) -> dict[str, ApplicantProof]:
    rows = session.scalars(select(ApplicantProof).where(ApplicantProof.applicant_id == applicant.id))
    return {row.proof: row for row in rows}


def checked_proofs(session: Session, application: UnitApplication) -> dict[int, set[str]]:
    """Return which proofs of each of the people were checked."""
    rows = session.execute(
        select(ApplicantProof.applicant_id, ApplicantProof.proof)
        .join(Applicant, Applicant.id == ApplicantProof.applicant_id)
        .where(Applicant.application_id == application.id, ApplicantProof.checked_at.is_not(None))
    )
    checked: dict[int, set[str]] = defaultdict(set)
    for applicant, proof in rows:
        checked[applicant].add(proof)
    return checked


def steps_of(session: Session, application: UnitApplication) -> Sequence[ApplicationStep]:
    """Return who did what with an application, the latest first."""
    return session.scalars(
        select(ApplicationStep)
        .where(ApplicationStep.application_id == application.id)
        .order_by(ApplicationStep.id.desc())
    ).all()


def application_page(
    session: Session, *, unit_id: int | None, state: str, text: str, page: int
) -> ListPage[ApplicationLine]:
    """Return a page of the applications whose number or unit has `text` in it, the latest day first."""
    mine = UnitApplication.id.is_not(None) if unit_id is None else UnitApplication.unit_id == unit_id
    counted = select(UnitApplication.state, func.count()).where(mine).group_by(UnitApplication.state)
    if text:
        mine &= or_(
            UnitApplication.number.contains(text, autoescape=True),
            MemberUnit.name.contains(text, autoescape=True),
        )
        counted = counted.join(MemberUnit, MemberUnit.id == UnitApplication.unit_id).where(mine)
    rows = session.execute(counted)
    state_counts = dict(rows.all())
    counts = {"": sum(state_counts.values())} | {
        one.value: state_counts.get(one.value, 0) for one in ApplicationState
    }
    state = state if state in counts else ""
    span = PageSpan(counts[state], APPLICATION_PAGE, page)
    query = (
        select(UnitApplication, MemberUnit, _people(), _people(is_unplaced()))
        .join(MemberUnit, MemberUnit.id == UnitApplication.unit_id)
        .where(mine, UnitApplication.state == state if state else UnitApplication.id.is_not(None))
        .order_by(UnitApplication.preferred_on.desc(), UnitApplication.id.desc())
    )
    lines = [ApplicationLine(*row) for row in session.execute(span.cut(query))]
    return span.of(lines, text=text, kind=state, counts=counts)


def waiting(session: Session, *, unit_id: int | None, states: Sequence[str]) -> list[ApplicationLine]:
    """Return the applications that wait in these states, the soonest day first.

    For the office one waits, too, that stands in a batch without all its people.
    """
    mine = UnitApplication.id.is_not(None) if unit_id is None else UnitApplication.unit_id == unit_id
    waits: ColumnElement[bool] = UnitApplication.state.in_(states)
    if unit_id is None:
        waits = or_(waits, _people(is_unplaced()) > 0)
    rows = session.execute(
        select(UnitApplication, MemberUnit, _people(), _people(is_unplaced()))
        .join(MemberUnit, MemberUnit.id == UnitApplication.unit_id)
        .where(mine, waits)
        .order_by(UnitApplication.preferred_on, UnitApplication.id)
        .limit(MOST_WAITING)
    )
    return [ApplicationLine(*row) for row in rows]


def _people(*conditions: ColumnElement[bool]) -> ScalarSelect[int]:
    return (
        select(func.count())
        .where(Applicant.application_id == UnitApplication.id, *conditions)
        .correlate(UnitApplication)
        .scalar_subquery()
    )


def applications_of_batch(session: Session, batch_id: int) -> list[ApplicationLine]:
    """Return the applications whose people sit in a batch."""
    rows = session.execute(
        select(UnitApplication, MemberUnit, _people(Applicant.verdict == "accepted"), _people(is_unplaced()))
        .join(MemberUnit, MemberUnit.id == UnitApplication.unit_id)
        .where(UnitApplication.batch_id == batch_id)
        .order_by(UnitApplication.id)
    )
    return [ApplicationLine(*row) for row in rows]


def batches_for(session: Session, *, level: str, today: date) -> Sequence[Batch]:
    """Return the batches that take a level and are not over by their days, the latest first."""
    shaped = exists().where(BatchLevel.batch_id == Batch.id)
    return session.scalars(
        select(Batch)
        .where(
            or_(Batch.ends_on.is_(None), Batch.ends_on >= today),
            or_(~shaped, shaped.where(BatchLevel.level == level)),
        )
        .order_by(Batch.id.desc())
        .limit(MOST_BATCHES)
    ).all()


def sitting_states(session: Session, batch_id: int) -> set[str]:
    return set(session.scalars(select(Sitting.state).where(Sitting.batch_id == batch_id)))


def unit_of(session: Session, unit_id: int) -> MemberUnit:
    return session.get_one(MemberUnit, unit_id)


def version_ref(session: Session, application: UnitApplication) -> str:
    return session.get_one(BlueprintVersion, application.blueprint_version_id).ref
