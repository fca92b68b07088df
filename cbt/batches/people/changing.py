"""One registration changed before its paper is opened: level, paper, kind, accommodation, seat, room, sitting.

Source: R-7, R-16, R-30, R-43.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cbt.assembly.sources import DrawSources
from cbt.audit.chain import record
from cbt.batches.checks.concern import Concern
from cbt.batches.people.adding import close_withdrawals, draw_where_drawn, level_of
from cbt.batches.people.facts import differing, facts_of, reason_of
from cbt.batches.people.holding import (
    HeldPaper,
    HeldRoom,
    hold_paper,
    hold_rooms,
    holder_of,
    is_met,
    room_ids,
    seat_for,
    still_seen,
)
from cbt.batches.people.objecting import not_twice, object_to, spoken_against
from cbt.batches.people.placing import fits
from cbt.candidates.models import Registration
from cbt.candidates.reprinting import to_print_again
from cbt.candidates.steps import PaperTerms
from cbt.db.unit_of_work import unit_of_work
from cbt.delivery.paper.drawing import draw_forms, drawing_chance, sources_for
from cbt.delivery.paper.following import follow_room, set_aside
from cbt.door.seats.moving import move_to_seat
from cbt.errors import Conflict, InvalidInput, NotFound
from cbt.exams.store import paper_of
from cbt.rules.door.changing import RegistrationChange as Change
from cbt.rules.door.changing import hindrance
from cbt.rules.states.sitting import SittingState
from cbt.sittings.models import Batch, Seat
from cbt.sittings.planning.purposes import is_official
from cbt.sittings.store import batch_by_ref, seats_of_room

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


def change(
    *, batch_ref: str, registration_ref: str, order: ChangeOrder, now: datetime, actor: str
) -> list[Concern]:
    """Bring a registration to what an order says, all of it or nothing; return what was accepted about it.

    Its form moves with it; only another paper gets another form, and the former stays as it was frozen. Raise
    InvalidInput("person.nothing") where nothing differs, Conflict("person.changed") where somebody was quicker,
    ("person.started"|"person.met"|…) where it is no longer the office's, and as `seat_for`, `fits`, `not_twice`,
    `draw_forms` and `object_to` do.

    Source: R-7, R-16, R-30, R-43, R-60.
    """
    reason = reason_of(order.reason)
    sources = sources_for(order.version_id, [order.paper])
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
            known = spoken_against(session, [paper.registration])
            carried = _carry_out(
                session, batch, paper, place, order, sources=sources, now=now, actor=actor, reason=reason
            )
            if not carried:
                raise InvalidInput("person.nothing")
            seat = session.get_one(Seat, paper.registration.seat_id)
            concerns = object_to(session, [paper.registration], accepted=order.accepted, before=known)
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
            return concerns
    except IntegrityError as error:
        raise Conflict("person.changed") from error


def _carry_out(
    session: Session,
    batch: Batch,
    paper: HeldPaper,
    place: HeldRoom,
    order: ChangeOrder,
    *,
    sources: DrawSources,
    now: datetime,
    actor: str,
    reason: str,
) -> set[Change]:
    """Do what differs; return what did."""
    registration = paper.registration
    wanted = set(_differences(paper, place, order))
    for one in sorted(wanted):
        paper.allow(one)
    if place.sitting.purpose != paper.place.sitting.purpose:
        # Nobody is examined twice, or not at all, by a change of rooms: a trial has registrations of its own.
        raise Conflict("person.other_purpose", field="room", sitting=place.sitting.name)
    if Change.KIND in wanted:
        registration.kind = order.terms.kind
    if Change.TERMS in wanted:
        registration.factor, registration.extra = order.terms.factor, order.terms.extra
        registration.accommodation_note, registration.tools = order.terms.accommodation, order.terms.tools
    drawn = paper.attempt is not None
    if Change.PAPER in wanted:
        _other_paper(session, batch, paper, order)
    if Change.PLACE in wanted:
        _other_room(session, paper, place, order.seat)
    elif Change.SEAT in wanted:
        _other_seat(session, paper, order, now=now, actor=actor, reason=reason)
    session.flush()
    _form(session, paper, place, wanted, drawn=drawn, sources=sources, now=now)
    if Change.PAPER in wanted:
        close_withdrawals(session, registration, now=now, actor=actor)
    told = {Change.PAPER: "papers", Change.PLACE: "place", Change.SEAT: "seat"}
    for one, why in told.items():
        if one in wanted:
            to_print_again(session, [registration.ticket_id], why, now=now)
    return wanted


def _differences(paper: HeldPaper, place: HeldRoom, order: ChangeOrder) -> Iterator[Change]:
    registration, terms = paper.registration, order.terms
    if (registration.blueprint_version_id, registration.paper) != (order.version_id, order.paper):
        yield Change.PAPER
    if registration.kind != terms.kind:
        yield Change.KIND
    given = registration.factor, registration.extra, registration.accommodation_note, registration.tools
    if given != (terms.factor, terms.extra, terms.accommodation, terms.tools):
        yield Change.TERMS
    if registration.sitting_room_id != place.sitting_room.id:
        yield Change.PLACE
    elif order.seat is not None and order.seat != paper.seat.number:
        yield Change.SEAT


def _other_paper(session: Session, batch: Batch, paper: HeldPaper, order: ChangeOrder) -> None:
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


def _other_room(session: Session, paper: HeldPaper, place: HeldRoom, number: int | None) -> None:
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
    session: Session, paper: HeldPaper, order: ChangeOrder, *, now: datetime, actor: str, reason: str
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


def _may_swap(place: HeldRoom, other: Registration) -> None:
    why = hindrance(Change.SEAT, room=SittingState(place.sitting_room.state), met=is_met(other), begun=False)
    if why:
        raise Conflict("person.other_met", field="seat")


def _form(
    session: Session,
    paper: HeldPaper,
    place: HeldRoom,
    wanted: set[Change],
    *,
    drawn: bool,
    sources: DrawSources,
    now: datetime,
) -> None:
    """Have the form follow: a new one only for another paper, or where others of the sitting have theirs."""
    registration = paper.registration
    if drawn and Change.PAPER in wanted:
        number = session.get_one(Seat, registration.seat_id).number
        waiting = [(registration, number)]
        draw_forms(session, place.sitting, waiting, sources=sources, now=now, rng=drawing_chance())
    elif drawn and Change.PLACE in wanted:
        follow_room(session, registration)
    elif not drawn and wanted & {Change.PAPER, Change.PLACE}:
        seat = session.get_one(Seat, registration.seat_id)
        draw_where_drawn(session, [(registration, place, seat)], sources=sources, now=now)
