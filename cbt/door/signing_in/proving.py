"""Whose registrations a secret proves, and which of them may enter.

Source: R-14.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from cbt.db.private.sealing import readable
from cbt.door import store
from cbt.door.admission import Door, PaperState, refusal
from cbt.door.arrival.permits import login_code_hash
from cbt.door.papers import paper_states
from cbt.door.signing_in.entry import PaperChoice, SeatVisit, SignInInput
from cbt.errors import CbtError, InvalidInput
from cbt.personal.numbers import DOCUMENT
from cbt.rules.door.admission import last_six
from cbt.rules.states.sitting import SittingState

_GOING = frozenset({SittingState.PUBLISHED, SittingState.ADMITTING, SittingState.RUNNING, SittingState.HELD})


def proved(session: Session, entry: SignInInput, *, now: datetime) -> list[Door] | InvalidInput:
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
    known = last_six(readable(doors[0].candidate.document_sealed, DOCUMENT) or "") if doors else ""
    fits = hmac.compare_digest(known.encode(), last_six(entry.secret).encode())
    return list(doors) if fits and known else []


def _code_fits(door: Door, code: str, now: datetime) -> bool:
    stored, until = door.registration.login_code_hash, door.registration.login_code_until
    if stored is None or until is None or now >= until:
        return False
    return hmac.compare_digest(stored, login_code_hash(door.registration.ref, code))


def welcomed(session: Session, doors: Sequence[Door], visit: SeatVisit) -> Door | PaperChoice | CbtError:
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
