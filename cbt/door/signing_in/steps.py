"""Signing in at a seat: ticket and the end of the registered document, or ticket and a 登录码.

Source: R-14.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from cbt.db.known.changes import Change
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.db.writing.parcels import one_writes, put_down
from cbt.door import store
from cbt.door.admission import Door
from cbt.door.seats.finding import seat_of, subject_of
from cbt.door.signing_in import entering, proving
from cbt.door.signing_in.entry import PaperChoice, SeatSignIn, SeatVisit, SignInInput
from cbt.errors import CbtError, NotAllowed, NotFound
from cbt.rules.states.sitting import SittingState
from cbt.sittings.clock.doors import admit_if_due
from cbt.web.who import throttle
from cbt.web.who.machine import Machine

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
    seat_id = store.seat_id_of(machine.token_hash, machine.address)
    if seat_id is None and not unbound:
        raise NotAllowed("door.unbound")
    own = seat_id is not None and store.is_seat_of_ticket(seat_id, entry.ticket)
    tries = tries_of(entry, machine, seat_id, own=own)
    throttle.reserve_all(tries, now=now, address=machine.address)
    right = [change for one in tries for change in _right(one)]

    def visited(session: Session) -> SeatVisit:
        return _visit(session, machine, now, former_login_id, unbound=unbound)

    outcome = _along_with_others(entry, visited, right) if one_writes() else None
    if outcome is None:
        with unit_of_work() as session:
            visit = visited(session)
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


def _right(one: throttle.Try) -> list[Change]:
    """Return what becomes of the counter of a try that was right."""
    # At a seat only this try is given back: whoever has one right answer could go on guessing others.
    return throttle.given_back(one) if one.scope == "seat" else throttle.given_whole(one)


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
        door = proving.welcomed(session, doors[:1], visit)
        if isinstance(door, CbtError):
            raise door
        assert isinstance(door, Door)  # of one there is nothing to choose
        return entering.enter(session, door, visit)


def _visit(
    session: Session, machine: Machine, now: datetime, former_login_id: int | None, *, unbound: bool
) -> SeatVisit:
    seat = seat_of(session, machine)
    if seat is None and not unbound:
        raise NotAllowed("door.unbound")
    return SeatVisit(machine, seat, now, former_login_id)


def _along_with_others(
    entry: SignInInput, visited: Callable[[Session], SeatVisit], right: Sequence[Change]
) -> Outcome | None:
    """Sign in without a transaction of one's own; None where it has to be looked at in one."""
    with reading() as session:
        visit = visited(session)
        proved = proving.proved(session, entry, now=visit.now)
        if isinstance(proved, CbtError):
            return proved
        if any(door.sitting_room.state == SittingState.PUBLISHED for door in proved):
            return None  # whoever comes first may have its doors opened
        found = proving.welcomed(session, proved, visit)
        going = entering.going_along(session, found, visit) if isinstance(found, Door) else None
    given = [change.rows() for change in right]
    if not isinstance(found, Door):
        put_down(*given)
        return found
    if going is None or not put_down(*going.rows, *given, lines=[going.line]):
        return None
    return going.signed_in


def _sign_in(session: Session, entry: SignInInput, visit: SeatVisit, right: Sequence[Change]) -> Outcome:
    proved = proving.proved(session, entry, now=visit.now)
    if isinstance(proved, CbtError):
        return proved
    for change in right:
        change.carry_out(session)
    for door in proved:
        admit_if_due(session, door.sitting_room, now=visit.now)
    found = proving.welcomed(session, proved, visit)
    return entering.enter(session, found, visit) if isinstance(found, Door) else found
