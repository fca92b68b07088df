"""The public list of a publication (公示), as a page and on paper: masked name, end of a ticket, outcome.

Source: R-90.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import flask_babel
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from cbt.blueprints.store import blueprint_of
from cbt.enrolment.body import BodyDetails
from cbt.printing.pdf import pdf
from cbt.results.models import Publication
from cbt.results.publicity import store
from cbt.results.publicity.store import PublishedLine
from cbt.results.rulings import unruled_refs
from cbt.rules.publicity import masked_name, ticket_tail
from cbt.rules.retake import PaperOutcome
from cbt.sittings.models import Batch, Sitting

_TOLD = {PaperOutcome.PASSED.value: "passed", PaperOutcome.ABSENT.value: "absent"}
"""Everything else is 不合格 to everybody else: why it is so is nobody's business."""


@dataclass(frozen=True, slots=True)
class PublicLine:
    """One result as everybody may read it; `outcome` is `passed`, `failed`, `absent`, `withheld` or `held`."""

    name: str
    ticket: str
    title: str
    outcome: str


@dataclass(frozen=True, slots=True)
class PublicList:
    """A page of what is shown of a sitting; `first` is the number of its first line."""

    publication: Publication
    sitting: Sitting
    batch: Batch
    lines: Sequence[PublicLine]
    count: int
    page: int
    pages: int
    per_page: int

    @property
    def first(self) -> int:
        """Return the number of the first line."""
        return (self.page - 1) * self.per_page + 1


def public_list(session: Session, ref: str, *, page: int, today: date) -> PublicList:
    """Return a page of what everybody may read today; raise NotFound("publicity.over")."""
    publication, sitting, batch = store.shown_today(session, ref, today)
    return listed(session, publication, sitting, batch, page=page, per_page=store.PUBLIC_PAGE)


def listed(
    session: Session, publication: Publication, sitting: Sitting, batch: Batch, *, page: int, per_page: int
) -> PublicList:
    """Return a page of what everybody may read of a publication."""
    found = store.published_page(session, publication, page=page, per_page=per_page)
    waiting = unruled_refs(session, sitting.id)
    shown = [_line(session, line, waiting) for line in found.lines]
    return PublicList(publication, sitting, batch, shown, found.count, found.page, found.pages, per_page)


def _line(session: Session, line: PublishedLine, waiting: Collection[str]) -> PublicLine:
    blueprint = blueprint_of(session, line.registration.blueprint_version_id)
    paper = blueprint.papers[line.registration.paper]
    outcome = "withheld" if paper.release == "none" else _TOLD.get(line.shown.outcome, "failed")
    if line.registration.ref in waiting:
        outcome = "held"
    return PublicLine(
        masked_name(line.candidate.name),
        ticket_tail(line.ticket_number),
        f"{blueprint.level_name} {paper.label}",
        outcome,
    )


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
