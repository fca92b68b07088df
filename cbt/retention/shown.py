"""A destruction as pages and paper show it: what went, in groups that people know."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.accounts.store import actor_names
from cbt.enrolment.body.service import body
from cbt.retention.models import Destruction
from cbt.sittings.models import Batch, Centre, Sitting
from cbt.web.i18n import local_text

GROUPS: Mapping[str, tuple[str, ...]] = {
    "people": ("candidate",),
    "registrations": ("registration", "withdrawal", "admission_ticket"),
    "attempts": ("attempt",),
    "answers": ("journal", "late_entry", "recovered_entry"),
    "results": ("score", "result"),
    "papers": ("form",),
    "photos": ("candidate_photo", "applicant_photo"),
    "applicants": ("applicant",),
    "evidence": ("applicant_proof", "evidence_scan"),
    "reports": ("incident", "incident_report", "inspector_comment"),
}
"""The tables that are counted by a name; all others are the rest."""
REST = "rest"


@dataclass(frozen=True, slots=True)
class ShownDestruction:
    """A destruction, its batch and sittings, what went by group, and who took part."""

    row: Destruction
    batch: Batch
    sittings: Sequence[tuple[str, str, str]]
    """Name, centre and planned start of each."""
    counts: Mapping[str, int]
    asked_by: str
    settled_by: str
    body: str


def shown(session: Session, row: Destruction) -> ShownDestruction:
    """Return a destruction as it is shown."""
    batch = session.get_one(Batch, row.batch_id)
    names = actor_names(session, [row.asked_by, row.settled_by])
    return ShownDestruction(
        row,
        batch,
        sittings_of(session, batch),
        _grouped(json.loads(row.counts)),
        names.get(row.asked_by, row.asked_by),
        names.get(row.settled_by, row.settled_by),
        body(session).name,
    )


def sittings_of(session: Session, batch: Batch) -> list[tuple[str, str, str]]:
    """Return the sittings of a batch by start, with the centre of each."""
    query = (
        select(Sitting.name, Centre.name, Sitting.planned_start_at)
        .join(Centre, Centre.id == Sitting.centre_id)
        .where(Sitting.batch_id == batch.id)
        .order_by(Sitting.planned_start_at, Sitting.id)
    )
    return [(name, centre, local_text(at)) for name, centre, at in session.execute(query)]


def _grouped(counts: Mapping[str, int]) -> dict[str, int]:
    found = {group: sum(counts.get(name, 0) for name in tables) for group, tables in GROUPS.items()}
    found[REST] = sum(counts.values()) - sum(found.values())
    return found


def destruction_paper(found: ShownDestruction) -> dict[str, Any]:
    """Return the record of a destruction on paper. Source: R-95."""
    row = found.row
    facts = [
        [_("retention.batch"), found.batch.name],
        [_("retention.kind"), _(f"retention.kind.{row.kind}")],
        [_("retention.last_on"), row.last_on.isoformat()],
        [_("retention.years"), _("retention.years.count", years=row.years)],
        [_("retention.due_on"), row.due_on.isoformat()],
        [_("retention.number"), row.ref],
        [_("retention.asked_by"), f"{found.asked_by} {local_text(row.asked_at)}"],
        [_("retention.confirmed_by"), f"{found.settled_by} {_at(row.settled_at)}"],
        [_("retention.done_at"), _at(row.done_at)],
        [_("retention.body"), found.body],
    ]
    parts = [
        {
            "title": _("retention.paper.sittings"),
            "widths": [3, 3, 2],
            "heads": [_("retention.sitting"), _("retention.centre"), _("retention.start")],
            "rows": [list(one) for one in found.sittings],
        }
    ]
    if row.kind == "electronic":
        parts.insert(
            0,
            {
                "title": _("retention.gone"),
                "widths": [3, 1],
                "heads": [_("retention.what"), _("retention.rows")],
                "rows": [[_(f"retention.group.{name}"), str(count)] for name, count in found.counts.items()],
            },
        )
    return {
        "title": _("retention.paper.title"),
        "foot": f"{found.body} · {row.ref}",
        "sub": found.body,
        "good": True,
        "verdict": _("retention.paper.done"),
        "reasons": [row.note],
        "facts": facts,
        "parts": parts,
        "note": _(f"retention.paper.note.{row.kind}"),
        "words": {
            "title": _("retention.paper.title"),
            "signatures": [
                _("retention.paper.destroyer"),
                _("retention.paper.witness"),
                _("retention.paper.seal"),
            ],
            "page": _("candidates.print.page", number="{n}", count="{of}"),
        },
    }


def _at(instant: Any) -> str:
    return local_text(instant) if instant is not None else "—"
