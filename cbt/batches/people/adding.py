"""添加考生: somebody registered for one or more papers by hand, before and after the draw.

Source: R-7, R-16, R-43.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cbt.assembly.sources import DrawSources
from cbt.audit.chain import record
from cbt.batches.checks.concern import Concern
from cbt.batches.people.facts import facts_of, reason_of
from cbt.batches.people.holding import HeldRoom, seat_for
from cbt.batches.people.objecting import not_twice, object_to
from cbt.batches.people.offers import LevelOffer, levels_of
from cbt.batches.people.placing import WishedPaper, places_for
from cbt.candidates import steps
from cbt.candidates.models import AdmissionTicket, Candidate, Registration, Withdrawal
from cbt.candidates.reprinting import to_print_again
from cbt.db.unit_of_work import unit_of_work
from cbt.delivery.paper.drawing import draw_forms, drawing_chance, sources_for
from cbt.delivery.paper.following import is_drawn
from cbt.errors import Conflict, InvalidInput, NotFound
from cbt.personal.numbers import document_index
from cbt.rules.door.admission import same_name
from cbt.sittings.models import Batch, Seat
from cbt.sittings.planning.purposes import is_official
from cbt.sittings.store import batch_by_ref


@dataclass(frozen=True, slots=True)
class Addition:
    """Who is to be registered for what; `candidate_ref` for somebody the batch knows, else `person`."""

    version_id: int
    papers: tuple[WishedPaper, ...]
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
    place: HeldRoom
    seat: Seat


def add(*, batch_ref: str, addition: Addition, now: datetime, actor: str) -> Added:
    """Register somebody for papers of a batch; where forms are drawn already, theirs is drawn too.

    All of it or nothing. Raise InvalidInput("candidates.reason"|"person.level"|"person.name_differs"),
    Conflict("person.changed") when somebody else was quicker, and as `places_for`, `seat_for`, `not_twice`,
    `draw_forms` and `object_to` do.

    Source: R-7, R-16, R-43.
    """
    reason = reason_of(addition.reason)
    sources = sources_for(addition.version_id, [wished.paper for wished in addition.papers])
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
            for one in made:
                registration = one.registration
                close_withdrawals(session, registration, now=now, actor=actor)
                after = facts_of(registration, one.place, one.seat)
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
    known = session.scalar(select(Candidate).where(Candidate.document_index == index))
    if known is None:
        known = steps.add_candidate(session, person, now=now)
        session.flush()
    elif not same_name(known.name, person.name):
        raise InvalidInput("person.name_differs", field="name")
    return known


def candidate_of(session: Session, batch: Batch, ref: str) -> Candidate:
    """Return somebody with a ticket of a batch; raise NotFound("person.unknown")."""
    found = session.scalar(
        select(Candidate)
        .join(AdmissionTicket, AdmissionTicket.candidate_id == Candidate.id)
        .where(Candidate.ref == ref, AdmissionTicket.batch_id == batch.id)
    )
    if found is None:
        raise NotFound("person.unknown")
    return found


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
    for one in addition.papers:
        if one.room_ref:
            continue  # it may be a trial's
        not_twice(session, ticket_id=ticket_id, version_ref=level.blueprint.ref, paper=one.paper)


def draw_where_drawn(
    session: Session,
    made: Sequence[tuple[Registration, HeldRoom, Seat]],
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
