"""Sign-in at a seat: by ticket and the end of the registered document, or by ticket and a 登录码.

Source: R-14, R-16.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import bindparam, exists, func, select, update
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.audit.chain import EntryDraft
from cbt.candidates.models import Registration
from cbt.door import store
from cbt.door.admission import Door, PaperState, paper_states, refusal
from cbt.door.arrival import by_candidate, line_about, login_code_hash
from cbt.door.seats import machine_followed, move_to_seat, note_machine, seat_of, subject_of, was_restored
from cbt.errors import CbtError, InvalidInput, NotAllowed, NotFound
from cbt.http.auth import throttle
from cbt.http.auth.login_store import login_to_revoke, open_login
from cbt.http.auth.machine import Machine
from cbt.rules.door import last_six
from cbt.rules.states import SittingState
from cbt.sittings.models import Seat, SittingRoom
from cbt.sittings.room_clock import admit_if_due
from cbt.storage.crypto import DOCUMENT, readable
from cbt.storage.prepared import Change, PreparedChange
from cbt.storage.types import UtcDateTime
from cbt.storage.unit_of_work import unit_of_work
from cbt.storage.write_queue.change_set import Rows, one_writes, put_down


@dataclass(frozen=True, slots=True)
class SignInInput:
    """What a candidate typed: normalised ticket number and one of the two secrets."""

    ticket: str
    by: Literal["document", "code"]
    secret: str


@dataclass(frozen=True, slots=True)
class SeatVisit:
    """A browser that signs somebody in: its machine, the seat this stands at, the login it still holds."""

    machine: Machine
    seat: Seat | None
    now: datetime
    former_login_id: int | None


@dataclass(frozen=True, slots=True)
class SeatSignIn:
    """A login session was opened; `token` goes into the cookie after the commit."""

    token: str
    registration_ref: str


@dataclass(frozen=True, slots=True)
class PaperChoice:
    """Two papers are open for this person; the references of their registrations, earliest first."""

    registration_refs: tuple[str, ...]


_GOING = frozenset({SittingState.PUBLISHED, SittingState.ADMITTING, SittingState.RUNNING, SittingState.HELD})


def proved_doors(session: Session | None, entry: SignInInput, *, now: datetime) -> list[Door] | InvalidInput:
    """Return the registrations the secret belongs to, earliest first, at least one; else what was wrong."""
    doors = store.doors_of_ticket(session, entry.ticket)
    if entry.by != "code" and doors and readable(doors[0].candidate.document_sealed, DOCUMENT) is None:
        return InvalidInput("door.number_unreadable", field=entry.by)
    return _proved(doors, entry, now) or InvalidInput(f"door.wrong_{entry.by}", field=entry.by)


def _proved(doors: Sequence[Door], entry: SignInInput, now: datetime) -> list[Door]:
    """A 登录码 was printed for one of them; a document is the person's, and so are all of a ticket."""
    if entry.by == "code":
        return [door for door in doors if _code_fits(door, entry.secret, now)]
    # Every door of a ticket is one person's, and a ticket nobody has is compared like any other.
    digits = last_six(readable(doors[0].candidate.document_sealed, DOCUMENT) or "") if doors else ""
    fits = hmac.compare_digest(digits.encode(), last_six(entry.secret).encode())
    return list(doors) if fits and digits else []


def _code_fits(door: Door, code: str, now: datetime) -> bool:
    stored, until = door.registration.login_code_hash, door.registration.login_code_until
    if stored is None or until is None or now >= until:
        return False
    return hmac.compare_digest(stored, login_code_hash(door.registration.ref, code))


def welcomed(
    session: Session | None, doors: Sequence[Door], visit: SeatVisit
) -> Door | PaperChoice | CbtError:
    """Return the one that may enter here and now, the choice between two, or why none may."""
    papers = paper_states(session, [door.registration.id for door in doors])
    refusals = [
        refusal(
            door,
            now=visit.now,
            paper=papers.get(door.registration.id, PaperState.OPEN),
            place=store.place_in(session, visit.seat, door.registration),
        )
        for door in doors
    ]
    welcome = [door for door, refused in zip(doors, refusals, strict=True) if refused is None]
    if not welcome:
        return _nearest(doors, refusals)
    if len(welcome) > 1:
        return PaperChoice(tuple(door.registration.ref for door in welcome))
    return welcome[0]


def _nearest(doors: Sequence[Door], refusals: Sequence[CbtError | None]) -> CbtError:
    """Return what a person at the door wants to know: of the paper going on or coming, else of the last."""
    pairs = list(zip(doors, refusals, strict=True))
    ahead = [refused for door, refused in pairs if door.sitting_room.state in _GOING and refused]
    others = [refused for _, refused in reversed(pairs) if refused]
    return (ahead + others)[0]


# What is written of somebody who enters: the moment, the machine, a login, a line of the log.
#
# A hall signs in within minutes. So whoever sits down at their own seat, at the machine it had, is written
# together with what others write, under the condition that all that let them in is as it was read; everybody
# else waits for a transaction of their own.
#
# Source.

_LETS_IN = (
    "seat_id", "absent_at", "left_at", "arrived_at", "checked_in_at", "sign_in_allowed_at", "login_code_hash",
    "login_code_until",
)  # fmt: skip
"""What of a registration decides whether its person may sign in at a seat."""


@dataclass(frozen=True, slots=True)
class GoingAlong:
    """What is written of somebody without a transaction of their own."""

    signed_in: SeatSignIn
    rows: Sequence[Rows]
    line: EntryDraft


def enter(session: Session, door: Door, visit: SeatVisit, right: Sequence[Change] = ()) -> SeatSignIn:
    """Open a login in a unit of work; the seat's machine is followed, and whoever may sit elsewhere is moved.

    `right` is what becomes of the counters of the try that led here.
    """
    registration, now = door.registration, visit.now
    former_machine = None
    if visit.seat is not None:
        former_machine = note_machine(session, visit.seat, visit.machine, now=now)
        if visit.seat.id != registration.seat_id:
            actor = by_candidate(registration)
            move_to_seat(session, registration, visit.seat, now=now, actor=actor)
    token, login = _login(door, visit, former_machine)
    for change in (_ENTERED.of(registration=registration.id, now=now), *right, *login):
        change.carry_out(session)
    chain.record_entry(session, _line(door, visit))
    return SeatSignIn(token, registration.ref)


def going_along(door: Door, visit: SeatVisit) -> GoingAlong | None:
    """Return what is written where all is as it should be; None where more than that is to be done."""
    registration, seat = door.registration, visit.seat
    if seat is None or seat.id != registration.seat_id or was_restored(seat, visit.machine):
        return None
    token, login = _login(door, visit, None)
    followed = machine_followed(None, seat, visit.machine, now=visit.now)
    rows = [
        _entered_as_read(door, seat, visit),
        *([] if followed is None else [followed.rows(touches=1)]),
        *(change.rows() for change in login),
    ]
    return GoingAlong(SeatSignIn(token, registration.ref), rows, _line(door, visit))


def _login(door: Door, visit: SeatVisit, former_machine: str | None) -> tuple[str, list[Change]]:
    """Return the token of the login to come, and what stores it and ends the one this browser had."""
    login = open_login(
        kind="candidate",
        subject_ref=door.registration.ref,
        machine=visit.machine,
        former_machine=former_machine,
        now=visit.now,
    )
    if visit.former_login_id is None:
        return login.token, [login.stored]
    return login.token, [login_to_revoke(visit.former_login_id, now=visit.now), login.stored]


def _line(door: Door, visit: SeatVisit) -> EntryDraft:
    facts = {"seat": visit.seat.number if visit.seat else None, "address": visit.machine.address}
    registration = door.registration
    return line_about(registration, visit.now, by_candidate(registration), "sign_in", after=facts)


def _entered(*where: Any) -> Any:
    now = bindparam("now", type_=UtcDateTime)
    return (
        update(Registration)
        .where(Registration.id == bindparam("registration"), *where)
        .values(
            login_code_hash=None,
            login_code_until=None,
            signed_in_at=func.coalesce(Registration.signed_in_at, now),
        )
    )


def _was(column: Any, name: str) -> Any:
    return column.is_not_distinct_from(bindparam(f"was_{name}", type_=column.type))


_ENTERED = PreparedChange(lambda _: _entered())
_AS_READ = PreparedChange(
    lambda _: _entered(
        *(_was(getattr(Registration, name), name) for name in _LETS_IN),
        Registration.sitting_room_id.in_(
            select(SittingRoom.id).where(
                _was(SittingRoom.state, "state"), _was(SittingRoom.started_at, "started_at")
            )
        ),
        exists().where(
            Seat.id == bindparam("seat"),
            _was(Seat.machine_hash, "machine_hash"),
            _was(Seat.machine_address, "machine_address"),
        ),
    )
)


def _entered_as_read(door: Door, seat: Seat, visit: SeatVisit) -> Rows:
    registration, room = door.registration, door.sitting_room
    read = {f"was_{name}": getattr(registration, name) for name in _LETS_IN}
    return _AS_READ.of(
        registration=registration.id,
        now=visit.now,
        seat=seat.id,
        was_state=room.state,
        was_started_at=room.started_at,
        was_machine_hash=seat.machine_hash,
        was_machine_address=seat.machine_address,
        **read,
    ).rows(touches=1)


Outcome = SeatSignIn | PaperChoice | CbtError


def sign_in(
    entry: SignInInput,
    *,
    machine: Machine,
    now: datetime,
    former_login_id: int | None = None,
    unbound: bool = False,
) -> SeatSignIn | PaperChoice:
    """Open a login session for whoever `entry` proves to be, or return the papers to choose from.

    Every try is counted before it is looked at (see `tries_of`). `former_login_id` is the login this browser
    held: it ends here. A machine bound to no seat signs nobody in, unless `unbound` ones may. Raise
    NotAllowed("door.unbound") there, InvalidInput("door.wrong_document" or "door.wrong_code") for a wrong try,
    TooMany when there were too many, and what admission.refusal says when every paper of the ticket refuses.

    Source: R-14, R-16.
    """
    seat = store.seat_read(machine.token_hash, machine.address)
    seat_id = None if seat is None else seat.id
    if seat_id is None and not unbound:
        raise NotAllowed("door.unbound")
    own = seat_id is not None and store.is_seat_of_ticket(seat_id, entry.ticket)
    tries = tries_of(entry, machine, seat_id, own=own)
    throttle.reserve_all(tries, now=now, address=machine.address)
    right = _right(tries)

    outcome = None
    if one_writes():
        outcome = _along_with_others(entry, SeatVisit(machine, seat, now, former_login_id), right)
    if outcome is None:
        with unit_of_work() as session:
            visit = _visit(session, machine, now, former_login_id, unbound=unbound)
            outcome = _sign_in(session, entry, visit, right)
    # Raised after the commit: what a right try gave back must stay so.
    if isinstance(outcome, CbtError):
        raise outcome
    return outcome


def tries_of(entry: SignInInput, machine: Machine, seat_id: int | None, *, own: bool) -> list[throttle.Try]:
    """Return what a try at the door counts as.

    A 登录码 counts for its ticket at this seat only, so that it works whatever others typed, and a fresh one
    begins at nought. The end of a document counts for the ticket at this seat, for the ticket as a whole
    unless the seat is its `own`, and for the seat over all tickets.

    Source: R-14.
    """
    if entry.by == "code":
        # A machine without a seat by its address: tokens can be had for nothing, and six digits are few.
        place = subject_of(seat_id) if seat_id is not None else f"addr:{machine.address}"
        return [throttle.Try("code", entry.ticket, place)]
    place = subject_of(seat_id) if seat_id is not None else machine.guesses_as
    return [throttle.Try("seat", place, place), throttle.Try("ticket", entry.ticket, place, known=own)]


def _right(tries: Sequence[throttle.Try]) -> list[Change]:
    """Return what becomes of the counters of tries that were right, in the order of locks."""
    known, counted = list[Change](), list[Change]()
    for tried in tries:
        if tried.scope == "seat":  # this try alone: whoever has one right answer could go on guessing others
            counted += throttle.given_back(tried)
        else:
            known += throttle.remembered(tried)
            counted += throttle.dropped(tried)
    return [*known, *counted]


def choose(
    registration_ref: str,
    *,
    allowed: Sequence[str],
    machine: Machine,
    now: datetime,
    former_login_id: int | None = None,
    unbound: bool = False,
) -> SeatSignIn:
    """Open a login session for the paper picked from `allowed`, which a sign-in has just proved.

    Source: R-14.
    """
    with unit_of_work() as session:
        visit = _visit(session, machine, now, former_login_id, unbound=unbound)
        proved = [ref for ref in allowed if ref == registration_ref]
        doors = store.doors_of(session, proved, lock=True)
        if not doors:
            raise NotFound("door.no_registration")
        door = welcomed(session, doors[:1], visit)
        if isinstance(door, CbtError):
            raise door
        assert isinstance(door, Door)  # of one there is nothing to choose
        return enter(session, door, visit)


def _visit(
    session: Session, machine: Machine, now: datetime, former_login_id: int | None, *, unbound: bool
) -> SeatVisit:
    seat = seat_of(session, machine)
    if seat is None and not unbound:
        raise NotAllowed("door.unbound")
    return SeatVisit(machine, seat, now, former_login_id)


def _along_with_others(entry: SignInInput, visit: SeatVisit, right: Sequence[Change]) -> Outcome | None:
    """Sign in without a transaction of one's own; None where it has to be looked at in one.

    What is read here is read by itself; what is written holds only where it still is so.
    """
    proved = proved_doors(None, entry, now=visit.now)
    if isinstance(proved, CbtError):
        return proved
    if any(door.sitting_room.state == SittingState.PUBLISHED for door in proved):
        return None  # whoever comes first may have its doors opened
    along = welcomed(None, proved, visit)
    going = going_along(along, visit) if isinstance(along, Door) else None
    rows = [change.rows() for change in right]
    if not isinstance(along, Door):
        put_down(*rows)
        return along
    if going is None or not put_down(*going.rows, *rows, lines=[going.line]):
        return None
    return going.signed_in


def _sign_in(session: Session, entry: SignInInput, visit: SeatVisit, right: Sequence[Change]) -> Outcome:
    # Rooms are locked before their people (cbt/application/lock_order.py): whoever types a ticket has its doors
    # opened that are due, as the scheduler does within a second, and proves who they are behind them.
    for room in store.rooms_to_open(session, entry.ticket, now=visit.now):
        admit_if_due(session, room, now=visit.now)
    proved = proved_doors(session, entry, now=visit.now)
    if isinstance(proved, CbtError):
        return proved
    outcome = welcomed(session, proved, visit)
    if isinstance(outcome, Door):
        return enter(session, outcome, visit, right)
    for change in right:
        change.carry_out(session)
    return outcome
