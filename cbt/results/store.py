"""Queries of the results room."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVarTuple

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, select
from sqlalchemy.orm import Session, aliased

from cbt.blueprints.reasons import violation_of
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.errors import Conflict
from cbt.results.models import Appeal, Release, Result
from cbt.rules.appeals import AppealState
from cbt.rules.retake import PaperOutcome
from cbt.rules.states import SittingState
from cbt.rules.violations import Violation, voids
from cbt.runner.models import Attempt, AttemptAdjustment
from cbt.scoring.models import Score
from cbt.sittings.models import Batch, Centre, Room, Seat, Sitting, SittingRoom
from cbt.sittings.store import official_only, require_official, sitting_by_ref
from cbt.storage.prepared import PreparedEntities

T = TypeVarTuple("T")
SHOWN = (SittingState.ENDED.value, SittingState.SCORED.value, SittingState.RELEASED.value)
"""States in which a sitting has results to look at; before, nothing of a score is shown to anybody."""
_AMONG = aliased(Score)
_LAST = (
    select(func.max(_AMONG.number))
    .where(_AMONG.attempt_id == Attempt.id)
    .correlate(Attempt)
    .scalar_subquery()
)
"""The number of the score that counts of an attempt."""
NEWEST_SCORE = Score.number == _LAST
"""What holds for the score that counts of an attempt."""
_ORDER = (Registration.blueprint_ref.desc(), Registration.paper.desc(), Registration.blueprint_version_id)
"""The papers of a sitting as its sheet has them."""


@dataclass(frozen=True, slots=True)
class SittingLine:
    """One sitting in the list, with how many were registered, absent, and have a score with a total."""

    sitting: Sitting
    batch: Batch
    centre: Centre
    registered: int
    absent: int
    scored: int


@dataclass(frozen=True, slots=True)
class ResultRow:
    """One registration with everything its result depends on; `score` is the one that counts."""

    violation: Violation | None
    registration: Registration
    candidate: Candidate
    ticket_number: str
    room_name: str
    seat_number: int
    room_state: str
    mode: str
    """How the room is examined, an `ExamMode`."""
    attempt: Attempt | None
    score: Score | None
    result: Result | None


def sitting_lines(session: Session, *, limit: int, offset: int = 0) -> list[SittingLine]:
    """Return the sittings that are over, the latest first."""
    query = (
        select(Sitting, Batch, Centre)
        .join(Batch, Batch.id == Sitting.batch_id)
        .join(Centre, Centre.id == Sitting.centre_id)
        .where(Sitting.state.in_(SHOWN), official_only())
        .order_by(Sitting.planned_start_at.desc(), Sitting.id.desc())
        .limit(limit)
        .offset(offset)
    )
    rows = session.execute(query).all()
    counts = _counts(session, [sitting.id for sitting, _, _ in rows])
    return [SittingLine(*row, *counts.get(row[0].id, (0, 0, 0))) for row in rows]


def _counts(session: Session, sitting_ids: Collection[int]) -> dict[int, tuple[int, int, int]]:
    """Return how many of each sitting were registered, absent, and have a score with a total.

    The outer joins have the database go by these registrations, not through every attempt there ever was.
    """
    absent = Registration.absent_at.is_not(None)
    query = (
        select(
            Registration.sitting_id,
            func.count(),
            func.count().filter(absent),
            func.count().filter(~absent, Attempt.state == "scored", Score.score.is_not(None)),
        )
        .outerjoin(Attempt, Attempt.registration_id == Registration.id)
        .outerjoin(Score, and_(Score.attempt_id == Attempt.id, NEWEST_SCORE))
        .where(Registration.sitting_id.in_(sitting_ids))
        .group_by(Registration.sitting_id)
    )
    return {sitting_id: (people, gone, scored) for sitting_id, people, gone, scored in session.execute(query)}


def sitting_count(session: Session) -> int:
    query = select(func.count()).select_from(Sitting).where(Sitting.state.in_(SHOWN), official_only())
    return session.scalar(query) or 0


def batches_over(session: Session, ids: Collection[int]) -> set[int]:
    """Return which of some batches have a sitting that is over."""
    query = select(Sitting.batch_id).where(
        Sitting.batch_id.in_(ids), Sitting.state.in_(SHOWN), official_only()
    )
    return {batch for batch in session.scalars(query.distinct()) if batch is not None}


def finished_sitting(session: Session, ref: str) -> Sitting:
    """Return a sitting that is over; raise NotFound("sitting.unknown"), Conflict("results.not_over").

    Raise Conflict("sitting.not_official") for a trial or practice, which has no results.
    """
    sitting = sitting_by_ref(session, ref)
    require_official(sitting)
    if sitting.state not in SHOWN:
        raise Conflict("results.not_over", name=sitting.name)
    return sitting


def rows_of_sitting(
    session: Session,
    sitting_id: int,
    *conditions: ColumnElement[bool],
    limit: int | None = None,
    offset: int = 0,
) -> list[ResultRow]:
    """Return registrations of a sitting by paper, room and seat: all, or a page of those that meet conditions."""
    query = _result_rows(Registration.sitting_id == sitting_id, *conditions).limit(limit).offset(offset)
    return [
        ResultRow(violation_of(session, row[0].violation_code, row[0].violation_version_id), *row)
        for row in session.execute(query)
    ]


def fetched_rows(session: Session, sitting_id: int, *, room: str = "") -> Iterator[ResultRow]:
    """Have all of a sitting, or of its room of this ref, read now; each becomes a row as it is taken.

    Nothing of that asks the database. Their parts are rows of columns, not the session's entities.
    """
    recorded = (Registration.violation_code, Registration.violation_version_id)
    query = select(*recorded).where(Registration.sitting_id == sitting_id).distinct()
    violations = {tuple(pair): violation_of(session, *pair) for pair in session.execute(query)}
    rows: Iterator[Any] = (
        _OF_ROOM.fetch(session, sitting=sitting_id, room=room)
        if room
        else _OF_SITTING.fetch(session, sitting=sitting_id)
    )
    return (ResultRow(violations[row[0].violation_code, row[0].violation_version_id], *row) for row in rows)


def joined_rows(query: Select[*T]) -> Select[*T]:
    """Join to registrations what their results depend on: room, attempt, the score that counts, result."""
    return (
        query.join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
        .outerjoin(Attempt, Attempt.registration_id == Registration.id)
        .outerjoin(Score, and_(Score.attempt_id == Attempt.id, NEWEST_SCORE))
        .outerjoin(Result, Result.registration_id == Registration.id)
    )


def _result_rows(*conditions: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    columns = (Candidate, AdmissionTicket.number, Room.name, Seat.number, SittingRoom.state, SittingRoom.mode)
    return (
        joined_rows(select(Registration, *columns, Attempt, Score, Result))
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .join(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
        .join(Room, Room.id == SittingRoom.room_id)
        .join(Seat, Seat.id == Registration.seat_id)
        .where(*conditions)
        .order_by(*_ORDER, Room.name, Seat.number, Registration.id)
    )


_OF_SITTING = PreparedEntities(_result_rows(Registration.sitting_id == bindparam("sitting")))
_OF_ROOM = PreparedEntities(
    _result_rows(Registration.sitting_id == bindparam("sitting"), SittingRoom.ref == bindparam("room"))
)


def violations_elsewhere(
    session: Session, sitting_id: int, *conditions: ColumnElement[bool]
) -> dict[int, list[Violation]]:
    """Return the violations of these candidates in other papers of the batch, by registration id.

    Of everybody in a sitting, or of the registrations that meet conditions.

    Source: R-63.
    """
    other = aliased(Registration)
    query = (
        select(Registration.id, other.violation_code, other.violation_version_id)
        .join(other, and_(other.ticket_id == Registration.ticket_id, other.id != Registration.id))
        .join(Sitting, Sitting.id == other.sitting_id)
        .where(
            Registration.sitting_id == sitting_id,
            *conditions,
            other.violation_code.is_not(None),
            official_only(),
        )
    )
    violations: defaultdict[int, list[Violation]] = defaultdict(list)
    for registration_id, code, version_id in session.execute(query):
        if (violation := violation_of(session, code, version_id)) is not None:
            violations[registration_id].append(violation)
    return violations


def adjusted_kinds(
    session: Session, sitting_id: int, attempt_ids: Collection[int] | None = None
) -> dict[int, set[str]]:
    """Return the kinds of time some candidates of a sitting, or all, were given alone: attempt id -> kinds."""
    query = (
        select(AttemptAdjustment.attempt_id, AttemptAdjustment.kind)
        .join(Attempt, Attempt.id == AttemptAdjustment.attempt_id)
        .join(Registration, Registration.id == Attempt.registration_id)
        .where(Registration.sitting_id == sitting_id, AttemptAdjustment.withdrawn_at.is_(None))
        .distinct()
    )
    kinds: defaultdict[int, set[str]] = defaultdict(set)
    if attempt_ids is not None:
        query = query.where(Attempt.id.in_(attempt_ids))
    for attempt_id, kind in session.execute(query):
        kinds[attempt_id].add(kind)
    return kinds


def rooms_of(session: Session, sitting_id: int) -> Sequence[tuple[SittingRoom, str]]:
    """Return the rooms of a sitting with their names."""
    query = (
        select(SittingRoom, Room.name)
        .join(Room, Room.id == SittingRoom.room_id)
        .where(SittingRoom.sitting_id == sitting_id)
        .order_by(Room.name)
    )
    return [(room, name) for room, name in session.execute(query)]


def ended_rooms(session: Session, sitting_id: int) -> Sequence[SittingRoom]:
    query = select(SittingRoom).where(
        SittingRoom.sitting_id == sitting_id, SittingRoom.state == SittingState.ENDED.value
    )
    return session.scalars(query.order_by(SittingRoom.id)).all()


def release_of(session: Session, sitting_id: int) -> Release | None:
    return session.scalar(select(Release).where(Release.sitting_id == sitting_id))


def open_appeals(session: Session) -> int:
    """Return how many appeals wait for a decision. Source: R-91."""
    query = select(func.count()).select_from(Appeal).where(Appeal.state == AppealState.OPEN.value)
    return session.scalar(query) or 0


def changed_since_release(session: Session, sitting_ids: Collection[int]) -> set[int]:
    """Return which released sittings have a newer score, or a violation that reaches over from elsewhere.

    Source: R-4, R-63.
    """
    query = (
        select(Registration.sitting_id)
        .join(Result, Result.registration_id == Registration.id)
        .join(Attempt, Attempt.registration_id == Registration.id)
        .join(Score, and_(Score.attempt_id == Attempt.id, Score.id > Result.score_id))
        .where(Registration.sitting_id.in_(sitting_ids))
        .distinct()
    )
    other = aliased(Registration)
    reaching = (
        select(Registration.sitting_id, other.violation_code, other.violation_version_id)
        .join(Result, Result.registration_id == Registration.id)
        .join(other, and_(other.ticket_id == Registration.ticket_id, other.id != Registration.id))
        .join(Sitting, Sitting.id == other.sitting_id)
        .where(
            official_only(),
            Registration.sitting_id.in_(sitting_ids),
            other.violation_code.is_not(None),
            Result.outcome.not_in([PaperOutcome.VIOLATION.value, PaperOutcome.ABSENT.value]),
        )
        .distinct()
    )
    if not sitting_ids:
        return set()
    changed = set(session.scalars(query))
    for sitting_id, code, version_id in session.execute(reaching):
        violation = violation_of(session, code, version_id)
        if violation is not None and voids(violation, same_paper=False):
            changed.add(sitting_id)
    return changed
