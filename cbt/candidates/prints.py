"""Documents of a room: tickets, sheets, lists, labels, the plan of seats; of whom, and which were printed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from cbt.audit import flood_limit
from cbt.blueprints.store import blueprint_of
from cbt.candidates import store
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.candidates.registration import Ticket, TicketLine, note_printed, tickets_of
from cbt.candidates.roster.export import accommodation_text
from cbt.candidates.store import Registered, SittingCounts, counts_of
from cbt.enrolment.applications.attachments import born_text
from cbt.enrolment.body import BodyDetails, body
from cbt.errors import NotFound
from cbt.http.auth.login import Principal
from cbt.http.i18n import local_text, mark_text
from cbt.personal import DETAILS, gender_of_number
from cbt.printing.pdf import lacking
from cbt.rules.exam import ExamBlueprint
from cbt.rules.planning.seat_plan import RoomPlan, plan_of
from cbt.rules.roles import Role
from cbt.rules.states import SittingState
from cbt.sittings import store as sittings
from cbt.sittings.inputs import minutes_text
from cbt.sittings.models import Batch, Centre, Sitting, SittingChange, SittingRoom
from cbt.sittings.store import batch_by_ref, printed_purpose
from cbt.storage.crypto import DOCUMENT, readable
from cbt.storage.unit_of_work import pieces_of, unit_of_work

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
    names = session.execute(
        joined.join_from(Registration, Candidate, Candidate.id == Registration.candidate_id).where(of_sitting)
    ).one()
    signs = lacking("".join(text or "" for text in names))[:_MOST_SIGNS]
    unprintable: dict[str, str] = {}
    for column in _PRINTED if signs else ():
        query = (
            select(column)
            .join_from(Registration, Candidate, Candidate.id == Registration.candidate_id)
            .where(of_sitting, or_(*(column.contains(sign, autoescape=True) for sign in signs)))
            .distinct()
            .order_by(column)
            .limit(_MOST_TEXTS)
        )
        unprintable |= {text: lacking(text) for text in session.scalars(query)}
    return list(unprintable.items())


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
    held_by: BodyDetails
    """Who holds the examination, as its tickets say it."""

    def paper_name(self, entry: Registered) -> str:
        blueprint = self.blueprints[entry.registration.blueprint_version_id]
        return f"{blueprint.level_name} · {blueprint.papers[entry.registration.paper].name}"

    @property
    def where(self) -> str:
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
    texts = [
        body(session).name,
        batch.name,
        sitting.name,
        centre.name,
        centre.address,
        *(room.name for room in rooms),
    ]
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
        held_by=body(session),
    )


# Tickets of a batch to be printed again, by sitting, and the note of who had what printed.
#
# A ticket is printed again when something on it changed since.
#
# Source.

PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class StaleTicket:
    """A ticket to be printed again, whose it is, and one of its registrations."""

    ticket: AdmissionTicket
    candidate: Candidate
    registration_ref: str


@dataclass(frozen=True, slots=True)
class AgainPage:
    """The sittings of a batch with how many tickets of theirs are to be printed again, and a page of these."""

    batch: Batch
    sittings: list[tuple[Sitting, int]]
    tickets: list[StaleTicket]
    total: int


def again_page(session: Session, batch_ref: str, *, page: int) -> AgainPage:
    """Return which tickets of a batch are to be printed again; a ticket of two sittings counts for each."""
    batch = batch_by_ref(session, batch_ref)
    stale = _stale(batch)
    counted = (
        select(Sitting, func.count(func.distinct(AdmissionTicket.id)))
        .join(Registration, Registration.sitting_id == Sitting.id)
        .join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
        .join(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
        .where(stale)
        .group_by(Sitting.id)
        .order_by(Sitting.planned_start_at, Sitting.id)
    )
    first = (
        select(AdmissionTicket.id, func.min(Registration.ref).label("ref"))
        .join(Registration, Registration.ticket_id == AdmissionTicket.id)
        .join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
        .where(stale)
        .group_by(AdmissionTicket.id)
        .subquery()
    )
    listed = (
        select(AdmissionTicket, Candidate, first.c.ref)
        .join(first, first.c.id == AdmissionTicket.id)
        .join(Candidate, Candidate.id == AdmissionTicket.candidate_id)
        .order_by(AdmissionTicket.number)
        .limit(PAGE_SIZE)
        .offset((page - 1) * PAGE_SIZE)
    )
    return AgainPage(
        batch=batch,
        sittings=[(sitting, count) for sitting, count in session.execute(counted)],
        tickets=[StaleTicket(*row) for row in session.execute(listed)],
        total=session.scalar(select(func.count()).select_from(first)) or 0,
    )


def _stale(batch: Batch) -> ColumnElement[bool]:
    return and_(
        AdmissionTicket.batch_id == batch.id,
        AdmissionTicket.reprint_since.is_not(None),
        SittingRoom.state != SittingState.CANCELLED.value,
    )


def note_print(
    document: str, occasion: Occasion, *, subject: str, principal: Principal, now: datetime
) -> None:
    """Put on record that a document was made of `subject`, of how many people; a repeat is counted.

    Tickets that an officer has made are with their holders from then on; others look at them. They are
    noted a few at a time: what is not noted yet is there to be printed again.
    """
    stale = {one.id for one in occasion.tickets if one.printed_at is None or one.reprint_since is not None}
    if document == "tickets" and principal.has(Role.OFFICER):
        for piece in pieces_of(sorted(stale)):
            with unit_of_work() as session:
                note_printed(session, piece, now=now)
    with unit_of_work() as session:
        flood_limit.count(
            session,
            at=now,
            actor=principal.logged_as,
            act=f"print.{document}",
            subject=subject,
            people=str(len(occasion.entries)),
        )


def page_words() -> dict[str, str]:
    """Return what the foot of a page says; the typesetter puts the numbers in."""
    return {"page": _("candidates.print.page", number="{n}", count="{of}")}


def seat_text(number: int) -> str:
    return f"{number:02d}"


def photo_name(candidate_id: int) -> str:
    return f"photo-{candidate_id}"


_HEADS = ("paper", "ticket.check_in", "ticket.report", "ticket.sign_in", "ticket.start", "print.room")


def ticket_pages(occasion: Occasion) -> dict[str, Any]:
    """Return what the tickets of a room say; raise NotFound where the sitting was cancelled. Source: R-11, R-14."""
    if not occasion.tickets:
        raise NotFound("print.nobody")
    return {
        "title": _("candidates.ticket.title"),
        "words": {
            "title": _("candidates.ticket.title"),
            "body": " · ".join(filter(None, (occasion.held_by.name, occasion.held_by.phone))),
            "name": _("candidates.name"),
            "number": _("candidates.ticket"),
            "place": _("candidates.print.centre"),
            "glue": _("candidates.ticket.glue"),
            "former": _("candidates.ticket.former"),
            "heads": [_(f"candidates.{head}") for head in _HEADS],
        },
        "tickets": [_ticket(ticket) for ticket in occasion.tickets],
    }


def _ticket(ticket: Ticket) -> dict[str, Any]:
    candidate, blueprint = ticket.candidate, ticket.lines[0].blueprint
    return {
        "exam": _("candidates.ticket.exam", occupation=blueprint.occupation_name, level=blueprint.level_name),
        "name": candidate.name,
        "number": ticket.number,
        "document": [_(f"door.document.{candidate.document_type}"), candidate.document_masked],
        "details": [
            [detail.title, detail.worded(value)]
            for detail in DETAILS.values()
            if detail.printed and (value := detail.masked_of(candidate))
        ],
        "photo": photo_name(candidate.id),
        "qr": f"{ticket.number}.svg",
        "lines": [_line(line) for line in ticket.lines],
        "places": _places(ticket),
        "rules": rules(ticket),
    }


def _line(line: TicketLine) -> dict[str, Any]:
    return {
        "paper": line.paper.name,
        "purpose": printed_purpose(line.sitting.purpose),
        "minutes": _("candidates.ticket.minutes", minutes=minutes_text(line.paper.duration)),
        "check_in": mark_text(line.sitting.check_in_opens_at),
        "report": mark_text(line.sitting.report_at),
        "late": _("candidates.ticket.late", at=mark_text(line.sitting.late_cutoff_at)),
        "sign_in": mark_text(line.sitting.sign_in_opens_at),
        "start": local_text(line.sitting.planned_start_at, "%m-%d %H:%M"),
        "moved": _("candidates.ticket.moved") if line.former_starts else "",
        "former": [local_text(at, "%m-%d %H:%M") for at in line.former_starts[:3]],
        "room": line.room.name,
        "seat": _("candidates.ticket.seat", number=seat_text(line.seat.number)),
    }


def _places(ticket: Ticket) -> list[dict[str, str]]:
    """Return each centre once, with the papers that are sat there where it is not all of them."""
    papers: dict[tuple[str, str], list[str]] = {}
    for line in ticket.lines:
        papers.setdefault((line.centre.name, line.centre.address), []).append(line.paper.name)
    return [
        {
            "papers": _("ui.comma").join(dict.fromkeys(names)) if len(papers) > 1 else "",
            "name": name,
            "address": address,
        }
        for (name, address), names in papers.items()
    ]


def rules(ticket: Ticket) -> list[str]:
    """Return 考场须知 as it holds for the sittings of a ticket."""
    late = (
        told(papers) + _(f"door.notice.late_{rule.counted_from}", minutes=minutes_text(rule.limit))
        for papers, rule in ticket.late_rules
    )
    leave = (
        told(papers)
        + _("door.notice.leave", minutes=minutes_text(rule.earliest))
        + (
            " " + _("door.notice.closed", minutes=minutes_text(rule.closed_before_end))
            if rule.closed_before_end
            else ""
        )
        for papers, rule in ticket.submit_rules
    )
    rest = (_(f"door.notice.{name}") for name in ("phone", "honest", "quiet", "fault"))
    return [_("door.notice.identity"), " ".join(late), " ".join(leave), *rest]


def told(papers: str) -> str:
    """Return for which papers a rule holds; an empty text where it is all of them."""
    return str(_("candidates.ticket.for_papers", papers=papers)) if papers else ""


_WORDS = (
    "gender", "born", "education", "phone", "years", "years.value", "insurance", "insurance.value",
    "address", "certificate", "school", "applied", "notice", "promise",
)  # fmt: skip
_LISTS = {
    "certificate_heads": ("certificate.occupation", "certificate.level", "certificate.day"),
    "school_heads": ("school.name", "school.subject", "school.number"),
    "applied_heads": ("applied.occupation", "applied.level", "applied.papers"),
    "promises": ("promise.conditions", "promise.rules", "promise.truth"),
    "signatures": ("sign.person", "sign.day"),
}
_OWN_RULES = ("absent", "materials", "conduct")


def registration_pages(occasion: Occasion) -> dict[str, Any]:
    """Return the registration sheets of a room. Source: R-74."""
    ticket_of = {ticket.number: ticket for ticket in occasion.tickets}
    label_ids = {
        "title": "candidates.print.registration.title",
        "name": "candidates.name",
        "ticket": "candidates.ticket",
        "employer": "candidates.employer",
        "eligibility": "candidates.eligibility",
        "glue": "candidates.print.registration.photo",
    }
    return {
        "title": _("candidates.print.registration"),
        "foot": occasion.where,
        "words": {
            **page_words(),
            **{name: _(text) for name, text in label_ids.items()},
            **{name.replace(".", "_"): _(f"candidates.print.registration.{name}") for name in _WORDS},
            **{
                name: [_(f"candidates.print.registration.{one}") for one in parts]
                for name, parts in _LISTS.items()
            },
        },
        "people": [
            _person(occasion, entry, ticket_of.get(entry.ticket.number))
            for entry in {entry.ticket.id: entry for entry in reversed(occasion.entries)}.values()
        ][::-1],
    }


def _person(occasion: Occasion, entry: Registered, ticket: Ticket | None) -> dict[str, Any]:
    candidate = entry.candidate
    blueprint = occasion.blueprints[entry.registration.blueprint_version_id]
    own = blueprint.papers[entry.registration.paper].name
    papers = [line.paper.name for line in ticket.lines] if ticket else [own]
    own_rules = [_(f"candidates.print.registration.rule.{name}") for name in _OWN_RULES]
    kind, number = candidate.document_type, readable(candidate.document_sealed, DOCUMENT) or ""
    gender = candidate.gender or (gender_of_number(kind, number) if number else "")
    return {
        "exam": occasion.batch.name,
        "name": candidate.name,
        "gender": DETAILS["gender"].worded(gender),
        "born": born_text(kind, number),
        "phone": DETAILS["phone"].masked_of(candidate),
        "photo": photo_name(candidate.id),
        "document": [_(f"door.document.{candidate.document_type}"), candidate.document_masked],
        "number": entry.ticket.number,
        "employer": candidate.employer,
        "applied": [
            blueprint.occupation_name,
            blueprint.level_name,
            _("ui.comma").join(dict.fromkeys(papers)),
        ],
        "eligibility": entry.registration.eligibility,
        "rules": [own_rules[0], own_rules[1], *(rules(ticket) if ticket else []), own_rules[2]],
    }


def door(occasion: Occasion) -> dict[str, Any]:
    """Return the list for the door of a room: no document number, for everybody passes it."""
    return {
        "title": _("candidates.print.door"),
        "foot": occasion.where,
        "room": occasion.room,
        "sub": _sub(occasion),
        "facts": _facts(occasion),
        "rows": [_row(occasion, entry) for entry in occasion.entries],
        "words": {
            **page_words(),
            "title": _("candidates.print.door"),
            "heads": [_(f"candidates.{head}") for head in ("seat", "name", "ticket", "paper")],
            "note": _("candidates.print.door.note"),
        },
    }


def sign_in(occasion: Occasion) -> dict[str, Any]:
    """Return the list that everybody who comes signs."""
    heads = ("seat", "name", "ticket", "document", "print.paper_and_note", "door.arrived", "door.signature")
    return {
        "title": _("candidates.door.title"),
        "foot": occasion.where,
        "heading": _("candidates.door.heading", room=occasion.room),
        "sub": _sub(occasion),
        "facts": _facts(occasion),
        "rows": [
            {
                **_row(occasion, entry),
                "document": entry.candidate.document_masked,
                "note": _note(occasion, entry),
            }
            for entry in occasion.entries
        ],
        "words": {
            **page_words(),
            "heads": [_(f"candidates.{head}") for head in heads],
            "signatures": [_("role.proctor"), _("role.chief_proctor")],
        },
    }


def labels(occasion: Occasion) -> dict[str, Any]:
    sitting = f"{occasion.sitting.name} · {local_text(occasion.sitting.planned_start_at)}"
    rows = [
        {**_row(occasion, entry), "room": occasion.room, "sitting": sitting} for entry in occasion.entries
    ]
    return {"title": _("candidates.print.labels"), "labels": rows, "words": {"seat": _("candidates.seat")}}


def seats(occasion: Occasion) -> dict[str, Any]:
    """Return the plan of a room with who sits where; a spare seat and one that nobody has are told apart."""
    taken = {entry.seat.number: entry for entry in occasion.entries}
    drawn = occasion.plan.drawn

    def cell(number: int) -> dict[str, str] | None:
        if number in taken:
            return _row(occasion, taken[number])
        message_id = (
            "candidates.print.seats.spare" if number in occasion.spares else "candidates.print.seats.free"
        )
        return {"seat": seat_text(number), "said": _(message_id)} if number else None

    return {
        "title": _("candidates.print.seats"),
        "foot": occasion.where,
        "heading": f"{occasion.room} · {_('candidates.print.seats')}",
        "sub": _sub(occasion),
        "facts": _facts(occasion),
        "door": occasion.plan.door.value,
        "aisles": [at for at, (one, other) in enumerate(pairwise(drawn[0]), 1) if other.aisles > one.aisles],
        "rows": [[cell(place.number) for place in row] for row in drawn],
        "words": {
            **page_words(),
            "door": _("sittings.plan.door"),
            "front": _("sittings.plan.front"),
        },
    }


def _sub(occasion: Occasion) -> str:
    return " · ".join((occasion.batch.name, occasion.centre.name, occasion.sitting.name))


def _facts(occasion: Occasion) -> list[list[str]]:
    sitting = occasion.sitting
    return [
        [_("sittings.sitting.start"), local_text(sitting.planned_start_at)],
        [_("candidates.mark.check_in"), mark_text(sitting.check_in_opens_at)],
        [_("candidates.mark.report"), mark_text(sitting.report_at)],
        [_("candidates.mark.sign_in"), mark_text(sitting.sign_in_opens_at)],
        [_("candidates.mark.late"), mark_text(sitting.late_cutoff_at)],
        [_("candidates.print.expected"), _("candidates.print.people", count=len(occasion.entries))],
    ]


def _row(occasion: Occasion, entry: Registered) -> dict[str, str]:
    return {
        "seat": seat_text(entry.seat.number),
        "name": entry.candidate.name,
        "number": entry.ticket.number,
        "paper": occasion.paper_name(entry),
    }


def _note(occasion: Occasion, entry: Registered) -> str:
    notes = (
        _("candidates.kind.retake") if entry.registration.kind == "retake" else "",
        accommodation_text(entry),
        "" if entry.candidate.id in occasion.photos else _("candidates.no_photo"),
    )
    return str(_("ui.also")).join(filter(None, notes))


@dataclass(frozen=True, slots=True)
class Printable:
    """A document: what it says of a room, and what it needs beside words; `single` for one person, too.

    Its name is that of its file in `cbt/printing/documents` and of its texts, `candidates.print.<name>`.
    """

    gather: Callable[[Occasion], dict[str, Any]]
    single: bool = False
    photos: bool = False
    qr: bool = False


DOCUMENTS = {
    "tickets": Printable(ticket_pages, single=True, photos=True, qr=True),
    "door": Printable(door),
    "sign_in": Printable(sign_in),
    "labels": Printable(labels),
    "seats": Printable(seats),
    "registration": Printable(registration_pages, single=True, photos=True),
}
