"""What the page of a batch and the officers' home page show of batches, gathered in one reading each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from cbt.batches import store
from cbt.batches.checklist.lines import CheckLine, step_line
from cbt.batches.facts import facts_of_batches
from cbt.batches.publishing.missing import Missing, missing_in
from cbt.enrolment.applications.store import ApplicationLine, applications_of_batch
from cbt.enrolment.body.service import body
from cbt.exams.store import blueprint_of
from cbt.rules.planning.readiness import BatchFacts, SittingFacts, next_step, steps_of
from cbt.rules.planning.showing import publicity_steps
from cbt.rules.states.sitting import SittingState
from cbt.sittings.models import Batch, Centre, Sitting, SittingChange
from cbt.sittings.store import batch_by_ref, changes_of, told_change
from cbt.web.i18n import local_day

SITTINGS, BATCHES = 40, 6
"""How many stand on a page."""


@dataclass(frozen=True, slots=True)
class LevelShown:
    """A level of a batch in words, or what is registered where a batch has no shape."""

    level: str
    paper: str
    people: int


@dataclass(frozen=True, slots=True)
class SittingShown:
    """A sitting of a batch; what is known of it is None for one that was cancelled."""

    sitting: Sitting
    centre: Centre
    facts: SittingFacts | None
    change: SittingChange | None
    """Why it is off, a draft again, or no longer when and where it was."""

    @property
    def missing(self) -> list[Missing]:
        """What a draft still lacks."""
        if self.facts is None or self.facts.state is not SittingState.DRAFT:
            return []
        return missing_in(self.facts)


@dataclass(frozen=True, slots=True)
class ChecklistPage:
    """A batch: its levels and papers with their people, its steps, a page of its sittings."""

    batch: Batch
    levels: list[LevelShown]
    facts: BatchFacts
    steps: list[CheckLine]
    sittings: list[SittingShown]
    total: int
    applications: list[ApplicationLine]
    """The applications of units whose people sit in it."""

    @property
    def done(self) -> int:
        """How many steps are done."""
        return sum(line.step.state == "done" for line in self.steps)


@dataclass(frozen=True, slots=True)
class BatchLine:
    """A batch that is not over, and what is next; None where nothing is left to do before its day."""

    batch: Batch
    next: CheckLine | None
    starts_at: datetime | None


def batch_page(session: Session, ref: str, *, page: int, now: datetime) -> ChecklistPage:
    """Return what the page of a batch shows."""
    batch = batch_by_ref(session, ref)
    facts = facts_of_batches(session, [batch])[batch.id]
    by_ref = {sitting.ref: sitting for sitting in facts.sittings}
    found, total = store.sittings_page(session, batch.id, limit=SITTINGS, offset=(page - 1) * SITTINGS)
    changes = changes_of(session, [sitting.id for sitting, _ in found])
    return ChecklistPage(
        batch=batch,
        levels=levels_of(session, batch.id),
        facts=facts,
        steps=lines_of(facts, ref, now=now),
        sittings=[
            SittingShown(
                sitting, centre, by_ref.get(sitting.ref), told_change(sitting, changes.get(sitting.id, []))
            )
            for sitting, centre in found
        ],
        total=total,
        applications=applications_of_batch(session, batch.id),
    )


def lines_of(facts: BatchFacts, batch_ref: str, *, now: datetime) -> list[CheckLine]:
    """Return the steps of a batch as they are shown."""
    steps = [*steps_of(facts, now=now), *publicity_steps(facts, today=local_day(now))]
    following = next_step(steps)
    return [step_line(step, batch_ref, is_next=step is following) for step in steps]


def levels_of(session: Session, batch_id: int) -> list[LevelShown]:
    """Return the levels and papers of a batch in their order, each with how many are registered for it."""
    counts = store.counts_by_paper(session, batch_id)
    for version, papers in store.shape_of(session, batch_id):
        for paper in papers:
            counts.setdefault((version, paper), 0)
    shown = []
    for (version, paper), people in counts.items():
        blueprint = blueprint_of(session, version)
        order = (blueprint.level_code, version, list(blueprint.papers).index(paper))
        shown.append((order, LevelShown(blueprint.level_name, blueprint.papers[paper].name, people)))
    return [line for _order, line in sorted(shown, key=lambda one: one[0])]


def unfinished(session: Session, *, page: int, now: datetime) -> tuple[list[BatchLine], int]:
    """Return a page of the batches that are not over, each with its next step, and how many there are."""
    batches, total = store.batches_ahead(
        session,
        now=now,
        results=body(session).publicity_days > 0,
        limit=BATCHES,
        offset=(page - 1) * BATCHES,
    )
    facts = facts_of_batches(session, batches)
    return [_line(batch, facts[batch.id], now) for batch in batches], total


def _line(batch: Batch, facts: BatchFacts, now: datetime) -> BatchLine:
    following = [line for line in lines_of(facts, batch.ref, now=now) if line.is_next]
    return BatchLine(batch, following[0] if following else None, _first_start(facts.sittings))


def _first_start(sittings: Sequence[SittingFacts]) -> datetime | None:
    ahead = [one.starts_at for one in sittings if one.state in {SittingState.DRAFT, SittingState.PUBLISHED}]
    return min(ahead, default=None)
