"""How the papers of a room put values: instants, seats, spans; and what every page of them shares."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from flask_babel import gettext as _

from cbt.delivery.close import outage
from cbt.exams.reasons.words import REASON
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.record.facts import RoomRecord
from cbt.rules.reasons import EVACUATION
from cbt.rules.roles import Role
from cbt.web.i18n import local_text, word

Width = float | dict[str, float]
"""The width of a column in millimetres, or its share of what is left."""
NONE = "–"
MOST_NAMED = 12


def share(part: float = 1) -> Width:
    """Return the width of a column that takes its share of what the others leave."""
    return {"share": part}


def clock(at: datetime | None) -> str:
    """Return an instant of the day to the second; a dash for none."""
    return NONE if at is None else local_text(at, "%H:%M:%S")


def because(code: str, reason: str) -> str:
    """Return a reason of the table with what was typed beside it; the server's own acts have the reason alone."""
    typed = "" if reason in {EVACUATION, outage.REASON} else reason.strip()
    said = [word(REASON + code) if code else "", typed]
    return " · ".join(dict.fromkeys(filter(None, said)))


def names(seats: Sequence[SeatView]) -> str:
    """Return who sits there, by seat: 07 王小明、…; of many the first ones, for there is a list; – for nobody."""
    said = str(_("ui.comma")).join(f"{seat.label} {seat.name}" for seat in seats[:MOST_NAMED])
    if len(seats) > MOST_NAMED:
        return str(_("record.and_more", said=said, count=len(seats)))
    return said or NONE


def part(
    name: str, columns: Sequence[tuple[str, Width]], rows: Iterable[Sequence[str]], *, heading: bool = True
) -> dict[str, Any]:
    """Return one table of a document: the heads of its columns are `record.col.<…>`."""
    found = [list(row) for row in rows]
    return {
        "heading": _(f"record.part.{name}", count=len(found)) if heading else "",
        "heads": [_(f"record.col.{column}") for column, _width in columns],
        "columns": [width for _column, width in columns],
        "rows": found,
        "none": _(f"record.none.{name}"),
    }


def sheet(name: str, record: RoomRecord, *, signed: Sequence[str]) -> dict[str, Any]:
    """Return what every document says: whose it is, of which sitting, when it was made, whether it is final."""
    head = record.board.head
    planned = local_text(head.planned_start_at)
    title = _(f"candidates.print.{name}")
    return {
        "title": title,
        "heading": title,
        "body": head.centre_name,
        "sub": " · ".join((record.batch, head.sitting_name, head.room_name)),
        "foot": " · ".join(
            (
                head.room_name,
                planned,
                _("record.printed", at=local_text(record.printed_at, "%Y-%m-%d %H:%M:%S")),
            )
        ),
        "draft": _("record.draft") if record.draft else "",
        "facts": [
            [_("record.fact.planned"), planned],
            [_("record.fact.started"), clock(head.started_at)],
            [_("record.fact.ended"), clock(record.ended_at)],
            [_("record.fact.expected"), _("record.people", count=record.ending.balance.expected)],
            [_("record.fact.present"), _("record.people", count=record.ending.balance.present)],
            [_("record.fact.absent"), _("record.people", count=record.ending.balance.absent)],
        ],
        "words": {
            "page": _("candidates.print.page", number="{n}", count="{of}"),
            "signatures": [_(f"record.sign.{one}") for one in signed],
        },
    }


def staff_with(record: RoomRecord, duty: Role) -> str:
    """Return the names of those who had a duty in the room."""
    found = [name for name, held in record.staff if held == duty]
    return str(_("ui.comma")).join(found) or NONE
