"""The 成绩册 for paper: of a whole sitting that is not too long for one file, or of a room at a time."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from cbt.candidates.counts import counts_of
from cbt.candidates.printing.occasion import PrintableRoom, printable_rooms
from cbt.errors import Conflict, NotFound
from cbt.results import store
from cbt.results.sheet.sitting import SittingSheet, sheet_of
from cbt.sittings.models import Sitting

AT_ONCE = 500
"""So many lines are one file: two seconds of a processor, a third of the memory there is for it."""


@dataclass(frozen=True, slots=True)
class SheetRooms:
    """The rooms of a sitting whose score sheet may be printed, each with how many lines it has."""

    sitting: Sitting
    rooms: list[PrintableRoom]


def sheet_rooms(session: Session, ref: str) -> SheetRooms:
    """Return the rooms of a sitting that is over; raise like `finished_sitting`."""
    sitting = store.finished_sitting(session, ref)
    return SheetRooms(sitting, printable_rooms(session, sitting, counts_of(session, sitting.id)))


def whole_sheet(session: Session, ref: str) -> SittingSheet:
    """Return the sheet of a whole sitting; raise Conflict("results.print_by_room") beyond `AT_ONCE` people."""
    sitting = store.finished_sitting(session, ref)
    people = counts_of(session, sitting.id).all
    if people > AT_ONCE:
        raise Conflict("results.print_by_room", count=people, most=AT_ONCE)
    return sheet_of(session, sitting)


def room_sheet(session: Session, ref: str, room_ref: str) -> SittingSheet:
    """Return the sheet of one room of a sitting; raise NotFound("print.nobody") where nobody is registered."""
    found = sheet_of(session, store.finished_sitting(session, ref), room=room_ref)
    if not found.papers:
        raise NotFound("print.nobody")
    return found
