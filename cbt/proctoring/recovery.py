"""导入作答恢复文件: a proctor brings in what a page could not deliver, as evidence.

Source: R-16, R-29, R-62.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.errors import Conflict, NotAllowed, NotFound
from cbt.http.auth.login import Principal
from cbt.proctoring.act import runs_room
from cbt.proctoring.desk import log_incident
from cbt.runner.models import Attempt, RecoveryImport
from cbt.runner.recovery_file import (
    ComparedAnswer,
    Recovery,
    Shelf,
    compare,
    keep_recovered,
    open_recovery,
    open_shelf,
    read_envelope,
    read_shelf,
    seal_secret,
)
from cbt.runner.save.attempt_row import AttemptInfo
from cbt.runner.save.journal import current_journal
from cbt.sittings.models import Seat, SittingRoom
from cbt.sittings.store import RoomView, room_for, room_view_for
from cbt.storage.unit_of_work import reading, unit_of_work


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose answers a file holds."""

    seat_number: int
    name: str
    ticket_number: str
    document_masked: str
    registration_id: int


@dataclass(frozen=True, slots=True)
class Past:
    """One file that was imported in this room before."""

    record: RecoveryImport
    seat_number: int
    name: str


@dataclass(frozen=True, slots=True)
class RecoveryPreview:
    """What a file would bring."""

    owner: Owner
    attempt: Attempt
    recovery: Recovery
    found: list[ComparedAnswer]

    @property
    def fresh(self) -> list[ComparedAnswer]:
        return [one for one in self.found if one.fresh]


def room_imports(room_ref: str, principal: Principal) -> tuple[RoomView, list[Past]]:
    """Return a room this person runs, and the files imported in it, the latest first."""
    with reading() as session:
        room = _room(session, room_ref, principal)
        view = room_view_for(session, room_ref, principal)
        query = (
            select(RecoveryImport, Seat.number, Candidate.name)
            .join(Attempt, Attempt.id == RecoveryImport.attempt_id)
            .join(Registration, Registration.id == Attempt.registration_id)
            .join(Seat, Seat.id == Registration.seat_id)
            .join(Candidate, Candidate.id == Registration.candidate_id)
            .where(Attempt.sitting_room_id == room.id)
            .order_by(RecoveryImport.id.desc())
        )
        return view, [Past(*row) for row in session.execute(query)]


def preview_recovery(room_ref: str, text: str, principal: Principal) -> RecoveryPreview:
    """Return what a file holds and what of it is new; nothing is stored.

    Raise what `read_envelope`, `open_recovery` and `compare` raise, Conflict("recovery.unknown") for an attempt
    or lease that never was, ("recovery.foreign") for a file of another room.
    """
    with reading() as session:
        room = _room(session, room_ref, principal)
        return _open(session, room, text)


def import_recovery(room_ref: str, text: str, principal: Principal, *, now: datetime) -> tuple[Owner, int]:
    """Keep what is new in a file as evidence; return whose it is and how many answers that is.

    Raise like `preview_recovery`, and Conflict("recovery.nothing_new").
    """
    with unit_of_work() as session:
        room = _room(session, room_ref, principal)
        session.execute(select(SittingRoom.id).where(SittingRoom.id == room.id).with_for_update())
        seen = _open(session, room, text)
        if not seen.fresh:
            raise Conflict("recovery.nothing_new")
        actor = principal.logged_as
        owner = select(Registration.id).where(Registration.id == seen.owner.registration_id)
        session.execute(owner.with_for_update(read=True, key_share=True)).all()  # before the paper
        count = keep_recovered(session, seen.attempt, seen.recovery, seen.found, now=now, actor=actor)
        log_incident(
            session,
            sitting_room_id=room.id,
            kind="recovered",
            at=now,
            by=actor,
            registration_id=seen.owner.registration_id,
            params={
                "name": seen.owner.name,
                "seat": f"{seen.owner.seat_number:02d}",
                "count": str(count),
                "who": principal.name,
            },
        )
        return seen.owner, count


def _room(session: Session, room_ref: str, principal: Principal) -> SittingRoom:
    room = room_for(session, room_ref, principal)
    if not runs_room(session, room, principal):
        raise NotAllowed("proctoring.not_assigned")
    return room


def _open(session: Session, room: SittingRoom, text: str) -> RecoveryPreview:
    sealed = read_shelf(text) or read_envelope(text)
    row = session.execute(
        select(
            Attempt,
            Registration.id,
            Seat.number,
            Candidate.name,
            AdmissionTicket.number,
            Candidate.document_masked,
        )
        .join(Registration, Registration.id == Attempt.registration_id)
        .join(Seat, Seat.id == Registration.seat_id)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .join(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
        .where(Attempt.ref == sealed.attempt_ref)
    ).one_or_none()
    if row is None or sealed.epoch > row[0].lease_epoch:
        raise Conflict("recovery.unknown")
    attempt, registration_id, seat_number, name, ticket, document = row
    personal_key: bytes = flask.current_app.config["PERSONAL_KEY"]
    if isinstance(sealed, Shelf):
        recovery = open_shelf(sealed, lambda epoch: seal_secret(personal_key, attempt.ref, epoch))
    else:
        recovery = open_recovery(sealed, seal_secret(personal_key, attempt.ref, sealed.epoch))
    if attempt.sitting_room_id != room.id:
        raise Conflict("recovery.foreign")
    owner = Owner(seat_number, name, ticket, document, registration_id)
    return RecoveryPreview(owner, attempt, recovery, compare(session, attempt, _info(attempt.ref), recovery))


def _info(attempt_ref: str) -> AttemptInfo:
    try:
        return current_journal().infos.get(attempt_ref)
    except NotFound as error:
        raise Conflict("recovery.unknown") from error
