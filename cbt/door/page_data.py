"""What the candidate's pages before the paper show: the seat, the papers to choose from, the person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from cbt.blueprints.store import blueprint_of
from cbt.candidates.models import Registration
from cbt.candidates.store import photo_of
from cbt.door import store
from cbt.door.admission import Door, PaperState, paper_states, room_refusal, seat_label
from cbt.door.arrival import Questioned, said_of
from cbt.door.seats import seat_of
from cbt.errors import NotFound
from cbt.http.auth.machine import Machine
from cbt.rules.exam.paper import Paper
from cbt.sittings.models import Centre, Room, Sitting
from cbt.sittings.planning.inputs import minutes_text
from cbt.sittings.store import late_rule_of
from cbt.storage.unit_of_work import reading

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class NextSitting:
    """What the seat page announces."""

    name: str
    starts_at: datetime
    sign_in_opens_at: datetime
    open: bool
    purpose: str


@dataclass(frozen=True, slots=True)
class SeatPage:
    """What the seat page says of its machine."""

    seat: str
    room: str
    centre: str
    undelivered: int
    next: NextSitting | None


@dataclass(frozen=True, slots=True)
class NoticeNumbers:
    """What 考场须知 is filled with: minutes as text, what the late limit counts from, the marks of the sitting."""

    late: str
    late_from: str
    earliest: str
    closed_before_end: str
    check_in_opens_at: datetime
    report_at: datetime
    sign_in_opens_at: datetime
    late_cutoff_at: datetime


@dataclass(frozen=True, slots=True)
class DoorView:
    """What a signed-in candidate sees of themselves and their paper; the number is masked."""

    name: str
    document_type: str
    document_masked: str
    ticket: str
    has_photo: bool
    seat: str
    room: str
    centre: str
    paper: str
    minutes: int
    starts_at: datetime
    started: bool
    step: str
    queried_at: datetime | None
    said: Questioned
    """What is wrong, by the words of this candidate; while a query is open."""
    numbers: NoticeNumbers
    purpose: str
    evacuated: bool
    """Whether everybody is to leave the room at once."""


@dataclass(frozen=True, slots=True)
class PaperOption:
    """One of the papers a candidate may pick when two are open."""

    registration_ref: str
    paper: str
    starts_at: datetime
    seat: str
    purpose: str


def seat_view(machine: Machine, *, now: datetime) -> SeatPage | None:
    """Return what the seat page of this machine shows; None while it is bound to no seat. Source: R-16."""
    with reading() as session:
        seat = seat_of(session, machine)
        if seat is None:
            return None
        room = session.get_one(Room, seat.room_id)
        centre = session.get_one(Centre, room.centre_id)
        coming = store.next_sitting(session, room.id)
        announced = None
        if coming is not None:
            sitting, sitting_room = coming
            announced = NextSitting(
                sitting.name,
                sitting.planned_start_at,
                sitting.sign_in_opens_at,
                sitting_room.started_at is not None or now >= sitting.sign_in_opens_at,
                sitting.purpose,
            )
        return SeatPage(seat_label(seat.number), room.name, centre.name, seat.undelivered, announced)


def paper_is_closed(registration_id: int) -> bool:
    """Return whether the paper of a signed-in candidate is over, so that its login has no use left."""
    with reading() as session:
        state = paper_states(session, [registration_id]).get(registration_id)
        return state == PaperState.CLOSED


def paper_options(registration_refs: list[str]) -> list[PaperOption]:
    """Return the papers to choose from, by planned start. Source: R-14."""
    with reading() as session:
        return [
            PaperOption(
                door.registration.ref,
                blueprint_of(session, door.registration.blueprint_version_id).paper_title(
                    door.registration.paper
                ),
                door.sitting.planned_start_at,
                seat_label(door.seat.number),
                door.sitting.purpose,
            )
            for door in store.doors_of(session, registration_refs)
        ]


def door_view(registration_id: int) -> DoorView:
    """Return what the pages before the paper show.

    Raise Gone when the room is over, aborted or cancelled.

    Source: R-14.
    """
    with reading() as session:
        door = entered(session, registration_id)
        registration, sitting = door.registration, door.sitting
        blueprint = blueprint_of(session, registration.blueprint_version_id)
        paper = blueprint.papers[registration.paper]
        ticket, has_photo = store.ticket_of(session, registration)
        return DoorView(
            name=door.candidate.name,
            document_type=door.candidate.document_type,
            document_masked=door.candidate.document_masked,
            ticket=ticket,
            has_photo=has_photo,
            seat=seat_label(door.seat.number),
            room=door.room.name,
            centre=door.centre.name,
            paper=blueprint.paper_title(door.registration.paper),
            minutes=paper.duration // MINUTE,
            starts_at=sitting.planned_start_at,
            started=door.sitting_room.started_at is not None,
            step=step_of(registration),
            queried_at=registration.query_at,
            said=said_of(registration),
            numbers=_numbers(sitting, paper),
            purpose=sitting.purpose,
            evacuated=door.sitting_room.evacuated_at is not None,
        )


def _numbers(sitting: Sitting, paper: Paper) -> NoticeNumbers:
    """Fill 考场须知: what the sitting enforces at the door, what the paper allows inside. Source: R-11, R-23."""
    late = late_rule_of(sitting)
    closed = paper.submit.closed_before_end
    return NoticeNumbers(
        late=minutes_text(late.limit),
        late_from=late.counted_from,
        earliest=minutes_text(paper.submit.earliest),
        closed_before_end=minutes_text(closed) if closed else "",
        check_in_opens_at=sitting.check_in_opens_at,
        report_at=sitting.report_at,
        sign_in_opens_at=sitting.sign_in_opens_at,
        late_cutoff_at=sitting.late_cutoff_at,
    )


def photo(registration_id: int) -> tuple[str, bytes]:
    """Return the media type and bytes of a candidate's own photo; raise NotFound (照片待补)."""
    with reading() as session:
        door = store.door_of(session, registration_id)
        found = photo_of(session, door.candidate.id)
        if found is None:
            raise NotFound("door.no_photo")
        return found.mimetype, found.image


def step_of(registration: Registration) -> str:
    """Return the page a signed-in candidate is at: confirm, notice or wait. Source: R-14."""
    if registration.confirmed_at is None or registration.query_at is not None:
        return "confirm"
    return "notice" if registration.pledged_at is None else "wait"


def entered(session: Session, registration_id: int, *, lock: bool = False) -> Door:
    """Return a registration with its door, locked where it will change; raise Gone when the room is over."""
    if lock:
        session.get(Registration, registration_id, with_for_update=True)
    door = store.door_of(session, registration_id)
    gone = room_refusal(door)
    if gone is not None:
        raise gone
    return door
