"""报名登记表: a page for each person, what is known filled in; document numbers stay masked, as on the pages."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _

from cbt.candidates.printing.occasion import Occasion
from cbt.candidates.printing.tickets import rules
from cbt.candidates.printing.words import page_words, photo_name
from cbt.candidates.store import Registered
from cbt.candidates.tickets import Ticket
from cbt.personal.fields import DETAILS

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


def data(occasion: Occasion) -> dict[str, Any]:
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
