"""退考: a paper taken back before its start, with a reason, and brought back.

The registration goes, so nobody expects its person and the seat is free; the ticket and its number stay theirs. A
form nobody saw is kept and comes back with the paper.

Source: R-43, R-60, R-64.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cbt.assembly.models import Form
from cbt.audit.chain import record
from cbt.batches.checks.concern import Concern
from cbt.batches.people.adding import candidate_of, draw_where_drawn
from cbt.batches.people.facts import facts_of, reason_of
from cbt.batches.people.holding import HeldPaper, hold_paper, hold_rooms, room_ids, seat_for
from cbt.batches.people.objecting import not_twice, object_to
from cbt.batches.people.placing import fits
from cbt.candidates.models import AdmissionTicket, Registration, Withdrawal
from cbt.candidates.reprinting import nothing_to_print, to_print_again
from cbt.candidates.steps import PaperTerms, SeatedPaper, register
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.delivery.paper.drawing import sources_for
from cbt.delivery.paper.following import give_back, set_aside
from cbt.errors import Conflict, NotFound
from cbt.exams.store import paper_of
from cbt.rules.door.changing import RegistrationChange
from cbt.sittings.models import Batch, Sitting
from cbt.sittings.planning.purposes import is_official
from cbt.sittings.store import batch_by_ref
from cbt.web.refs import new_ref


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
            found = session.execute(query.order_by(Registration.id)).all()
            if not found:
                raise NotFound("registration.unknown")
            hold_rooms(session, batch, {room_id for _, room_id in found})
            for ref, _ in found:
                _take_back(session, hold_paper(session, batch, ref), reason=reason, now=now, actor=actor)
            return len(found)
    except IntegrityError as error:
        # What a proctor wrote down about this registration keeps it where it is.
        raise Conflict("person.on_record") from error


def _take_back(session: Session, paper: HeldPaper, *, reason: str, now: datetime, actor: str) -> None:
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
) -> list[Concern]:
    """Register somebody again for a paper that was withdrawn, with the form it had; return what was accepted.

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
            concerns = object_to(session, [registration], accepted=accepted)
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
            return concerns
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
