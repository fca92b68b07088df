"""Signing in at a seat: ticket and the end of the registered document, or ticket and a 登录码.

Source: R-14.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.db.private.sealing import readable
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.door import store
from cbt.door.admission import Door, PaperState, refusal
from cbt.door.arrival.permits import login_code_hash
from cbt.door.papers import paper_states
from cbt.door.seats.finding import note_machine, seat_of, subject_of
from cbt.door.seats.moving import move_to_seat
from cbt.errors import CbtError, InvalidInput, NotAllowed, NotFound
from cbt.personal.numbers import DOCUMENT
from cbt.rules.door.admission import last_six
from cbt.rules.states.sitting import SittingState
from cbt.sittings.clock.doors import admit_if_due
from cbt.sittings.models import Seat
from cbt.web.who import throttle
from cbt.web.who.login import open_login, revoke_login
from cbt.web.who.machine import Machine

_GOING = frozenset({SittingState.PUBLISHED, SittingState.ADMITTING, SittingState.RUNNING, SittingState.HELD})


@dataclass(frozen=True, slots=True)
class SignInInput:
    """What a candidate typed: normalised ticket number and one of the two secrets."""

    ticket: str
    by: Literal["document", "code"]
    secret: str


@dataclass(frozen=True, slots=True)
class SeatSignIn:
    """A login session was opened; `token` goes into the cookie after the commit."""

    token: str
    registration_ref: str


@dataclass(frozen=True, slots=True)
class PaperChoice:
    """Two papers are open for this person; the references of their registrations, earliest first."""

    registration_refs: tuple[str, ...]


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
    with reading() as session:
        seat = seat_of(session, machine)
        if seat is None and not unbound:
            raise NotAllowed("door.unbound")
        own = seat is not None and store.is_seat_of_ticket(session, seat.id, entry.ticket)
    tries = tries_of(entry, machine, seat, own=own)
    throttle.reserve_all(tries, now=now, address=machine.address)
    with unit_of_work() as session:
        visit = _visit(session, machine, now, former_login_id, unbound=unbound)
        outcome = _sign_in(session, entry, visit, tries)
    # Raised after the commit: what a right try gave back must stay so.
    if isinstance(outcome, CbtError):
        raise outcome
    return outcome


def tries_of(entry: SignInInput, machine: Machine, seat: Seat | None, *, own: bool) -> list[throttle.Try]:
    """Return what a try at the door counts as.

    A 登录码 counts for its ticket at this seat only, so that it works whatever others typed, and a fresh one
    begins at nought. The end of a document counts for the ticket at this seat, for the ticket as a whole
    unless the seat is its `own`, and for the seat over all tickets.

    Source: R-14.
    """
    if entry.by == "code":
        # A machine without a seat by its address: tokens can be had for nothing, and six digits are few.
        place = subject_of(seat.id) if seat is not None else f"addr:{machine.address}"
        return [throttle.Try("code", entry.ticket, place)]
    place = subject_of(seat.id) if seat is not None else machine.guesses_as
    return [throttle.Try("seat", place, place), throttle.Try("ticket", entry.ticket, place, known=own)]


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
        refused = _refusals(session, doors, visit)[0]
        if refused is not None:
            raise refused
        return _open(session, doors[0], visit)


@dataclass(frozen=True, slots=True)
class _Visit:
    machine: Machine
    seat: Seat | None
    now: datetime
    former_login_id: int | None


def _visit(
    session: Session, machine: Machine, now: datetime, former_login_id: int | None, *, unbound: bool
) -> _Visit:
    seat = seat_of(session, machine)
    if seat is None and not unbound:
        raise NotAllowed("door.unbound")
    return _Visit(machine, seat, now, former_login_id)


def _sign_in(
    session: Session, entry: SignInInput, visit: _Visit, tries: Sequence[throttle.Try]
) -> SeatSignIn | PaperChoice | CbtError:
    doors = store.doors_of_ticket(session, entry.ticket)
    if entry.by != "code" and doors and readable(doors[0].candidate.document_sealed, DOCUMENT) is None:
        return InvalidInput("door.number_unreadable", field=entry.by)
    proved = _proved(doors, entry, visit.now)
    if not proved:
        return InvalidInput(f"door.wrong_{entry.by}", field=entry.by)
    for one in tries:
        # At a seat only this try is given back: whoever has one right answer could go on guessing others.
        right = throttle.give_back if one.scope == "seat" else throttle.succeed
        right(session, scope=one.scope, subject=one.subject, machine=one.machine)
    for door in proved:
        admit_if_due(session, door.sitting_room, now=visit.now)
    refusals = _refusals(session, proved, visit)
    welcome = [door for door, refused in zip(proved, refusals, strict=True) if refused is None]
    if not welcome:
        return _nearest(proved, refusals)
    if len(welcome) > 1:
        return PaperChoice(tuple(door.registration.ref for door in welcome))
    return _open(session, welcome[0], visit)


def _proved(doors: Sequence[Door], entry: SignInInput, now: datetime) -> list[Door]:
    """Return the registrations the secret belongs to; a 登录码 was printed for one of them."""
    if entry.by == "code":
        return [door for door in doors if _code_fits(door, entry.secret, now)]
    # Every door of a ticket is one person's, and a ticket nobody has is compared like any other.
    known = last_six(readable(doors[0].candidate.document_sealed, DOCUMENT) or "") if doors else ""
    fits = hmac.compare_digest(known.encode(), last_six(entry.secret).encode())
    return list(doors) if fits and known else []


def _code_fits(door: Door, code: str, now: datetime) -> bool:
    stored, until = door.registration.login_code_hash, door.registration.login_code_until
    if stored is None or until is None or now >= until:
        return False
    return hmac.compare_digest(stored, login_code_hash(door.registration.ref, code))


def _refusals(session: Session, doors: Sequence[Door], visit: _Visit) -> list[CbtError | None]:
    papers = paper_states(session, [door.registration.id for door in doors])
    return [
        refusal(
            door,
            now=visit.now,
            paper=papers.get(door.registration.id, PaperState.OPEN),
            place=store.place_in(session, visit.seat, door.registration),
        )
        for door in doors
    ]


def _nearest(doors: Sequence[Door], refusals: Sequence[CbtError | None]) -> CbtError:
    """Return what a person at the door wants to know: of the paper going on or coming, else of the last."""
    pairs = list(zip(doors, refusals, strict=True))
    ahead = [refused for door, refused in pairs if door.sitting_room.state in _GOING and refused]
    others = [refused for _, refused in reversed(pairs) if refused]
    return (ahead + others)[0]


def _open(session: Session, door: Door, visit: _Visit) -> SeatSignIn:
    registration, now = door.registration, visit.now
    actor = f"candidate:{registration.ref}"
    former_machine = None
    if visit.seat is not None:
        former_machine = note_machine(session, visit.seat, visit.machine, now=now)
        if visit.seat.id != registration.seat_id:
            move_to_seat(session, registration, visit.seat, now=now, actor=actor)
    registration.login_code_hash = registration.login_code_until = None
    registration.signed_in_at = registration.signed_in_at or now
    if visit.former_login_id is not None:
        revoke_login(session, login_session_id=visit.former_login_id, now=now)
    token = open_login(
        session,
        kind="candidate",
        subject_ref=registration.ref,
        machine=visit.machine,
        former_machine=former_machine,
        now=now,
    )
    chain.record(
        session,
        at=now,
        actor=actor,
        act="door.sign_in",
        subject=f"registration:{registration.ref}",
        after={"seat": visit.seat.number if visit.seat else None, "address": visit.machine.address},
    )
    return SeatSignIn(token, registration.ref)
