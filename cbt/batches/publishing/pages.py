"""What is looked at before a sitting goes out: who sits where, who runs it, what is missing; one reading each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.accounts.models import Staff
from cbt.batches.checks.concern import Concern
from cbt.batches.checks.reading import checks_of_sittings
from cbt.batches.facts import facts_of_sittings
from cbt.batches.publishing.missing import Missing, missing_in
from cbt.candidates.models import CandidatePhoto, Registration
from cbt.exams.store import blueprint_of
from cbt.rules.planning.readiness import SittingFacts
from cbt.rules.states.sitting import SittingState
from cbt.sittings import store
from cbt.sittings.models import Batch, Centre, RoomStaff, Sitting, SittingRoom
from cbt.sittings.store import Duty, RoomView, SeatCount

DRAFTS = 10
"""How many stand on a page: everybody in them is looked at."""


@dataclass(frozen=True, slots=True)
class RoomToPublish:
    """A room of a sitting: its papers with how many sit them, its seats, who runs it."""

    view: RoomView
    papers: list[tuple[str, str, int]]
    """(level, paper, people)"""
    seats: SeatCount
    duties: list[Duty]

    @property
    def people(self) -> int:
        """How many sit there."""
        return sum(people for _level, _paper, people in self.papers)


@dataclass(frozen=True, slots=True)
class Candidature:
    """A sitting that may go out: what is known of it, what it lacks, what speaks against it."""

    sitting: Sitting
    centre: Centre
    facts: SittingFacts
    missing: list[Missing]
    concerns: list[Concern]

    @property
    def stops(self) -> list[Concern]:
        """What keeps it from going out though nothing is missing."""
        return [one for one in self.concerns if one.stops]

    @property
    def warns(self) -> list[Concern]:
        """What the officer should know before."""
        return [one for one in self.concerns if not one.stops]

    @property
    def ready(self) -> bool:
        """Whether it can go out."""
        return not self.missing and not self.stops


@dataclass(frozen=True, slots=True)
class PublishPage:
    """Everything that is looked at before one sitting goes out."""

    batch: Batch
    about: Candidature
    rooms: list[RoomToPublish]
    without_photo: int


@dataclass(frozen=True, slots=True)
class PublishManyPage:
    """A page of the drafts of a batch, each with what keeps it back, and how many there are."""

    batch: Batch
    drafts: list[Candidature]
    chiefs: dict[int, list[str]]
    """Sitting id -> the names of its chiefs."""
    total: int


def publish_page(session: Session, ref: str) -> PublishPage:
    """Return what is looked at before a sitting goes out. Source: R-7, R-11, R-43, R-60, R-62."""
    sitting = store.sitting_by_ref(session, ref)
    batch, centre = session.get_one(Batch, sitting.batch_id), session.get_one(Centre, sitting.centre_id)
    views = store.rooms_of_sitting(session, sitting.id)
    seats = store.seat_counts(session, [view.room.id for view in views])
    duties = [one for one in store.duties_of_sitting(session, sitting.id) if one.staff.disabled_at is None]
    papers = _papers(session, sitting.id)
    return PublishPage(
        batch=batch,
        about=candidatures(session, [(sitting, centre)])[0],
        rooms=[
            RoomToPublish(
                view,
                papers.get(view.sitting_room.id, []),
                seats.get(view.room.id, SeatCount()),
                [one for one in duties if one.sitting_room_id == view.sitting_room.id],
            )
            for view in views
        ],
        without_photo=_without_photo(session, sitting.id),
    )


def publish_many_page(session: Session, ref: str, *, page: int) -> PublishManyPage:
    """Return a page of the drafts of a batch with what keeps each of them back."""
    batch = store.batch_by_ref(session, ref)
    drafts = (Sitting.batch_id == batch.id, Sitting.state == SittingState.DRAFT.value)
    query = (
        select(Sitting, Centre)
        .join(Centre, Centre.id == Sitting.centre_id)
        .where(*drafts)
        .order_by(Sitting.planned_start_at, Sitting.id)
        .limit(DRAFTS)
        .offset((page - 1) * DRAFTS)
    )
    found = [(sitting, centre) for sitting, centre in session.execute(query)]
    return PublishManyPage(
        batch,
        candidatures(session, found),
        _chiefs(session, [sitting.id for sitting, _centre in found]),
        session.scalar(select(func.count()).select_from(Sitting).where(*drafts)) or 0,
    )


def candidatures(session: Session, found: Sequence[tuple[Sitting, Centre]]) -> list[Candidature]:
    """Return for each sitting what it lacks and what speaks against it, in queries that do not grow with them."""
    sittings = [sitting for sitting, _centre in found]
    facts = facts_of_sittings(session, sittings)
    concerns = checks_of_sittings(session, sittings) if sittings else []
    return [
        Candidature(
            sitting,
            centre,
            facts[sitting.id],
            missing_in(facts[sitting.id]),
            [one for one in concerns if one.sitting_ref == sitting.ref],
        )
        for sitting, centre in found
    ]


def _papers(session: Session, sitting_id: int) -> dict[int, list[tuple[str, str, int]]]:
    """Return the papers of each room with how many sit them: sitting-room id -> (level, paper, people)."""
    query = (
        select(
            Registration.sitting_room_id, Registration.blueprint_version_id, Registration.paper, func.count()
        )
        .where(Registration.sitting_id == sitting_id)
        .group_by(Registration.sitting_room_id, Registration.blueprint_version_id, Registration.paper)
        .order_by(Registration.blueprint_version_id, Registration.paper)
    )
    found: dict[int, list[tuple[str, str, int]]] = {}
    for room, version, paper, people in session.execute(query):
        blueprint = blueprint_of(session, version)
        line = (blueprint.level_name, blueprint.papers[paper].name, people)
        found.setdefault(room, []).append(line)
    return found


def _without_photo(session: Session, sitting_id: int) -> int:
    """Return how many people of a sitting have no photo yet (照片待补)."""
    query = (
        select(func.count(Registration.candidate_id.distinct()))
        .outerjoin(CandidatePhoto, CandidatePhoto.candidate_id == Registration.candidate_id)
        .where(Registration.sitting_id == sitting_id, CandidatePhoto.candidate_id.is_(None))
    )
    return session.scalar(query) or 0


def _chiefs(session: Session, sitting_ids: Sequence[int]) -> dict[int, list[str]]:
    query = (
        select(SittingRoom.sitting_id, Staff.name)
        .join(RoomStaff, RoomStaff.sitting_room_id == SittingRoom.id)
        .join(Staff, Staff.id == RoomStaff.staff_id)
        .where(
            SittingRoom.sitting_id.in_(sitting_ids),
            RoomStaff.duty == "chief_proctor",
            Staff.disabled_at.is_(None),
        )
        .distinct()
        .order_by(SittingRoom.sitting_id, Staff.name)
    )
    chiefs: dict[int, list[str]] = {}
    for sitting, name in session.execute(query):
        chiefs.setdefault(sitting, []).append(name)
    return chiefs
