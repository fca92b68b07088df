"""Queries of the batches room: sittings and levels of a batch, and the facts its steps are told from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import Session

from cbt.accounts.models import Staff
from cbt.batches.applications import off_roster
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.candidates.store import has_photo
from cbt.certificates.register import certified, judged
from cbt.enrolment.body import body
from cbt.http.i18n import local_zone
from cbt.results.models import Result
from cbt.results.publicity.store import held_counts, left_by_ruling, publications_of, sittings_held
from cbt.results.rulings import unruled
from cbt.results.store import SHOWN
from cbt.rules.planning.readiness import BatchFacts, SittingFacts
from cbt.rules.retake import PaperOutcome
from cbt.rules.states import SittingState
from cbt.runner.models import Attempt
from cbt.sittings.models import Batch, BatchLevel, Centre, Room, RoomStaff, Sitting, SittingRoom
from cbt.sittings.store import is_official, official_only

CANCELLED = SittingState.CANCELLED.value
AHEAD = [
    state.value
    for state in (
        SittingState.DRAFT,
        SittingState.PUBLISHED,
        SittingState.ADMITTING,
        SittingState.RUNNING,
        SittingState.HELD,
    )
]
UNRELEASED = [SittingState.ENDED.value, SittingState.SCORED.value]


def sittings_page(
    session: Session, batch_id: int, *, limit: int, offset: int
) -> tuple[list[tuple[Sitting, Centre]], int]:
    """Return a page of the sittings of a batch by planned start, cancelled ones last, and how many there are."""
    query = (
        select(Sitting, Centre)
        .join(Centre, Centre.id == Sitting.centre_id)
        .where(Sitting.batch_id == batch_id)
        .order_by(case((Sitting.state == CANCELLED, 1), else_=0), Sitting.planned_start_at, Sitting.id)
    )
    rows = [(sitting, centre) for sitting, centre in session.execute(query.limit(limit).offset(offset))]
    total = session.scalar(select(func.count()).select_from(Sitting).where(Sitting.batch_id == batch_id))
    return rows, total or 0


def held_of(session: Session, batch_id: int) -> dict[int, tuple[Sitting, Centre]]:
    """Return every sitting of a batch with its centre, by the id of the sitting."""
    query = select(Sitting, Centre).join(Centre, Centre.id == Sitting.centre_id)
    rows = session.execute(query.where(Sitting.batch_id == batch_id))
    return {sitting.id: (sitting, centre) for sitting, centre in rows}


def counts_by_paper(session: Session, batch_id: int) -> dict[tuple[int, str], int]:
    """Return how many are registered for a paper of a batch: (blueprint version, paper) -> registrations."""
    query = (
        select(Registration.blueprint_version_id, Registration.paper, func.count())
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .where(Sitting.batch_id == batch_id, Sitting.state != CANCELLED)
        .group_by(Registration.blueprint_version_id, Registration.paper)
    )
    return {(version, paper): people for version, paper, people in session.execute(query)}


def shape_of(session: Session, batch_id: int) -> list[tuple[int, list[str]]]:
    """Return the levels a batch examines, each by its blueprint version with the codes of its papers."""
    query = (
        select(BatchLevel.blueprint_version_id, BatchLevel.papers)
        .where(BatchLevel.batch_id == batch_id)
        .order_by(BatchLevel.level, BatchLevel.id)
    )
    return [(version, papers.split(",")) for version, papers in session.execute(query)]


def batches_ahead(
    session: Session, *, now: datetime, results: bool, limit: int, offset: int
) -> tuple[Sequence[Batch], int]:
    """Return a page of the batches that are not over, the latest first, and how many there are.

    One is not over while a result of it is held by an objection or a ruling, or decided about and not released;
    with `results`, neither is one whose results are still to be shown and released.
    """
    held = select(Sitting.id).where(Sitting.batch_id == Batch.id, Sitting.id.in_(sittings_held()))
    open_ones = or_(_ahead(now), held.exists())
    if results:
        waiting = select(Sitting.id).where(
            Sitting.batch_id == Batch.id, Sitting.state.in_(UNRELEASED), official_only()
        )
        open_ones = or_(open_ones, waiting.exists())
    query = select(Batch).where(open_ones).order_by(Batch.id.desc()).limit(limit).offset(offset)
    total = session.scalar(select(func.count()).select_from(Batch).where(open_ones))
    return session.scalars(query).all(), total or 0


def _ahead(now: datetime) -> ColumnElement[bool]:
    """Return what holds for a batch that is not over: a sitting lies ahead, or none is planned and its days do."""
    mine = select(Sitting.id).where(Sitting.batch_id == Batch.id)
    today = now.astimezone(local_zone()).date()
    still = or_(Batch.ends_on.is_(None), Batch.ends_on >= today)
    planned = mine.where(Sitting.state != CANCELLED)
    return or_(mine.where(Sitting.state.in_(AHEAD)).exists(), and_(~planned.exists(), still))


def facts_of_batches(session: Session, batches: Collection[Batch], *, today: date) -> dict[int, BatchFacts]:
    """Return what is known of batches by their ids; cancelled sittings do not count."""
    wanted = [batch.id for batch in batches]
    query = (
        select(Sitting)
        .where(Sitting.batch_id.in_(wanted), Sitting.state != CANCELLED)
        .order_by(Sitting.planned_start_at, Sitting.id)
    )
    sittings = list(session.scalars(query)) if wanted else []
    facts = facts_of_sittings(session, sittings, {batch.id: batch for batch in batches})
    of_batch: dict[int, list[SittingFacts]] = defaultdict(list)
    for sitting in sittings:
        of_batch[sitting.batch_id].append(facts[sitting.id])
    people = _people(session, wanted) if sittings else {}
    tickets = _tickets(session, wanted) if sittings else {}
    off = off_roster(session, batches) if wanted else {}
    certified = _certified(session, {one for one in wanted if _is_released(of_batch[one])}, today=today)
    return {
        one: BatchFacts(
            tuple(of_batch[one]),
            *people.get(one, (0, 0)),
            *tickets.get(one, (0, 0, 0)),
            off_roster=sum(len(line.names) for line in off.get(one, ())),
            application=off[one][0].ref if one in off else "",
            certificates=certified.get(one, (0, 0))[0],
            certifiable=certified.get(one, (0, 0))[1],
        )
        for one in wanted
    }


def _is_released(sittings: Iterable[SittingFacts]) -> bool:
    return any(sitting.state is SittingState.RELEASED and sitting.counts for sitting in sittings)


def _certified(session: Session, batches: Collection[int], *, today: date) -> dict[int, tuple[int, int]]:
    """Return how many people of batches have a certificate of what they sat there, and how many may get one."""
    if not batches:
        return {}
    query = (
        select(Sitting.batch_id, Registration.blueprint_ref, Candidate)
        .join(Registration, Registration.sitting_id == Sitting.id)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .join(Result, Result.registration_id == Registration.id)
        .where(Sitting.batch_id.in_(batches), official_only(), Result.outcome == PaperOutcome.PASSED.value)
        .distinct()
        .order_by(Candidate.id)
    )
    passed: dict[str, dict[int, Candidate]] = defaultdict(dict)
    levels: dict[int, set[tuple[str, int]]] = defaultdict(set)
    for batch_id, level, candidate in session.execute(query):
        passed[level][candidate.id] = candidate
        levels[batch_id].add((level, candidate.id))
    have, ready = set[tuple[str, int]](), set[tuple[str, int]]()
    for level, people in passed.items():
        own = certified(session, level, people)
        have |= {(level, one) for one in own}
        waiting = [one for key, one in people.items() if key not in own]
        lines = judged(session, level, waiting, today=today)
        ready |= {(level, line.candidate.id) for line in lines if not line.obstacles}
    return {batch_id: (len(who & have), len(who & ready)) for batch_id, who in levels.items()}


def facts_of_sittings(
    session: Session, sittings: Iterable[Sitting], batches: dict[int, Batch] | None = None
) -> dict[int, SittingFacts]:
    """Return what is known of sittings by their ids; `batches` tells within which days they should lie."""
    by_id = {sitting.id: sitting for sitting in sittings}
    registered = _registered(session, by_id) if by_id else {}
    rooms: dict[int, list[_Room]] = defaultdict(list)
    for room in _rooms(session, by_id) if by_id else ():
        rooms[room.sitting_id].append(room)
    facts = {}
    after = _after(session, by_id.values())
    for sitting_id, sitting in by_id.items():
        people, undrawn = registered.get(sitting_id, (0, 0))
        until, objections, decided, rulings = after.get(sitting_id, (None, 0, 0, 0))
        batch = (batches or {}).get(sitting.batch_id)
        facts[sitting_id] = SittingFacts(
            ref=sitting.ref,
            state=SittingState(sitting.state),
            starts_at=sitting.planned_start_at,
            rooms=len(rooms[sitting_id]),
            people=people,
            undrawn=undrawn,
            unattended=tuple(room.name for room in rooms[sitting_id] if room.people and not room.staff),
            chiefs=sum(room.chiefs for room in rooms[sitting_id]),
            unarranged=sum(
                bool(room.people and not room.arranged and not room.drawn) for room in rooms[sitting_id]
            ),
            outside=batch is not None and not within(batch, sitting),
            counts=is_official(sitting),
            asked=sitting_id in after,
            shown_until=until,
            objections=objections,
            rulings=rulings,
            decided=decided if sitting.released_at else 0,
        )
    return facts


def _after(session: Session, sittings: Iterable[Sitting]) -> dict[int, tuple[date | None, int, int, int]]:
    """Return of the sittings that are over and whose results are shown or to be: until when, what is held."""
    over = [one for one in sittings if one.state in SHOWN and is_official(one)]
    if not over:
        return {}
    ids = [one.id for one in over]
    shown, held, waiting = publications_of(session, ids), held_counts(session, ids), unruled(session, ids)
    publishes, left = body(session).publicity_days > 0, left_by_ruling(session, ids)
    after = {}
    for one in over:
        if one.id in shown or (publishes and one.released_at is None) or one.id in left:
            objections, decided = held.get(one.id, (0, 0))
            still_waiting = {registration for registration, _ref in waiting.get(one.id, ())}
            ruled = left.get(one.id, set()) - still_waiting
            last_on = shown[one.id].last_on if one.id in shown else None
            after[one.id] = (last_on, objections, decided + len(ruled), len(still_waiting))
    return after


def within(batch: Batch, sitting: Sitting) -> bool:
    """Return whether a sitting begins on one of the days of its batch, as its centre counts days."""
    day = sitting.planned_start_at.astimezone(local_zone()).date()
    return (batch.starts_on or date.min) <= day <= (batch.ends_on or date.max)


def _registered(session: Session, sittings: Collection[int]) -> dict[int, tuple[int, int]]:
    """Return how many papers are registered for each sitting, and for how many of them no form is drawn."""
    query = (
        select(Registration.sitting_id, func.count(Registration.id), func.count(Attempt.id))
        .outerjoin(Attempt, Attempt.registration_id == Registration.id)
        .where(Registration.sitting_id.in_(sittings))
        .group_by(Registration.sitting_id)
    )
    return {sitting: (people, people - drawn) for sitting, people, drawn in session.execute(query)}


class _Room(NamedTuple):
    """A room of a sitting: how many sit there, have a form, run it, and are chiefs among these."""

    sitting_id: int
    name: str
    people: int
    drawn: int
    staff: int
    chiefs: int
    arranged: bool


def _rooms(session: Session, sittings: Collection[int]) -> list[_Room]:
    """Return the rooms of sittings by name."""
    people = select(func.count()).where(Registration.sitting_room_id == SittingRoom.id)
    drawn = select(func.count()).where(Attempt.sitting_room_id == SittingRoom.id)
    staff = (
        select(
            RoomStaff.sitting_room_id,
            func.count().label("people"),
            func.count().filter(RoomStaff.duty == "chief_proctor").label("chiefs"),
        )
        .join(Staff, Staff.id == RoomStaff.staff_id)
        .join(SittingRoom, SittingRoom.id == RoomStaff.sitting_room_id)
        .where(Staff.disabled_at.is_(None), SittingRoom.sitting_id.in_(sittings))
        .group_by(RoomStaff.sitting_room_id)
        .subquery()
    )
    query = (
        select(
            SittingRoom.sitting_id,
            Room.name,
            people.correlate(SittingRoom).scalar_subquery(),
            drawn.correlate(SittingRoom).scalar_subquery(),
            func.coalesce(staff.c.people, 0),
            func.coalesce(staff.c.chiefs, 0),
            SittingRoom.arranged_at.is_not(None),
        )
        .join(Room, Room.id == SittingRoom.room_id)
        .outerjoin(staff, staff.c.sitting_room_id == SittingRoom.id)
        .where(SittingRoom.sitting_id.in_(sittings), SittingRoom.state != CANCELLED)
        .order_by(SittingRoom.sitting_id, Room.name)
    )
    return [_Room(*row) for row in session.execute(query)]


def _people(session: Session, batches: Collection[int]) -> dict[int, tuple[int, int]]:
    """Return how many people each batch has, and how many of them without a photo."""
    person = Registration.candidate_id
    pictured = func.count(case((has_photo(person), person)).distinct())
    query = (
        select(Sitting.batch_id, func.count(person.distinct()), pictured)
        .join(Registration, Registration.sitting_id == Sitting.id)
        .where(Sitting.batch_id.in_(batches), Sitting.state != CANCELLED)
        .group_by(Sitting.batch_id)
    )
    return {batch: (people, people - photos) for batch, people, photos in session.execute(query)}


def _tickets(session: Session, batches: Collection[int]) -> dict[int, tuple[int, int, int]]:
    """Return how many tickets of each batch are in use, were printed, and are to be printed again."""
    used = (
        select(Registration.id)
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .where(Registration.ticket_id == AdmissionTicket.id, Sitting.state != CANCELLED)
    )
    query = (
        select(
            AdmissionTicket.batch_id,
            func.count(),
            func.count(AdmissionTicket.printed_at),
            func.count(AdmissionTicket.reprint_since),
        )
        .where(AdmissionTicket.batch_id.in_(batches), used.exists())
        .group_by(AdmissionTicket.batch_id)
    )
    return {
        batch: (all_of_them, printed, again) for batch, all_of_them, printed, again in session.execute(query)
    }
