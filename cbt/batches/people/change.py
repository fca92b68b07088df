"""One registration changed before its paper is opened, withdrawn (退考), brought back; a person put right.

With a withdrawal the registration goes, so nobody expects its person and the seat is free; the ticket and its
number stay theirs. A form nobody saw is kept and comes back with the paper. Who somebody is, is put right by
the same 更正记录 as anywhere.

Source: R-7, R-15, R-16, R-30, R-43, R-60, R-64.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cbt.assembly.draw import DrawSources
from cbt.assembly.models import Form
from cbt.audit.chain import record
from cbt.batches.people.addition import (
    candidate_of,
    close_withdrawals,
    differing,
    draw_where_drawn,
    facts_of,
    level_of,
    not_twice,
    object_to,
    spoken_against,
)
from cbt.batches.people.placement import (
    LockedRegistration,
    LockedRoom,
    draw_sources,
    fits,
    hold_paper,
    hold_rooms,
    holder_of,
    is_met,
    room_ids,
    seat_for,
    still_seen,
)
from cbt.blueprints.store import paper_of
from cbt.candidates.corrections import Correction, correct_candidate
from cbt.candidates.models import AdmissionTicket, Candidate, Registration, Withdrawal
from cbt.candidates.registration import (
    PaperTerms,
    SeatedPaper,
    nothing_to_print,
    reason_of,
    register,
    to_print_again,
)
from cbt.door.seats import move_to_seat
from cbt.errors import Conflict, InvalidInput, NotFound
from cbt.personal import DETAILS
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.planning.changes import RegistrationChange, hindrance
from cbt.rules.states import SittingState
from cbt.runner.paper.draw import draw_forms, drawing_chance, follow_room, give_back, set_aside, sources_for
from cbt.sittings.models import Batch, Seat, Sitting
from cbt.sittings.store import batch_by_ref, is_official, seats_of_room
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import reading, unit_of_work

_AT_THE_DOOR = (
    "arrived_at", "checked_in_at", "document_shown", "document_last_four_sealed", "absent_at", "absent_cause",
    "login_code_hash", "login_code_until", "signed_in_at", "confirmed_at", "query_at",
    "query_words_sealed", "pledged_at", "sign_in_allowed_at", "left_at", "elsewhere_at", "elsewhere_address",
)  # fmt: skip
"""What the door of a sitting that was cancelled knew; another sitting knows nothing of it."""


@dataclass(frozen=True, slots=True)
class ChangeOrder:
    """How a registration is to be; `seat` None is the one it has, in another room the first free one."""

    version_id: int
    paper: str
    terms: PaperTerms
    room_ref: str
    seat: int | None
    swap: bool
    reason: str
    seen: str
    accepted: bool = False


def change(*, batch_ref: str, registration_ref: str, order: ChangeOrder, now: datetime, actor: str) -> None:
    """Bring a registration to what an order says, all of it or nothing.

    Its form moves with it; only another paper gets another form, and the former stays as it was frozen. Raise
    InvalidInput("person.nothing") where nothing differs, Conflict("person.changed") where somebody was quicker,
    ("person.started"|"person.met"|…) where it is no longer the office's, and as `seat_for`, `fits`, `not_twice`,
    `draw_forms` and `object_to` do.

    Source: R-7, R-16, R-30, R-43, R-60.
    """
    reason = reason_of(order.reason)
    sources = draw_sources(order.version_id, [order.paper])
    try:
        with unit_of_work() as session:
            batch = batch_by_ref(session, batch_ref)
            target = room_ids(session, batch, {order.room_ref}).get(order.room_ref)
            if target is None:
                raise NotFound("sitting.room_unknown")
            paper = hold_paper(session, batch, registration_ref, target=target)
            still_seen(paper.registration, order.seen)
            place = hold_rooms(session, batch, {target})[target]
            before = facts_of(paper.registration, paper.place, paper.seat)
            touched = [paper.registration, *_swaps_with(session, paper, place, order)]
            earlier = spoken_against(session, touched)
            carried = _carry_out(
                session, batch, paper, place, order, sources=sources, now=now, actor=actor, reason=reason
            )
            if not carried:
                raise InvalidInput("person.nothing")
            seat = session.get_one(Seat, paper.registration.seat_id)
            for other in touched[1:]:
                session.refresh(other)
            concerns = object_to(session, touched, accepted=order.accepted, before=earlier)
            was, becomes = differing(before, facts_of(paper.registration, place, seat))
            if concerns:
                becomes["accepted"] = sorted({one.code for one in concerns})
            record(
                session,
                at=now,
                actor=actor,
                act="registration.change",
                subject=f"registration:{registration_ref}",
                reason=reason,
                before=was,
                after=becomes,
            )
    except IntegrityError as error:
        raise Conflict("person.changed") from error


def _carry_out(
    session: Session,
    batch: Batch,
    paper: LockedRegistration,
    place: LockedRoom,
    order: ChangeOrder,
    *,
    sources: DrawSources,
    now: datetime,
    actor: str,
    reason: str,
) -> set[RegistrationChange]:
    """Do what differs; return what did."""
    registration = paper.registration
    wanted = set(_differences(paper, place, order))
    for wanted_change in sorted(wanted):
        paper.allow(wanted_change)
    if place.sitting.purpose != paper.place.sitting.purpose:
        # Nobody is examined twice, or not at all, by a change of rooms: a trial has registrations of its own.
        raise Conflict("person.other_purpose", field="room", sitting=place.sitting.name)
    if RegistrationChange.KIND in wanted:
        registration.kind = order.terms.kind
    if RegistrationChange.TERMS in wanted:
        registration.factor, registration.extra = order.terms.factor, order.terms.extra
        registration.accommodation_note, registration.tools = order.terms.accommodation, order.terms.tools
    drawn = paper.attempt is not None
    if RegistrationChange.PAPER in wanted:
        _other_paper(session, batch, paper, order)
    if RegistrationChange.PLACE in wanted:
        _other_room(session, paper, place, order.seat)
    elif RegistrationChange.SEAT in wanted:
        _other_seat(session, paper, order, now=now, actor=actor, reason=reason)
    session.flush()
    _form(session, paper, place, wanted, drawn=drawn, sources=sources, now=now)
    if RegistrationChange.PAPER in wanted:
        close_withdrawals(session, registration, now=now, actor=actor)
    change_fields = {
        RegistrationChange.PAPER: "papers",
        RegistrationChange.PLACE: "place",
        RegistrationChange.SEAT: "seat",
    }
    for wanted_change, why in change_fields.items():
        if wanted_change in wanted:
            to_print_again(session, [registration.ticket_id], why, now=now)
    return wanted


def _differences(
    paper: LockedRegistration, place: LockedRoom, order: ChangeOrder
) -> Iterator[RegistrationChange]:
    registration, terms = paper.registration, order.terms
    if (registration.blueprint_version_id, registration.paper) != (order.version_id, order.paper):
        yield RegistrationChange.PAPER
    if registration.kind != terms.kind:
        yield RegistrationChange.KIND
    accommodation = (
        registration.factor,
        registration.extra,
        registration.accommodation_note,
        registration.tools,
    )
    if accommodation != (terms.factor, terms.extra, terms.accommodation, terms.tools):
        yield RegistrationChange.TERMS
    if registration.sitting_room_id != place.sitting_room.id:
        yield RegistrationChange.PLACE
    elif order.seat is not None and order.seat != paper.seat.number:
        yield RegistrationChange.SEAT


def _other_paper(session: Session, batch: Batch, paper: LockedRegistration, order: ChangeOrder) -> None:
    registration = paper.registration
    level = level_of(session, batch, order.version_id)
    if order.paper not in {one.code for one in level.papers}:
        raise InvalidInput("person.no_paper", field="paper")
    if is_official(paper.place.sitting):
        not_twice(
            session,
            ticket_id=registration.ticket_id,
            version_ref=level.blueprint.ref,
            paper=order.paper,
            besides=registration.id,
        )
    # Nobody saw the form; it stays as it was frozen.
    set_aside(session, registration)
    registration.blueprint_version_id, registration.blueprint_ref = level.version_id, level.blueprint.ref
    registration.paper = order.paper


def _other_room(session: Session, paper: LockedRegistration, place: LockedRoom, number: int | None) -> None:
    registration = paper.registration
    wanted = paper_of(session, registration.blueprint_version_id, registration.paper)
    fits(place, wanted)
    seat = seat_for(session, place, number)
    if paper.place.sitting.id != place.sitting.id:
        for name in _AT_THE_DOOR:
            setattr(registration, name, None)
    registration.sitting_id, registration.sitting_room_id = place.sitting.id, place.sitting_room.id
    registration.seat_id = seat.id


def _other_seat(
    session: Session, paper: LockedRegistration, order: ChangeOrder, *, now: datetime, actor: str, reason: str
) -> None:
    place = paper.place
    seats = {one.number: one for one in seats_of_room(session, place.room.id)}
    seat = seats.get(order.seat or 0)
    if seat is None:
        raise InvalidInput("person.no_such_seat", field="seat", room=place.room.name, number=order.seat)
    other = holder_of(session, place, seat)
    if other is not None:
        if not order.swap:
            raise InvalidInput("person.seat_held", field="seat", room=place.room.name, number=order.seat)
        _may_swap(place, other)
        to_print_again(session, [other.ticket_id], "seat", now=now)
    move_to_seat(session, paper.registration, seat, now=now, actor=actor, reason=reason)


def _swaps_with(
    session: Session, paper: LockedRegistration, place: LockedRoom, order: ChangeOrder
) -> list[Registration]:
    """Return who sits at the seat that is asked for, where the two are to exchange theirs; nobody else."""
    if not order.swap or place.sitting_room.id != paper.registration.sitting_room_id:
        return []
    wanted = [one for one in seats_of_room(session, place.room.id) if one.number == order.seat]
    holders = (holder_of(session, place, seat) for seat in wanted)
    return [one for one in holders if one is not None and one.id != paper.registration.id]


def _may_swap(place: LockedRoom, other: Registration) -> None:
    why = hindrance(
        RegistrationChange.SEAT, room=SittingState(place.sitting_room.state), met=is_met(other), begun=False
    )
    if why:
        raise Conflict("person.other_met", field="seat")


def _form(
    session: Session,
    paper: LockedRegistration,
    place: LockedRoom,
    wanted: set[RegistrationChange],
    *,
    drawn: bool,
    sources: DrawSources,
    now: datetime,
) -> None:
    """Have the form follow: a new one only for another paper, or where others of the sitting have theirs."""
    registration = paper.registration
    if drawn and RegistrationChange.PAPER in wanted:
        number = session.get_one(Seat, registration.seat_id).number
        waiting = [(registration, number)]
        draw_forms(session, place.sitting, waiting, sources=sources, now=now, rng=drawing_chance())
    elif drawn and RegistrationChange.PLACE in wanted:
        follow_room(session, registration)
    elif not drawn and wanted & {RegistrationChange.PAPER, RegistrationChange.PLACE}:
        seat = session.get_one(Seat, registration.seat_id)
        draw_where_drawn(session, [(registration, place, seat)], sources=sources, now=now)


def person_seen(candidate: Candidate) -> str:
    """Return what shows, sent back with a form, whether a person is still as their page showed them."""
    held: list[str | bytes | None] = [getattr(candidate, detail.column) for detail in DETAILS.values()]
    details = [one.hex() if isinstance(one, bytes) else one or "" for one in held]
    facts = [candidate.ref, candidate.name, candidate.document_index, *details]
    return digest(canonical_json(facts))[:16]


def put_right(
    *, batch_ref: str, candidate_ref: str, correction: Correction, seen: str, now: datetime, actor: str
) -> None:
    """Put somebody's name, number, photo or details right, and keep old, new and why.

    Raise NotFound("person.unknown"), Conflict("person.changed") when somebody was quicker, and as
    `correct_candidate` does: once a sitting of theirs has started, name, number and photo need the chief.

    Source: R-15.
    """
    try:
        with unit_of_work() as session:
            batch = batch_by_ref(session, batch_ref)
            candidate = session.scalar(
                select(Candidate)
                .join(AdmissionTicket, AdmissionTicket.candidate_id == Candidate.id)
                .where(Candidate.ref == candidate_ref, AdmissionTicket.batch_id == batch.id)
                .with_for_update(of=Candidate)
            )
            if candidate is None:
                raise NotFound("person.unknown")
            if seen != person_seen(candidate):
                raise Conflict("person.changed")
            correct_candidate(session, candidate, correction, now=now, actor=actor)
    except IntegrityError as error:
        raise Conflict("correction.number_taken") from error


def withdraw(
    *, batch_ref: str, candidate_ref: str, registration_ref: str, reason: str, now: datetime, actor: str
) -> int:
    """Take back one paper of somebody, "" for all of them in a batch; return how many.

    All of them or none. Raise Conflict("person.started"|"person.met"|…) where one is no longer the office's,
    ("person.on_record") where the log of a room knows of one, NotFound("registration.unknown") where there is none.

    Source: R-12, R-60.
    """
    reason = reason_of(reason)
    try:
        with unit_of_work() as session:
            batch = batch_by_ref(session, batch_ref)
            candidate = candidate_of(session, batch, candidate_ref)
            query = (
                select(Registration.ref, Registration.sitting_room_id)
                .join(Sitting, Sitting.id == Registration.sitting_id)
                .where(Registration.candidate_id == candidate.id, Sitting.batch_id == batch.id)
            )
            if registration_ref:
                query = query.where(Registration.ref == registration_ref)
            papers = session.execute(query.order_by(Registration.id)).all()
            if not papers:
                raise NotFound("registration.unknown")
            hold_rooms(session, batch, {room_id for _, room_id in papers})
            for ref, _ in papers:
                _take_back(session, hold_paper(session, batch, ref), reason=reason, now=now, actor=actor)
            return len(papers)
    except IntegrityError as error:
        # What a proctor wrote down about this registration keeps it where it is.
        raise Conflict("person.on_record") from error


def _take_back(
    session: Session, paper: LockedRegistration, *, reason: str, now: datetime, actor: str
) -> None:
    paper.allow(RegistrationChange.WITHDRAW)
    registration = paper.registration
    form = set_aside(session, registration)
    withdrawal = Withdrawal(
        ref=new_ref("wd"),
        candidate_id=registration.candidate_id,
        ticket_id=registration.ticket_id,
        registration_ref=registration.ref,
        sitting_id=registration.sitting_id,
        sitting_room_id=registration.sitting_room_id,
        seat_id=registration.seat_id,
        blueprint_version_id=registration.blueprint_version_id,
        blueprint_ref=registration.blueprint_ref,
        paper=registration.paper,
        kind=registration.kind,
        factor=registration.factor,
        extra=registration.extra,
        accommodation_note=registration.accommodation_note,
        tools=registration.tools,
        eligibility=registration.eligibility,
        note=registration.note,
        form_id=form.id if form is not None else None,
        reason=reason,
        at=now,
        by=actor,
    )
    before = facts_of(registration, paper.place, paper.seat)
    session.add(withdrawal)
    session.delete(registration)
    session.flush()
    left = select(Registration.id).where(Registration.ticket_id == withdrawal.ticket_id).limit(1)
    if session.scalar(left) is None:
        nothing_to_print(session, withdrawal.ticket_id)
    else:
        to_print_again(session, [withdrawal.ticket_id], "papers", now=now)
    record(
        session,
        at=now,
        actor=actor,
        act="registration.withdraw",
        subject=f"registration:{withdrawal.registration_ref}",
        reason=reason,
        before=before,
        after={"form": form.ref} if form is not None else {},
    )


def bring_back(
    *,
    batch_ref: str,
    withdrawal_ref: str,
    room_ref: str,
    seat: int | None,
    reason: str,
    accepted: bool,
    now: datetime,
    actor: str,
) -> None:
    """Register somebody again for a paper that was withdrawn, with the form it had.

    Raise Conflict("person.not_withdrawn") where it was brought back already, and as `seat_for`, `fits`, `not_twice`
    and `object_to` do.

    Source: R-7, R-43.
    """
    reason = reason_of(reason)
    with reading() as session:
        shown = _open_withdrawal(session, batch_by_ref(session, batch_ref), withdrawal_ref, lock=False)
        sources = sources_for(shown.blueprint_version_id, [] if shown.form_id else [shown.paper])
    try:
        with unit_of_work() as session:
            batch = batch_by_ref(session, batch_ref)
            target = room_ids(session, batch, {room_ref}).get(room_ref)
            if target is None:
                raise NotFound("sitting.room_unknown")
            place = hold_rooms(session, batch, {target})[target]
            withdrawal = _open_withdrawal(session, batch, withdrawal_ref)
            fits(place, paper_of(session, withdrawal.blueprint_version_id, withdrawal.paper))
            ticket = session.get_one(AdmissionTicket, withdrawal.ticket_id)
            if is_official(place.sitting):
                not_twice(
                    session,
                    ticket_id=ticket.id,
                    version_ref=withdrawal.blueprint_ref,
                    paper=withdrawal.paper,
                )
            chosen = seat_for(session, place, seat)
            seated = SeatedPaper(
                withdrawal.blueprint_version_id,
                withdrawal.blueprint_ref,
                withdrawal.paper,
                place.sitting_room.id,
                chosen.id,
            )
            registration = register(session, place.sitting, ticket, seated, _terms(withdrawal))
            registration.ref = withdrawal.registration_ref
            withdrawal.back_at, withdrawal.back_by = now, actor
            session.flush()
            if withdrawal.form_id is not None:
                give_back(session, registration, session.get_one(Form, withdrawal.form_id))
            else:
                draw_where_drawn(session, [(registration, place, chosen)], sources=sources, now=now)
            object_to(session, [registration], accepted=accepted)
            to_print_again(session, [ticket.id], "papers", now=now)
            record(
                session,
                at=now,
                actor=actor,
                act="registration.bring_back",
                subject=f"registration:{registration.ref}",
                reason=reason,
                after=facts_of(registration, place, chosen),
            )
    except IntegrityError as error:
        raise Conflict("person.changed") from error


def _open_withdrawal(session: Session, batch: Batch, ref: str, *, lock: bool = True) -> Withdrawal:
    query = (
        select(Withdrawal)
        .join(AdmissionTicket, AdmissionTicket.id == Withdrawal.ticket_id)
        .where(Withdrawal.ref == ref, AdmissionTicket.batch_id == batch.id)
    )
    withdrawal = session.scalar(query.with_for_update(of=Withdrawal) if lock else query)
    if withdrawal is None:
        raise NotFound("registration.unknown")
    if withdrawal.back_at is not None:
        raise Conflict("person.not_withdrawn")
    return withdrawal


def _terms(withdrawal: Withdrawal) -> PaperTerms:
    return PaperTerms(
        withdrawal.kind,
        withdrawal.factor,
        withdrawal.extra,
        withdrawal.accommodation_note,
        withdrawal.eligibility,
        withdrawal.note,
        withdrawal.tools,
    )
