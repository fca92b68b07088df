"""What a file of the result desk is about: a sitting, or all sittings of a batch that are over.

Files for others hold released results alone: what may still change is nobody's news (R-90).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.blueprints.store import blueprint_of
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.errors import Conflict
from cbt.results import store
from cbt.results.models import Release, Result
from cbt.rules.exam import ExamBlueprint
from cbt.sittings.models import Batch, Centre, Sitting
from cbt.sittings.store import batch_by_ref, official_only

Kind = Literal["sitting", "batch"]
MOST = 5_000
"""So many results go into one file; whoever has more takes one sitting after the other."""


@dataclass(frozen=True, slots=True)
class ResultScope:
    """A sitting, or a batch with its sittings that are over."""

    kind: Kind
    ref: str
    name: str
    batch: Batch
    sittings: Sequence[tuple[Sitting, Centre]]

    @property
    def subject(self) -> str:
        return f"{self.kind}:{self.ref}"

    @property
    def sitting_ids(self) -> list[int]:
        return [sitting.id for sitting, _centre in self.sittings]


def scope_of(session: Session, kind: Kind, ref: str) -> ResultScope:
    """Return a scope; raise like `finished_sitting`, NotFound("batch.unknown"), Conflict("desk.none_over")."""
    if kind == "sitting":
        sitting = store.finished_sitting(session, ref)
        batch = session.get_one(Batch, sitting.batch_id)
        return ResultScope(
            kind, ref, sitting.name, batch, [(sitting, session.get_one(Centre, sitting.centre_id))]
        )
    batch = batch_by_ref(session, ref)
    query = (
        select(Sitting, Centre)
        .join(Centre, Centre.id == Sitting.centre_id)
        .where(Sitting.batch_id == batch.id, Sitting.state.in_(store.SHOWN), official_only())
        .order_by(Centre.name, Sitting.planned_start_at, Sitting.id)
    )
    over = [(sitting, centre) for sitting, centre in session.execute(query)]
    if not over:
        raise Conflict("desk.none_over", name=batch.name)
    return ResultScope(kind, ref, batch.name, batch, over)


@dataclass(frozen=True, slots=True)
class ReleasedResult:
    """A released result with whose it is; `score_id` is the score it was taken from."""

    result_id: int
    registration_id: int
    registration_ref: str
    candidate_id: int
    candidate_ref: str
    name: str
    document_masked: str
    ticket: str
    sitting_id: int
    blueprint: ExamBlueprint
    paper: str
    kind: str
    outcome: str
    score: Decimal | None
    score_id: int | None
    released_at: datetime


def released_results(session: Session, sitting_ids: Collection[int]) -> list[ReleasedResult]:
    """Return the released results of sittings, in the order of sittings and tickets.

    Raise Conflict("desk.unreleased") where there is none, ("desk.too_many") beyond `MOST`.

    Source: R-60, R-90.
    """
    of_sittings = Registration.sitting_id.in_(sitting_ids)
    count = session.scalar(
        select(func.count())
        .select_from(Result)
        .join(Registration, Registration.id == Result.registration_id)
        .where(of_sittings)
    )
    if not count:
        raise Conflict("desk.unreleased")
    if count > MOST:
        raise Conflict("desk.too_many", count=count, most=MOST)
    query = (
        select(Result, Release.released_at, Registration, Candidate, AdmissionTicket.number)
        .join(Release, Release.id == Result.release_id)
        .join(Registration, Registration.id == Result.registration_id)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .join(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
        .where(of_sittings)
        .order_by(Registration.sitting_id, Registration.paper.desc(), AdmissionTicket.number)
    )
    return [_released(session, *row) for row in session.execute(query)]


def _released(session: Session, *row: Any) -> ReleasedResult:
    result, released_at, registration, candidate, ticket = row
    return ReleasedResult(
        result_id=result.id,
        registration_id=registration.id,
        registration_ref=registration.ref,
        candidate_id=candidate.id,
        candidate_ref=candidate.ref,
        name=candidate.name,
        document_masked=candidate.document_masked,
        ticket=ticket,
        sitting_id=registration.sitting_id,
        blueprint=blueprint_of(session, registration.blueprint_version_id),
        paper=registration.paper,
        kind=registration.kind,
        outcome=result.outcome,
        score=result.score,
        score_id=result.score_id,
        released_at=result.released_at or released_at,
    )


def chunks(results: Sequence[ReleasedResult], size: int) -> Iterator[Sequence[ReleasedResult]]:
    for start in range(0, len(results), size):
        yield results[start : start + size]
