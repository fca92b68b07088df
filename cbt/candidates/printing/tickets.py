"""准考证: one person, every paper of the batch, the rules of their sittings, a QR of the number."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _

from cbt.candidates.printing.occasion import Occasion
from cbt.candidates.printing.words import photo_name, seat_text
from cbt.candidates.tickets import Ticket, TicketLine
from cbt.errors import NotFound
from cbt.personal.fields import DETAILS
from cbt.sittings.planning.inputs import minutes_text
from cbt.sittings.planning.purposes import printed_purpose
from cbt.web.i18n import local_text, mark_text

_HEADS = ("paper", "ticket.check_in", "ticket.report", "ticket.sign_in", "ticket.start", "print.room")


def data(occasion: Occasion) -> dict[str, Any]:
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
