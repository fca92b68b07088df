"""What speaks against registrations that are only planned yet: those of a file, or of one person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.batches.checks import people
from cbt.batches.checks.concern import Concern
from cbt.batches.checks.facts import Entered, entered_of
from cbt.batches.checks.retakes import objections, past_of
from cbt.candidates.models import Registration
from cbt.candidates.spacing import paper_span
from cbt.exams.store import blueprint_of
from cbt.sittings.models import Sitting

NONE = timedelta(0)
_AFTER_ALL = 1 << 60
"""Above the id of any stored registration."""


@dataclass(frozen=True, slots=True)
class PlannedEntry:
    """A registration that is to be made: `key` names it to the asker, `person` is the same for one person's."""

    key: int
    person: str
    name: str
    candidate_id: int | None
    sitting: Sitting
    version: int
    paper: str
    kind: str = "first"
    factor: Decimal = Decimal(1)
    extra: timedelta = NONE


def checks_of_rows(session: Session, rows: Sequence[PlannedEntry]) -> dict[int, list[Concern]]:
    """Return what speaks against planned registrations, by their key: overlaps with each other and with what
    is stored, none of the batch's papers, no right to a retake. Whoever is already registered for the same
    paper in the same sitting is not looked at: that is the asker's to know.

    Source: R-4, R-7, R-8.
    """
    if not rows:
        return {}
    numbers: dict[str, int] = {}
    for row in rows:
        numbers.setdefault(
            row.person, row.candidate_id if row.candidate_id is not None else -len(numbers) - 1
        )
    own = [_entry(session, row, place, numbers) for place, row in enumerate(rows)]
    known = {row.candidate_id for row in rows if row.candidate_id is not None}
    stored = entered_of(session, known, [row.sitting for row in rows]) if known else []
    past = past_of(session, known)
    also = frozenset((entry.person, blueprint_of(session, entry.version).ref, entry.paper) for entry in own)
    shapes = people.shapes_of(session, {row.sitting.batch_id for row in rows})
    of_person: dict[int, list[Entered]] = defaultdict(list)
    for one in (*stored, *own):
        of_person[one.person].append(one)
    told: dict[int, list[Concern]] = defaultdict(list)
    for entry, row in zip(own, rows, strict=True):
        told[row.key] += people.time_clashes([entry], of_person[entry.person])
        told[row.key] += people.outside_shape(session, [entry], shapes)
        told[row.key] += people.without_right(objections(session, [entry], past, also=also))
    return {key: concerns for key, concerns in told.items() if concerns}


def checks_of_registered(session: Session, registrations: Collection[Registration]) -> list[Concern]:
    """Return what speaks against some registrations of people as they stand in this unit of work, what stops first.

    Source: R-4, R-7, R-8.
    """
    people_ids = {one.candidate_id for one in registrations}
    ids = {one.sitting_id for one in registrations}
    sittings = list(session.scalars(select(Sitting).where(Sitting.id.in_(ids))))
    refs = {one.ref for one in registrations}
    near = entered_of(session, people_ids, sittings)
    own = [one for one in near if one.ref in refs]
    shapes = people.shapes_of(session, {one.batch_id for one in sittings})
    past = past_of(session, people_ids)
    found = [
        *people.time_clashes(own, [one for one in near if one.ref not in refs]),
        *people.outside_shape(session, own, shapes),
        *people.without_right(objections(session, own, past, also=frozenset())),
    ]
    return sorted(found, key=lambda one: not one.stops)


def _entry(session: Session, row: PlannedEntry, place: int, numbers: dict[str, int]) -> Entered:
    paper = blueprint_of(session, row.version).papers[row.paper]
    return Entered(
        id=_AFTER_ALL + place,
        ref="",
        person=numbers[row.person],
        name=row.name,
        sitting=row.sitting,
        sitting_room_id=0,
        kind=row.kind,
        version=row.version,
        paper=row.paper,
        span=paper_span(row.sitting.planned_start_at, paper, factor=row.factor, extra=row.extra),
    )
