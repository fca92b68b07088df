"""The list for a notice board: what everybody may read, and nothing else."""

from __future__ import annotations

from typing import Any

import flask_babel
from flask_babel import gettext as _

from cbt.enrolment.body.service import BodyDetails
from cbt.printing.pdf import pdf
from cbt.results.publicity.public import PublicLine, PublicList


def list_paper(found: PublicList, told: BodyDetails) -> bytes:
    """Return a part of a publication as A4 pages. Source: R-90."""
    shown = found.publication
    data: dict[str, Any] = {
        "title": _("publicity.paper.title"),
        "body": told.name,
        "sub": " · ".join((found.batch.name, found.sitting.name)),
        "foot": " · ".join((_("publicity.paper.title"), found.sitting.name)),
        "lead": _(
            "publicity.paper.lead", first=shown.published_on.isoformat(), last=shown.last_on.isoformat()
        ),
        "object": how_to_object(told, shown.last_on.isoformat()),
        "rows": [_row(number, line) for number, line in enumerate(found.lines, found.first)],
        "words": {
            "page": _("results.print.page", number="{n}", count="{of}"),
            "heads": [
                _(f"publicity.col.{name}") for name in ("number", "name", "ticket", "paper", "outcome")
            ],
            "seal": _("publicity.paper.seal"),
            "day": shown.published_on.isoformat(),
        },
    }
    return pdf("publicity", data, language=str(flask_babel.get_locale()))


def how_to_object(told: BodyDetails, last: str) -> str:
    """Say until when and where somebody objects."""
    where = _("publicity.separator").join(filter(None, (told.name, told.address, told.phone)))
    return str(_("publicity.object", last=last, where=where))


def _row(number: int, line: PublicLine) -> list[str]:
    return [str(number), line.name, line.ticket, line.title, str(_(f"publicity.outcome.{line.outcome}"))]
