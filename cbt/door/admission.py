"""Admission at the door: whether somebody may sign in, by the facts of the door and the state of their paper.

Source: R-11, R-12, R-13, R-14, R-16, R-60.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import flask
from sqlalchemy.orm import Session

from cbt.candidates.models import Candidate, Registration
from cbt.errors import CbtError, Conflict, Gone, Locked, NotAllowed, TooEarly
from cbt.rules.states import SittingState
from cbt.sittings.models import Centre, Room, Seat, Sitting, SittingRoom

_OVER = frozenset({SittingState.ENDED, SittingState.SCORED, SittingState.RELEASED})


class PaperState(StrEnum):
    """What the delivery room says of a registration's paper."""

    OPEN = "open"
    MOVING = "moving"
    """允许换机: the next machine of the room takes it (R-42)."""
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Door:
    """One registration with everything its door depends on."""

    registration: Registration
    candidate: Candidate
    sitting: Sitting
    sitting_room: SittingRoom
    seat: Seat
    room: Room
    centre: Centre
    why_off: str | None = None
    """Why its sitting was cancelled."""


@dataclass(frozen=True, slots=True)
class SignInPlace:
    """Where somebody tries to sign in; `taken` when another candidate of the sitting-room has that seat."""

    seat: Seat
    taken: bool


def refusal(door: Door, *, now: datetime, paper: PaperState, place: SignInPlace | None) -> CbtError | None:
    """Return why this person may not sign in now, or None when they may.

    `place` is None on a machine bound to no seat: nothing can be compared, so the pages tell the seat.

    Source: R-14.
    """
    return (
        room_refusal(door)
        or _not_yet(door, now)
        or _paper_refuses(paper)
        or _person_refused(door, now)
        or _seat_refuses(door, paper, place)
    )


def room_refusal(door: Door) -> CbtError | None:
    """Return why nobody enters this room any more, or None. Source: R-60."""
    state = door.sitting_room.state
    if state == SittingState.CANCELLED:
        return Gone("door.cancelled_because", reason=door.why_off) if door.why_off else Gone("door.cancelled")
    if state == SittingState.DRAFT:
        return Locked("door.not_published")
    if state == SittingState.ABORTED:
        return Gone("door.aborted")
    return Gone("door.over") if state in _OVER else None


def _not_yet(door: Door, now: datetime) -> CbtError | None:
    # A room its proctor started early is open, whatever the plan said.
    if door.sitting_room.started_at is not None:
        return None
    opens_at = door.sitting.sign_in_opens_at
    if now < opens_at or door.sitting_room.state == SittingState.PUBLISHED:
        return TooEarly("door.not_open", at=opens_at)
    return None


def _paper_refuses(paper: PaperState) -> CbtError | None:
    return Gone("door.closed") if paper == PaperState.CLOSED else None


def _person_refused(door: Door, now: datetime) -> CbtError | None:
    registration, sitting = door.registration, door.sitting
    if registration.absent_at is not None:
        if registration.absent_cause == "late":
            return NotAllowed("door.late", cutoff_at=sitting.late_cutoff_at)
        return NotAllowed("door.absent")
    if registration.left_at is not None:
        return Locked("door.out", at=registration.left_at)
    if registration.sign_in_allowed_at is not None or registration.checked_in_at is not None:
        return None
    if not sitting.sign_in_needs_check_in:
        return None
    if registration.arrived_at is None and now >= sitting.late_cutoff_at:
        return NotAllowed("door.not_arrived", cutoff_at=sitting.late_cutoff_at)
    return NotAllowed("door.not_checked_in")


def _seat_refuses(door: Door, paper: PaperState, place: SignInPlace | None) -> CbtError | None:
    if place is None or place.seat.id == door.seat.id:
        return None
    if place.seat.room_id != door.room.id:
        return Conflict("door.wrong_room", room=door.room.name, seat=seat_label(door.seat.number))
    if paper == PaperState.MOVING and not place.taken:
        return None
    return Conflict("door.wrong_seat", seat=seat_label(door.seat.number))


def seat_label(number: int) -> str:
    return f"{number:02d}"


Papers = Callable[[Session | None, Collection[int]], Mapping[int, PaperState]]
_EXTENSION = "cbt_papers"


def register_papers(app: flask.Flask, papers: Papers) -> None:
    """Tell how to ask a later room for the state of papers: registration ids -> states (absent = open)."""
    app.extensions[_EXTENSION] = papers


def paper_states(session: Session | None, registration_ids: Collection[int]) -> Mapping[int, PaperState]:
    """Return what is known of the papers of these registrations; one that is missing is open."""
    papers: Papers | None = flask.current_app.extensions.get(_EXTENSION)
    return {} if papers is None else papers(session, registration_ids)
