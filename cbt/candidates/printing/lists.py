"""What a room's staff hang up, hand round and stick on the desks: list at the door, 签到表, 桌贴, 座位图."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from flask_babel import gettext as _

from cbt.candidates.printing.occasion import Occasion
from cbt.candidates.printing.words import page_words, seat_text
from cbt.candidates.roster.export import accommodation_text
from cbt.candidates.store import Registered
from cbt.web.i18n import local_text, mark_text


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
