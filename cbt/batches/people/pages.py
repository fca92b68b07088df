"""What the pages about one person show, gathered in one reading each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.accounts.store import actor_names
from cbt.batches.people.finding import PersonLine, TakenPaper, lines_of
from cbt.batches.people.holding import is_met, seen_of
from cbt.batches.people.offers import LevelOffer, RoomOffer, free_seats, levels_of, rooms_of, suggested
from cbt.candidates.corrections.making import Corrected, corrections_of
from cbt.candidates.models import AdmissionTicket, Candidate, Registration, Withdrawal
from cbt.candidates.spacing import booked
from cbt.candidates.steps import PaperTerms
from cbt.candidates.store import has_started
from cbt.delivery.models import Attempt
from cbt.delivery.paper.following import is_begun
from cbt.errors import NotFound
from cbt.rules.door.changing import RegistrationChange, hindrance
from cbt.rules.states.sitting import SittingState
from cbt.sittings.models import Batch, Seat
from cbt.sittings.store import batch_by_ref

MOST_SEATS = 12
"""So many free seats are named."""


@dataclass(frozen=True, slots=True)
class PersonPage:
    """Somebody of a batch, with all their papers in it and what the office can do about each."""

    batch: Batch
    person: PersonLine
    hindered: dict[str, str]
    """Registration ref -> why it cannot be withdrawn any more; "" when it can."""
    fixed: frozenset[str]
    """Refs of registrations about which nothing is the office's any more."""
    started: bool
    """Whether name, number and photo need the chief by now."""
    corrections: list[Corrected]
    hands: dict[str, str]
    rooms: list[RoomOffer]

    @property
    def can_withdraw(self) -> list[TakenPaper]:
        """The papers that can be taken back."""
        return [one for one in self.person.papers if not self.hindered[one.registration.ref]]

    def former_room(self, withdrawal: Withdrawal) -> str:
        """Return the ref of the room a withdrawn paper was to be taken in, "" where nobody gets a seat any more."""
        refs = (
            one.sitting_room.ref for one in self.rooms if one.sitting_room.id == withdrawal.sitting_room_id
        )
        return next(refs, "")


@dataclass(frozen=True, slots=True)
class AddPage:
    """The form for somebody new, or another paper of somebody: levels, rooms, what is proposed for each paper."""

    batch: Batch
    levels: list[LevelOffer]
    level: LevelOffer | None
    rooms: list[RoomOffer]
    proposed: dict[str, RoomOffer]
    person: PersonLine | None
    taken: frozenset[str]
    """Papers of this level the person is registered for."""


@dataclass(frozen=True, slots=True)
class ChangePage:
    """The form for one registration."""

    batch: Batch
    person: PersonLine
    paper: TakenPaper
    levels: list[LevelOffer]
    rooms: list[RoomOffer]
    free: list[Seat]
    """Of the room it is in."""
    seen: str
    hindered: str
    """Why nothing of it is the office's any more; "" while something is."""
    fixed: str
    """Why paper, seat and sitting are not the office's any more."""

    @property
    def open(self) -> bool:
        """Whether its own room is among those somebody can be given a seat in."""
        return any(one.sitting_room.id == self.paper.sitting_room.id for one in self.rooms)

    @property
    def strange(self) -> bool:
        """Whether its paper is none of those the batch examines."""
        registration = self.paper.registration
        return not any(
            one.version_id == registration.blueprint_version_id
            and registration.paper in {paper.code for paper in one.papers}
            for one in self.levels
        )

    @property
    def free_numbers(self) -> str:
        """The first free seats of its room."""
        return " ".join(f"{one.number:02d}" for one in self.free[:MOST_SEATS]) or "—"


def person_page(session: Session, batch_ref: str, candidate_ref: str) -> PersonPage:
    """Return what the page of somebody in a batch shows; raise NotFound("person.unknown")."""
    batch = batch_by_ref(session, batch_ref)
    person = _line(session, batch, candidate_ref)
    candidate = person.candidate
    attempts = _attempts(session, person)
    corrections = corrections_of(session, candidate.id)
    hands = {hand for one in corrections for hand in (one.row.by, one.row.countersigned_by)}
    hands |= {one.by for one, _ in person.withdrawn}
    return PersonPage(
        batch=batch,
        person=person,
        hindered={
            one.registration.ref: _hindrance(one, attempts, RegistrationChange.WITHDRAW)
            for one in person.papers
        },
        fixed=frozenset(
            one.registration.ref
            for one in person.papers
            if all(_hindrance(one, attempts, change) for change in RegistrationChange)
        ),
        started=has_started(session, candidate.id),
        corrections=corrections,
        hands=actor_names(session, hands),
        rooms=rooms_of(session, batch) if person.withdrawn else [],
    )


def add_page(session: Session, batch_ref: str, *, version: int | None, candidate_ref: str) -> AddPage:
    """Return what the form of an addition shows for one level, the first where none is asked for."""
    batch = batch_by_ref(session, batch_ref)
    person = _line(session, batch, candidate_ref) if candidate_ref else None
    levels = levels_of(session, batch)
    own = {one.registration.blueprint_version_id for one in person.papers} if person else set()
    wanted = version if version is not None else next(iter(own), None)
    level = next((one for one in levels if one.version_id == wanted), levels[0] if levels else None)
    rooms = rooms_of(session, batch)
    taken = frozenset(
        one.registration.paper
        for one in (person.papers if person else ())
        if level is not None and one.registration.blueprint_ref == level.blueprint.ref
    )
    return AddPage(
        batch=batch,
        levels=levels,
        level=level,
        rooms=rooms,
        proposed=_proposed(session, level, rooms, person, taken),
        person=person,
        taken=taken,
    )


def _proposed(
    session: Session,
    level: LevelOffer | None,
    rooms: Sequence[RoomOffer],
    person: PersonLine | None,
    taken: frozenset[str],
) -> dict[str, RoomOffer]:
    if level is None:
        return {}
    spans = [one.span for one in booked(session, [person.candidate.id])] if person is not None else []
    left = [paper for paper in level.papers if paper.code not in taken]
    return suggested(rooms, level, left, terms=PaperTerms(), taken=spans)


def person_of(session: Session, registration_ref: str) -> tuple[str, str]:
    """Return the refs of the batch and the person of a registration; raise NotFound("registration.unknown")."""
    row = session.execute(
        select(Batch.ref, Candidate.ref)
        .join(AdmissionTicket, AdmissionTicket.batch_id == Batch.id)
        .join(Candidate, Candidate.id == AdmissionTicket.candidate_id)
        .join(Registration, Registration.ticket_id == AdmissionTicket.id)
        .where(Registration.ref == registration_ref)
    ).one_or_none()
    if row is None:
        raise NotFound("registration.unknown")
    return row[0], row[1]


def change_page(session: Session, batch_ref: str, registration_ref: str) -> ChangePage:
    """Return what the form of one registration shows; raise NotFound("registration.unknown")."""
    batch = batch_by_ref(session, batch_ref)
    of_batch, holder = person_of(session, registration_ref)
    if of_batch != batch.ref:
        raise NotFound("registration.unknown")
    person = _line(session, batch, holder)
    paper = next(one for one in person.papers if one.registration.ref == registration_ref)
    attempts = _attempts(session, person)
    return ChangePage(
        batch=batch,
        person=person,
        paper=paper,
        levels=levels_of(session, batch),
        rooms=rooms_of(session, batch),
        free=free_seats(session, paper.sitting_room),
        seen=seen_of(paper.registration),
        hindered=_hindrance(paper, attempts, RegistrationChange.TERMS)
        and _hindrance(paper, attempts, RegistrationChange.PLACE),
        fixed=_hindrance(paper, attempts, RegistrationChange.PAPER)
        and _hindrance(paper, attempts, RegistrationChange.PLACE),
    )


def _line(session: Session, batch: Batch, candidate_ref: str) -> PersonLine:
    found = session.execute(
        select(AdmissionTicket, Candidate)
        .join(Candidate, Candidate.id == AdmissionTicket.candidate_id)
        .where(Candidate.ref == candidate_ref, AdmissionTicket.batch_id == batch.id)
    ).one_or_none()
    if found is None:
        raise NotFound("person.unknown")
    (line,) = lines_of(session, [(found[0], found[1])])
    return line


def _attempts(session: Session, person: PersonLine) -> dict[int, Attempt]:
    ids = [one.registration.id for one in person.papers]
    query = select(Attempt).where(Attempt.registration_id.in_(ids))
    return {one.registration_id: one for one in session.scalars(query)}


def _hindrance(paper: TakenPaper, attempts: dict[int, Attempt], change: RegistrationChange) -> str:
    return hindrance(
        change,
        room=SittingState(paper.sitting_room.state),
        met=is_met(paper.registration),
        begun=is_begun(attempts.get(paper.registration.id)),
    )
