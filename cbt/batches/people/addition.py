"""添加考生: somebody registered by hand for papers of a batch, before and after the draw.

What the rules say against it stops it, or is read and accepted. The log says what was registered and the
reason: no name, no number.

Source: R-4, R-7, R-8, R-16, R-43, R-64.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cbt.assembly.draw import DrawSources
from cbt.audit.chain import record
from cbt.batches.checks.concern import Concern
from cbt.batches.checks.people import checks_of_registered
from cbt.batches.people.placement import (
    LevelOffer,
    LockedRoom,
    PaperWish,
    draw_sources,
    levels_of,
    places_for,
    seat_for,
)
from cbt.candidates import registration as steps
from cbt.candidates.models import AdmissionTicket, Candidate, Registration, Withdrawal
from cbt.candidates.registration import reason_of, to_print_again
from cbt.errors import Conflict, InvalidInput, NotFound
from cbt.personal import document_index
from cbt.rules.door import same_name
from cbt.rules.exam import tools_in
from cbt.rules.states import SittingState
from cbt.runner.paper.draw import alike_beside, draw_forms, drawing_chance, is_drawn
from cbt.sittings.models import Batch, Seat, Sitting, SittingRoom
from cbt.sittings.store import batch_by_ref, is_official, official_only
from cbt.storage.unit_of_work import unit_of_work

Facts = dict[str, object]


def facts_of(registration: Registration, place: LockedRoom, seat: Seat) -> Facts:
    """Return what is changeable about a registration, as an entry of the log has it."""
    return {
        "level": registration.blueprint_ref,
        "version": registration.blueprint_version_id,
        "paper": registration.paper,
        "kind": registration.kind,
        "factor": str(registration.factor),
        "extra_seconds": int(registration.extra.total_seconds()),
        "tools": tools_in(registration.tools),
        "sitting": place.sitting.ref,
        "room": place.room.name,
        "seat": seat.number,
    }


def differing(before: Facts, after: Facts) -> tuple[Facts, Facts]:
    """Return of two such facts what differs."""
    names = [name for name in before if before[name] != after[name]]
    return {name: before[name] for name in names}, {name: after[name] for name in names}


_GONE = (SittingState.CANCELLED.value, SittingState.ABORTED.value)


def spoken_against(session: Session, registrations: Collection[Registration]) -> list[Concern]:
    """Return what the rules say against registrations as this unit of work has them."""
    session.flush()
    beside = (_beside(session, one) for one in registrations)
    return [*checks_of_registered(session, registrations), *(one for one in beside if one is not None)]


def _beside(session: Session, registration: Registration) -> Concern | None:
    """Return that a neighbour has the same case, where a form was taken along: a draw sees to it itself.

    Source: R-8.
    """
    number = session.get_one(Seat, registration.seat_id).number
    seats = alike_beside(session, registration, number)
    if not seats:
        return None
    sitting = session.get_one(Sitting, registration.sitting_id)
    numbers = " ".join(f"{one:02d}" for one in seats)
    return Concern("case_beside", sitting.ref, {"seat": f"{number:02d}", "beside": numbers})


def object_to(
    session: Session,
    registrations: Collection[Registration],
    *,
    accepted: bool,
    before: Collection[Concern] = (),
) -> list[Concern]:
    """Hold what was written in this unit of work against the rules; return what warns and was accepted.

    What was so `before` keeps nobody from mending something else. Raise Conflict("person.stopped") with `concerns`,
    ("person.warned") unless what warns was `accepted`: the unit of work is rolled back then.
    """
    earlier = {(one.code, one.text) for one in before}
    concerns = [one for one in spoken_against(session, registrations) if (one.code, one.text) not in earlier]
    stops = [one for one in concerns if one.stops]
    if stops:
        raise Conflict("person.stopped", concerns=stops, count=len(stops))
    if concerns and not accepted:
        raise Conflict("person.warned", concerns=concerns, count=len(concerns))
    return concerns


def not_twice(
    session: Session, *, ticket_id: int, version_ref: str, paper: str, besides: int | None = None
) -> None:
    """Raise Conflict("person.already") for a paper the holder of a ticket is registered for in another sitting.

    What was cancelled or aborted is not in the way: its people get a fresh sitting. Nor is a trial or practice.

    Source: R-7, R-60.
    """
    query = (
        select(Sitting.name)
        .join(Registration, Registration.sitting_id == Sitting.id)
        .join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
        .where(
            Registration.ticket_id == ticket_id,
            Registration.blueprint_ref == version_ref,
            Registration.paper == paper,
            SittingRoom.state.not_in(_GONE),
            official_only(),
        )
    )
    if besides is not None:
        query = query.where(Registration.id != besides)
    name = session.scalar(query.limit(1))
    if name is not None:
        raise Conflict("person.already", field="paper", sitting=name)


@dataclass(frozen=True, slots=True)
class Addition:
    """Who is to be registered for what; `candidate_ref` for somebody the batch knows, else `person`."""

    version_id: int
    papers: tuple[PaperWish, ...]
    terms: steps.PaperTerms
    reason: str
    person: steps.NewPerson | None = None
    candidate_ref: str = ""
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class Added:
    """Whose page to go to, and what was accepted about it."""

    candidate_ref: str
    name: str
    concerns: tuple[Concern, ...]


@dataclass(frozen=True, slots=True)
class _Made:
    registration: Registration
    place: LockedRoom
    seat: Seat


def add(*, batch_ref: str, addition: Addition, now: datetime, actor: str) -> Added:
    """Register somebody for papers of a batch; where forms are drawn already, theirs is drawn too.

    All of it or nothing. Raise InvalidInput("candidates.reason"|"person.level"|"person.name_differs"),
    Conflict("person.changed") when somebody else was quicker, and as `places_for`, `seat_for`, `not_twice`,
    `draw_forms` and `object_to` do.

    Source: R-7, R-16, R-43.
    """
    reason = reason_of(addition.reason)
    sources = draw_sources(addition.version_id, [wished.paper for wished in addition.papers])
    try:
        with unit_of_work() as session:
            batch = batch_by_ref(session, batch_ref)
            level = level_of(session, batch, addition.version_id)
            candidate = _candidate(session, batch, addition, now=now)
            made, again = _register(session, batch, level, candidate, addition)
            places = [(one.registration, one.place, one.seat) for one in made]
            draw_where_drawn(session, places, sources=sources, now=now)
            concerns = object_to(session, [one.registration for one in made], accepted=addition.accepted)
            if again is not None:
                to_print_again(session, [again.id], "papers", now=now)
            for made_paper in made:
                registration = made_paper.registration
                close_withdrawals(session, registration, now=now, actor=actor)
                after = facts_of(registration, made_paper.place, made_paper.seat)
                if concerns:
                    after["accepted"] = sorted({concern.code for concern in concerns})
                subject = f"registration:{registration.ref}"
                record(
                    session,
                    at=now,
                    actor=actor,
                    act="registration.add",
                    subject=subject,
                    reason=reason,
                    after=after,
                )
            return Added(candidate.ref, candidate.name, tuple(concerns))
    except IntegrityError as error:
        # Somebody else took the seat or registered the same person between reading and commit (PostgreSQL).
        raise Conflict("person.changed") from error


def level_of(session: Session, batch: Batch, version_id: int) -> LevelOffer:
    """Return a level of a batch; raise InvalidInput("person.level")."""
    for level in levels_of(session, batch):
        if level.version_id == version_id:
            return level
    raise InvalidInput("person.level", field="level")


def _candidate(session: Session, batch: Batch, addition: Addition, *, now: datetime) -> Candidate:
    person = addition.person
    if person is None:
        return candidate_of(session, batch, addition.candidate_ref)
    index = document_index(person.document_number)
    candidate = session.scalar(select(Candidate).where(Candidate.document_index == index))
    if candidate is None:
        candidate = steps.add_candidate(session, person, now=now)
        session.flush()
    elif not same_name(candidate.name, person.name):
        raise InvalidInput("person.name_differs", field="name")
    return candidate


def candidate_of(session: Session, batch: Batch, ref: str) -> Candidate:
    """Return somebody with a ticket of a batch; raise NotFound("person.unknown")."""
    candidate = session.scalar(
        select(Candidate)
        .join(AdmissionTicket, AdmissionTicket.candidate_id == Candidate.id)
        .where(Candidate.ref == ref, AdmissionTicket.batch_id == batch.id)
    )
    if candidate is None:
        raise NotFound("person.unknown")
    return candidate


def ticket_in(session: Session, batch: Batch, candidate: Candidate) -> AdmissionTicket | None:
    """Return somebody's ticket of a batch, locked: two who register one person take turns; None without one."""
    return session.scalar(
        select(AdmissionTicket)
        .where(AdmissionTicket.batch_id == batch.id, AdmissionTicket.candidate_id == candidate.id)
        .with_for_update()
    )


def _register(
    session: Session, batch: Batch, level: LevelOffer, candidate: Candidate, addition: Addition
) -> tuple[list[_Made], AdmissionTicket | None]:
    """Register for each paper; return what was made, and the ticket where there was one before."""
    _new_to(session, batch, level, candidate, addition)
    places = places_for(
        session, batch, level, addition.papers, terms=addition.terms, candidate_id=candidate.id
    )
    before = ticket_in(session, batch, candidate)
    first = min((one.sitting for one in places.values()), key=lambda one: one.planned_start_at)
    ticket = before or steps.ticket_of(session, first, candidate)
    made = []
    for wished in addition.papers:
        place = places[wished.paper]
        if is_official(place.sitting):
            not_twice(session, ticket_id=ticket.id, version_ref=level.blueprint.ref, paper=wished.paper)
        seat = seat_for(session, place, wished.seat, field=f"seat-{wished.paper}")
        seated = steps.SeatedPaper(
            level.version_id, level.blueprint.ref, wished.paper, place.sitting_room.id, seat.id
        )
        registration = steps.register(session, place.sitting, ticket, seated, addition.terms)
        session.flush()
        made.append(_Made(registration, place, seat))
    return made, before


def _new_to(
    session: Session, batch: Batch, level: LevelOffer, candidate: Candidate, addition: Addition
) -> None:
    """Say that a paper is registered already before a place is looked for; it is asked again under the lock."""
    ticket_id = session.scalar(
        select(AdmissionTicket.id).where(
            AdmissionTicket.batch_id == batch.id, AdmissionTicket.candidate_id == candidate.id
        )
    )
    if ticket_id is None:
        return
    for paper in addition.papers:
        if paper.room_ref:
            continue  # it may be a trial's
        not_twice(session, ticket_id=ticket_id, version_ref=level.blueprint.ref, paper=paper.paper)


def draw_where_drawn(
    session: Session,
    made: Sequence[tuple[Registration, LockedRoom, Seat]],
    *,
    sources: DrawSources,
    now: datetime,
) -> None:
    """Draw the forms of these registrations in the sittings whose others have theirs already. Source: R-43."""
    waiting: dict[int, list[tuple[Registration, int]]] = {}
    sittings = {place.sitting.id: place.sitting for _, place, _ in made}
    for registration, place, seat in made:
        waiting.setdefault(place.sitting.id, []).append((registration, seat.number))
    for sitting_id, some in waiting.items():
        if is_drawn(session, sittings[sitting_id]):
            sitting, rng = sittings[sitting_id], drawing_chance()
            draw_forms(session, sitting, some, sources=sources, now=now, rng=rng)


def close_withdrawals(session: Session, registration: Registration, *, now: datetime, actor: str) -> None:
    """Note that a paper which was withdrawn is registered again."""
    session.execute(
        update(Withdrawal)
        .where(
            Withdrawal.ticket_id == registration.ticket_id,
            Withdrawal.blueprint_ref == registration.blueprint_ref,
            Withdrawal.paper == registration.paper,
            Withdrawal.back_at.is_(None),
        )
        .values(back_at=now, back_by=actor)
    )
