"""The occasion of a print: what is printed of a sitting and of whom, and which characters the fonts lack."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from cbt.blueprints.store import blueprint_of
from cbt.candidates import store
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.candidates.store import Registered, SittingCounts, counts_of
from cbt.candidates.tickets import Ticket, tickets_of
from cbt.errors import NotFound
from cbt.http.auth.login import Principal
from cbt.http.i18n import local_text
from cbt.personal.fields import DETAILS
from cbt.printing.fonts import lacking
from cbt.rules.exam.blueprint import ExamBlueprint
from cbt.rules.planning.room_plan import RoomPlan, plan_of
from cbt.sittings import store as sittings
from cbt.sittings.models import Batch, Centre, Sitting, SittingChange

_PRINTED: tuple[InstrumentedAttribute[str], ...] = (
    Candidate.name,
    *(getattr(Candidate, detail.column) for detail in DETAILS.values() if detail.printed),
    Registration.note,
)
_MOST_SIGNS = 40
_MOST_TEXTS = 50
"""So many texts of each kind are named; there is more to put right than a page can tell, then."""


def unprintable_of(session: Session, sitting_id: int) -> list[tuple[str, str]]:
    """Return (text, the characters of it that the fonts lack) of the people of a sitting.

    The database hands over all their characters as one text; people are asked for where one of these is lacking.
    """
    of_sitting = Registration.sitting_id == sitting_id
    joined = select(*(func.aggregate_strings(column, "") for column in _PRINTED))
    said = session.execute(
        joined.join_from(Registration, Candidate, Candidate.id == Registration.candidate_id).where(of_sitting)
    ).one()
    signs = lacking("".join(text or "" for text in said))[:_MOST_SIGNS]
    found: dict[str, str] = {}
    for column in _PRINTED if signs else ():
        query = (
            select(column)
            .join_from(Registration, Candidate, Candidate.id == Registration.candidate_id)
            .where(of_sitting, or_(*(column.contains(sign, autoescape=True) for sign in signs)))
            .distinct()
            .order_by(column)
            .limit(_MOST_TEXTS)
        )
        found |= {text: lacking(text) for text in session.scalars(query)}
    return list(found.items())


NAMED = 20
"""So many of those whose ticket is to be printed again are named on the page."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """A room of a sitting with who sits there, or what is printed for one of them; `tickets` by number."""

    sitting: Sitting
    batch: Batch
    centre: Centre
    room: str
    entries: tuple[Registered, ...]
    blueprints: dict[int, ExamBlueprint]
    tickets: tuple[Ticket, ...]
    photos: dict[int, bytes]
    """By candidate id."""
    plan: RoomPlan
    spares: frozenset[int]
    """The seats that are kept free."""

    def paper_name(self, entry: Registered) -> str:
        """Return the level and paper of a registration as people call them."""
        blueprint = self.blueprints[entry.registration.blueprint_version_id]
        return f"{blueprint.level_name} · {blueprint.papers[entry.registration.paper].name}"

    @property
    def where(self) -> str:
        """Room and start, as they stand at the foot of every page; the head of a list says all of it."""
        return f"{self.room} · {local_text(self.sitting.planned_start_at)}"


@dataclass(frozen=True, slots=True)
class PrintableRoom:
    """A room on the page of prints, with how many sit there."""

    ref: str
    name: str
    people: int


@dataclass(frozen=True, slots=True)
class PrintChoice:
    """What may be printed of a sitting, and what whoever prints should know before."""

    sitting: Sitting
    batch: Batch
    rooms: list[PrintableRoom]
    without_photo: int
    unprintable: list[tuple[str, str]]
    """(text, the characters of it that the fonts lack)"""
    change: SittingChange | None
    """Why it is off, a draft again, or no longer when and where it was."""
    again: int
    """How many tickets were printed before something on them changed."""
    named_again: list[Registered]
    """The first of whose they are."""


def choice(session: Session, ref: str) -> PrintChoice:
    """Return what the page of prints shows; neither its queries nor its rows grow with the sitting."""
    sitting = sittings.sitting_by_ref(session, ref)
    batch = session.get_one(Batch, sitting.batch_id)
    centre = session.get_one(Centre, sitting.centre_id)
    counts = counts_of(session, sitting.id)
    rooms = printable_rooms(session, sitting, counts)
    stale = _stale_of(sitting)
    texts = [batch.name, sitting.name, centre.name, centre.address, *(room.name for room in rooms)]
    return PrintChoice(
        sitting=sitting,
        batch=batch,
        rooms=rooms,
        without_photo=counts.without_photo,
        unprintable=[(text, missing) for text in dict.fromkeys(texts) if (missing := lacking(text))]
        + unprintable_of(session, sitting.id),
        change=sittings.told_change(sitting, sittings.changes_of(session, [sitting.id]).get(sitting.id, [])),
        again=store.count_where(session, *stale),
        named_again=store.entries_where(session, *stale, limit=NAMED),
    )


def printable_rooms(session: Session, sitting: Sitting, counts: SittingCounts) -> list[PrintableRoom]:
    """Return the rooms of a sitting that somebody is registered for."""
    return [
        PrintableRoom(view.sitting_room.ref, view.room.name, people)
        for view in sittings.rooms_of_sitting(session, sitting.id)
        if (people := counts.by_room[view.sitting_room.id])
    ]


def _stale_of(sitting: Sitting) -> tuple[ColumnElement[bool], ...]:
    """Return what finds one registration of a sitting for each ticket that is to be printed again."""
    earlier = aliased(Registration)
    return (
        Registration.sitting_id == sitting.id,
        AdmissionTicket.reprint_since.is_not(None),
        ~exists().where(
            earlier.ticket_id == Registration.ticket_id,
            earlier.sitting_id == sitting.id,
            earlier.id < Registration.id,
        ),
    )


def of_room(session: Session, sitting_ref: str, room_ref: str) -> Occasion:
    """Return what is printed for a room of a sitting, by seat; raise NotFound where nobody is registered."""
    sitting = sittings.sitting_by_ref(session, sitting_ref)
    return _occasion(session, sitting, store.entries_of_room(session, sitting.id, room_ref))


def of_person(session: Session, registration_ref: str, principal: Principal) -> Occasion:
    """Return what is printed for one person whom this principal may see; raise NotFound for another's."""
    entry = store.entry_for(session, registration_ref, principal)
    return _occasion(session, session.get_one(Sitting, entry.registration.sitting_id), [entry])


def of_again(session: Session, sitting_ref: str) -> Occasion:
    """Return what is printed again of a sitting: tickets that were printed before something on them changed.

    Raise NotFound("print.nothing_again") where every ticket says what is so.
    """
    sitting = sittings.sitting_by_ref(session, sitting_ref)
    again = store.entries_where(session, *_stale_of(sitting))
    if not again:
        raise NotFound("print.nothing_again")
    return _occasion(session, sitting, again)


def _occasion(session: Session, sitting: Sitting, entries: list[Registered]) -> Occasion:
    if not entries:
        raise NotFound("print.nobody")
    versions = {entry.registration.blueprint_version_id for entry in entries}
    room = entries[0].room
    seats = sittings.seats_of_room(session, room.id)
    return Occasion(
        sitting=sitting,
        batch=session.get_one(Batch, sitting.batch_id),
        centre=session.get_one(Centre, sitting.centre_id),
        room="、".join(dict.fromkeys(entry.room.name for entry in entries)),
        entries=tuple(entries),
        blueprints={version: blueprint_of(session, version) for version in versions},
        tickets=tuple(tickets_of(session, sorted({entry.ticket.id for entry in entries}))),
        photos=store.photos_of(session, (entry.candidate.id for entry in entries)),
        plan=plan_of(room.plan, room.door, tuple(seat.number for seat in seats)),
        spares=frozenset(seat.number for seat in seats if seat.spare),
    )
