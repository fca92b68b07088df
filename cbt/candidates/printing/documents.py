"""Documents of a room: tickets, registration sheets, lists for the door, desk labels, the plan of seats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from flask_babel import gettext as _

from cbt.candidates.printing.occasion import Occasion
from cbt.candidates.roster.export import accommodation_text
from cbt.candidates.store import Registered
from cbt.candidates.tickets import Ticket, TicketLine
from cbt.errors import NotFound
from cbt.http.i18n import local_text, mark_text
from cbt.personal.fields import DETAILS
from cbt.sittings.planning.inputs import minutes_text
from cbt.sittings.planning.purposes import printed_purpose


def page_words() -> dict[str, str]:
    """Return what the foot of a page says; the typesetter puts the numbers in."""
    return {"page": _("candidates.print.page", number="{n}", count="{of}")}


def seat_text(number: int) -> str:
    """Return the number of a seat as it stands on the seat."""
    return f"{number:02d}"


def photo_name(candidate_id: int) -> str:
    """Return by what name a document asks for the photo of a candidate."""
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
    who, blueprint = ticket.candidate, ticket.lines[0].blueprint
    return {
        "exam": _("candidates.ticket.exam", occupation=blueprint.occupation_name, level=blueprint.level_name),
        "name": who.name,
        "number": ticket.number,
        "document": [_(f"door.document.{who.document_type}"), who.document_masked],
        "details": [
            [detail.title, detail.worded(value)]
            for detail in DETAILS.values()
            if detail.printed and (value := detail.masked_of(who))
        ],
        "photo": photo_name(who.id),
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
    "gender", "born", "born.value", "education", "phone", "years", "years.value", "insurance", "insurance.value",
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
    known = {
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
            **{name: _(text) for name, text in known.items()},
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
    who = entry.candidate
    blueprint = occasion.blueprints[entry.registration.blueprint_version_id]
    own = blueprint.papers[entry.registration.paper].name
    papers = [line.paper.name for line in ticket.lines] if ticket else [own]
    own_rules = [_(f"candidates.print.registration.rule.{name}") for name in _OWN_RULES]
    return {
        "exam": occasion.batch.name,
        "name": who.name,
        "gender": DETAILS["gender"].worded(who.gender),
        "photo": photo_name(who.id),
        "document": [_(f"door.document.{who.document_type}"), who.document_masked],
        "number": entry.ticket.number,
        "employer": who.employer,
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
    """Return the labels for the desks of a room."""
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
        said = "candidates.print.seats.spare" if number in occasion.spares else "candidates.print.seats.free"
        return {"seat": seat_text(number), "said": _(said)} if number else None

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
    said = (
        _("candidates.kind.retake") if entry.registration.kind == "retake" else "",
        accommodation_text(entry),
        "" if entry.candidate.id in occasion.photos else _("candidates.no_photo"),
    )
    return str(_("ui.also")).join(filter(None, said))


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
