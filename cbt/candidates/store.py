"""Queries of the candidates room: registrations, photos, counts of a sitting, and when somebody's papers run.

A span runs from the planned start to the longest individual deadline.

Source: R-7.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from cbt.blueprints.store import BatchUse, paper_of
from cbt.candidates.models import AdmissionTicket, Candidate, CandidatePhoto, Registration
from cbt.errors import NotFound
from cbt.http.auth.login import Principal
from cbt.personal import DETAILS, document_index
from cbt.rules.door import Span, normalise_document, paper_span
from cbt.rules.states import SittingState
from cbt.sittings.models import Batch, Room, Seat, Sitting, SittingRoom
from cbt.sittings.store import visible_rooms
from cbt.storage.prepared import PreparedSelect

_STARTED = (SittingState.RUNNING, SittingState.HELD, SittingState.ENDED, SittingState.SCORED)


@dataclass(frozen=True, slots=True)
class Registered:
    """A registration with what identifies it at the door: who, which ticket, which seat of which room."""

    registration: Registration
    candidate: Candidate
    ticket: AdmissionTicket
    seat: Seat
    room: Room
    sitting_room: SittingRoom


_PRINCIPAL = PreparedSelect(
    select(Registration.id, Registration.ref, Candidate.name)
    .join(Candidate, Candidate.id == Registration.candidate_id)
    .where(Registration.ref == bindparam("ref"))
)
"""Every request of a candidate asks this."""


def candidate_principal(cursor: Any, ref: str) -> Principal | None:
    """Return the principal of a registration: a candidate signs in to one paper of one sitting."""
    row = next(iter(_PRINCIPAL.at(cursor, ref=ref)), None)
    if row is None:
        return None
    return Principal(kind="candidate", subject_id=row.id, subject_ref=row.ref, name=row.name)


def _entries() -> Select[Registration, Candidate, AdmissionTicket, Seat, Room, SittingRoom]:
    return (
        select(Registration, Candidate, AdmissionTicket, Seat, Room, SittingRoom)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .join(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
        .join(Seat, Seat.id == Registration.seat_id)
        .join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
        .join(Room, Room.id == SittingRoom.room_id)
    )


def entries_of_sitting(session: Session, sitting_id: int) -> list[Registered]:
    """Return every registration of a sitting, by room and seat: for a file of all, not for a page."""
    return entries_where(session, Registration.sitting_id == sitting_id)


def entries_where(
    session: Session, *conditions: ColumnElement[bool], limit: int | None = None, offset: int = 0
) -> list[Registered]:
    """Return the registrations that meet some conditions, by room and seat, so many of them from `offset` on."""
    query = _entries().where(*conditions).order_by(Room.name, Seat.number, Registration.id)
    return [Registered(*row) for row in session.execute(query.limit(limit).offset(offset))]


def count_where(session: Session, *conditions: ColumnElement[bool]) -> int:
    query = _entries().with_only_columns(func.count(), maintain_column_froms=True).where(*conditions)
    return session.scalar(query) or 0


def entries_of_batch(session: Session, batch_id: int) -> list[Registered]:
    """Return every registration of a batch in sittings that are not cancelled, by start, room and seat."""
    query = (
        _entries()
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .where(Sitting.batch_id == batch_id, Sitting.state != SittingState.CANCELLED.value)
        .order_by(Sitting.planned_start_at, Sitting.id, Room.name, Seat.number)
    )
    return [Registered(*row) for row in session.execute(query)]


def entries_of_room(session: Session, sitting_id: int, room_ref: str) -> list[Registered]:
    """Return the registrations of one room of a sitting, by seat; none for a room of another one."""
    query = _entries().where(Registration.sitting_id == sitting_id, SittingRoom.ref == room_ref)
    return [Registered(*row) for row in session.execute(query.order_by(Seat.number))]


def entry_for(session: Session, ref: str, principal: Principal) -> Registered:
    """Return the registration when this person may see its room; raise NotFound otherwise.

    Source: R-62.
    """
    query = _entries().where(Registration.ref == ref, SittingRoom.id.in_(visible_rooms(principal)))
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound("registration.unknown")
    return Registered(*row)


def photo_of(session: Session, candidate_id: int) -> CandidatePhoto | None:
    return session.get(CandidatePhoto, candidate_id)


def has_photo(candidate_id: ColumnElement[int] | InstrumentedAttribute[int]) -> ColumnElement[bool]:
    """Return what holds for a candidate with a photo: what every page and count asks of it."""
    return exists().where(CandidatePhoto.candidate_id == candidate_id)


def with_photo(session: Session, candidate_ids: Iterable[int]) -> set[int]:
    """Return which of the candidates have a photo, without reading the images."""
    wanted = list(candidate_ids)
    query = select(Candidate.id).where(Candidate.id.in_(wanted), has_photo(Candidate.id))
    return set(session.scalars(query)) if wanted else set()


def photos_of(session: Session, candidate_ids: Iterable[int]) -> dict[int, bytes]:
    """Return the photos of candidates by their id; who has none is not among them."""
    query = select(CandidatePhoto.candidate_id, CandidatePhoto.image)
    return {
        row[0]: row[1] for row in session.execute(query.where(CandidatePhoto.candidate_id.in_(candidate_ids)))
    }


def has_started(session: Session, candidate_id: int) -> bool:
    """Return whether a sitting-room of a candidate was started and its results are not released."""
    query = (
        select(SittingRoom.id)
        .join(Registration, Registration.sitting_room_id == SittingRoom.id)
        .where(Registration.candidate_id == candidate_id, SittingRoom.state.in_(_STARTED))
    )
    return session.scalar(query.limit(1)) is not None


_SHORTEST_NUMBER = 6


def found_by(text: str) -> ColumnElement[bool]:
    """Return what finds people by `text`; the query knows the candidate and the ticket."""
    number = normalise_document(text)
    ways = [
        Candidate.name.icontains(text, autoescape=True),
        *(
            getattr(Candidate, detail.column).icontains(text, autoescape=True)
            for detail in DETAILS.values()
            if detail.searched
        ),
        AdmissionTicket.number.startswith(number, autoescape=True),
        Candidate.document_masked == number,
    ]
    if len(number) >= _SHORTEST_NUMBER:
        ways.append(Candidate.document_index == document_index(number))
    return or_(*ways)


@dataclass(frozen=True)
class SittingCounts:
    """How many are registered for a sitting: (sitting-room id, blueprint version, paper) -> people."""

    seated: Mapping[tuple[int, int, str], int]
    without_photo: int
    """How many candidates have no photo yet (照片待补)."""
    again: int
    """How many printed tickets have to be printed again."""

    @cached_property
    def all(self) -> int:
        return sum(self.seated.values())

    @cached_property
    def by_room(self) -> Counter[int]:
        """Return the registrations of each room, by the id of the sitting-room."""
        counted: Counter[int] = Counter()
        for (room, _, _), people in self.seated.items():
            counted[room] += people
        return counted

    @cached_property
    def by_paper(self) -> Counter[tuple[int, str]]:
        """Return the registrations of each paper, as they come first: (blueprint version, paper) -> people."""
        counted: Counter[tuple[int, str]] = Counter()
        for (_, version, paper), people in self.seated.items():
            counted[version, paper] += people
        return counted


def counts_of(session: Session, sitting_id: int) -> SittingCounts:
    """Return how many are registered for a sitting."""
    place = (Registration.sitting_room_id, Registration.blueprint_version_id, Registration.paper)
    seated = (
        select(*place, func.count())
        .where(Registration.sitting_id == sitting_id)
        .group_by(*place, Registration.blueprint_ref)
        .order_by(Registration.blueprint_ref.desc(), Registration.paper.desc(), Registration.sitting_room_id)
    )
    without_photo = select(func.count(func.distinct(Registration.candidate_id))).where(
        Registration.sitting_id == sitting_id,
        ~has_photo(Registration.candidate_id),
    )
    again = select(func.count()).where(
        AdmissionTicket.reprint_since.is_not(None),
        exists().where(Registration.ticket_id == AdmissionTicket.id, Registration.sitting_id == sitting_id),
    )
    counted = session.execute(select(without_photo.scalar_subquery(), again.scalar_subquery())).one()
    return SittingCounts(
        {(room, version, paper): people for room, version, paper, people in session.execute(seated)},
        *counted,
    )


@dataclass(frozen=True, slots=True)
class Booked:
    """A candidate's paper in a sitting that has not been cancelled."""

    candidate_id: int
    sitting: Sitting
    paper: str
    span: Span


def _span_of(session: Session, registration: Registration, sitting: Sitting) -> Span:
    paper = paper_of(session, registration.blueprint_version_id, registration.paper)
    return paper_span(sitting.planned_start_at, paper, factor=registration.factor, extra=registration.extra)


def booked(session: Session, candidate_ids: Iterable[int]) -> list[Booked]:
    """Return the papers these candidates are registered for, cancelled sittings left out."""
    wanted = list(candidate_ids)
    if not wanted:
        return []
    query = (
        select(Registration, Sitting)
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .where(Registration.candidate_id.in_(wanted), Sitting.state != SittingState.CANCELLED.value)
    )
    return [
        Booked(
            registration.candidate_id, sitting, registration.paper, _span_of(session, registration, sitting)
        )
        for registration, sitting in session.execute(query)
    ]


def blueprint_uses(session: Session, version_ids: Sequence[int]) -> list[BatchUse]:
    """Return the batches that use these versions, the latest first."""
    if not version_ids:
        return []
    counts = (
        select(Registration.blueprint_version_id, Registration.sitting_id, func.count().label("people"))
        .where(Registration.blueprint_version_id.in_(version_ids))
        .group_by(Registration.blueprint_version_id, Registration.sitting_id)
        .subquery()
    )
    rows = session.execute(
        select(counts.c.blueprint_version_id, Batch.ref, Batch.name, func.sum(counts.c.people))
        .join(Sitting, Sitting.id == counts.c.sitting_id)
        .join(Batch, Batch.id == Sitting.batch_id)
        .group_by(counts.c.blueprint_version_id, Batch.id, Batch.ref, Batch.name)
        .order_by(Batch.id.desc(), counts.c.blueprint_version_id)
    )
    return [BatchUse(version, ref, name, int(people)) for version, ref, name, people in rows]
