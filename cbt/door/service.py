"""Use cases of the candidate's pages before the paper, what they show, and whether a kiosk browser is due.

Source: R-42.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.blueprints.store import blueprint_of
from cbt.candidates.models import Registration
from cbt.candidates.store import photo_of
from cbt.door import arrival, store
from cbt.door.admission import Door, PaperState, paper_states, room_refusal, seat_label
from cbt.door.arrival import Questioned, audit, by_candidate, line_about, said_of
from cbt.door.seats import seat_of
from cbt.errors import Conflict, InvalidInput, NotAllowed, NotFound
from cbt.http.auth.login_store import revoke_login
from cbt.http.auth.machine import Machine
from cbt.rules.door import config_key, matches, settings_for
from cbt.rules.exam import Paper
from cbt.sittings.inputs import minutes_text
from cbt.sittings.models import Centre, Room, Sitting
from cbt.sittings.store import centre_by_ref, late_rule_of
from cbt.storage.prepared import PreparedSelect
from cbt.storage.unit_of_work import reading, unit_of_work
from cbt.storage.write_queue.change_set import Rows, one_writes, put_down

LONGEST = 200


def ask_for_kiosk(centre_ref: str, *, origin: str, now: datetime, actor: str) -> None:
    """Let in browsers with the file that leads to `origin` alone, from now on; "" lets any in."""
    if len(origin) > LONGEST or (origin and not origin.startswith(("http://", "https://"))):
        raise InvalidInput("door.kiosk_origin", field="origin")
    with unit_of_work() as session:
        centre = centre_by_ref(session, centre_ref)
        before, centre.kiosk_origin = centre.kiosk_origin, origin.rstrip("/")
        if before != centre.kiosk_origin:
            record(
                session,
                at=now,
                actor=actor,
                act="centre.kiosk",
                subject=f"centre:{centre.ref}",
                before={"kiosk_origin": before},
                after={"kiosk_origin": centre.kiosk_origin},
            )


_ASKING = PreparedSelect(select(Centre.id, Centre.kiosk_origin).where(Centre.kiosk_origin != ""))
"""Everybody who signs in asks this."""


def insist(machine: Machine, *, header: str, path: str) -> None:
    """Raise NotAllowed("door.kiosk") for another browser where the machine's centre asks for its kiosk.

    A machine that is bound to no seat has to have the file of any centre that asks. Where none does this is one
    query.
    """
    asking = {centre.id: str(centre.kiosk_origin) for centre in _ASKING.read()}
    if not asking:
        return
    with reading() as session:
        origins = _origins(session, asking, machine)
    if origins and not any(matches(header, one + path, config_key(settings_for(one))) for one in origins):
        raise NotAllowed("door.kiosk")


def _origins(session: Session, asking: Mapping[int, str], machine: Machine) -> Sequence[str]:
    """Return the origins one of whose files the machine has to have; none where any browser will do.

    `asking` is the origin of each centre that insists, by the centre's id.
    """
    seat = seat_of(session, machine)
    if seat is None:
        return tuple(asking.values())
    centre_id = session.scalar(select(Room.centre_id).where(Room.id == seat.room_id))
    return (asking[centre_id],) if centre_id is not None and centre_id in asking else ()


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
        candidate_photo = photo_of(session, door.candidate.id)
        if candidate_photo is None:
            raise NotFound("door.no_photo")
        return candidate_photo.mimetype, candidate_photo.image


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


def confirm(registration_id: int, *, now: datetime) -> None:
    """Record 信息无误; raise Conflict while a proctor is still to compare. Source: R-14."""
    _take_step(registration_id, _CONFIRM, now=now)


def raise_query(registration_id: int, query: arrival.Questioned, *, now: datetime) -> None:
    """Record 信息有误: the board is alerted and the page holds until a proctor clears it. Source: R-14."""
    with unit_of_work() as session:
        arrival.raise_query(
            session, entered(session, registration_id, lock=True).registration, query, now=now
        )


def withdraw_query(registration_id: int, *, now: datetime) -> None:
    """Take 信息有误 back: it was a slip, and nobody has to come. Source: R-14."""
    with unit_of_work() as session:
        arrival.withdraw_query(session, entered(session, registration_id, lock=True).registration, now=now)


def pledge(registration_id: int, *, agreed: bool, now: datetime) -> None:
    """Record 我已阅读并同意 to 考场须知 and 诚信承诺. Source: R-14."""
    if not agreed:
        raise InvalidInput("door.pledge", field="agree")
    _take_step(registration_id, _PLEDGE, now=now)


def leave(login_session_id: int, *, now: datetime) -> None:
    """End the login of this seat; the paper and its lease are not touched."""
    with unit_of_work() as session:
        revoke_login(session, login_session_id=login_session_id, now=now)


@dataclass(frozen=True, slots=True)
class _Step:
    """A moment that is recorded once, on the way to the waiting room."""

    act: str
    column: str
    due: Callable[[Registration], bool]
    """Whether it is still to be recorded; raises where it is not its turn."""
    still: str
    """The same, as the database is asked."""


def _confirm_due(registration: Registration) -> bool:
    if registration.query_at is not None:
        raise Conflict("door.query_open")
    return registration.confirmed_at is None


def _pledge_due(registration: Registration) -> bool:
    if step_of(registration) == "confirm":
        raise Conflict("door.unconfirmed")
    return registration.pledged_at is None


_CONFIRM = _Step("confirm", "confirmed_at", _confirm_due, "query_at IS NULL")
_PLEDGE = _Step("pledge", "pledged_at", _pledge_due, "query_at IS NULL AND confirmed_at IS NOT NULL")
_RECORD = (
    "UPDATE registration SET {column} = ? WHERE id = ? AND {column} IS NULL AND {still}"
    " AND sitting_room_id IN (SELECT id FROM sitting_room WHERE state = ?)"
)


def _take_step(registration_id: int, step: _Step, *, now: datetime) -> None:
    """Record a moment, unless it is; a hall that comes in a crowd has its moments written together.

    What was read still holds where it is written, or nothing is and it is looked at again. Source: R-14.
    """
    if one_writes():
        with reading() as session:
            door = entered(session, registration_id)
        if not step.due(door.registration):
            return
        recorded = Rows(
            _RECORD.format(column=step.column, still=step.still),
            [(now, registration_id, door.sitting_room.state)],
            touches=1,
        )
        line = line_about(door.registration, now, by_candidate(door.registration), step.act)
        if put_down(recorded, tries=2, lines=[line]):
            return
    with unit_of_work() as session:
        registration = entered(session, registration_id, lock=True).registration
        if step.due(registration):
            setattr(registration, step.column, now)
            audit(session, registration, now, by_candidate(registration), step.act, "")
