"""The checklist of a batch: its steps in words, each with the one page that mends it, levels and sittings.

Forms are drawn for the sittings of a batch by their start; after 300 the rest waits for another request.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import flask
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from cbt.batches import store
from cbt.batches.applications import OffRoster, off_roster
from cbt.batches.publication import Missing, missing_in
from cbt.batches.store import facts_of_batches
from cbt.blueprints.store import blueprint_of
from cbt.enrolment.applications.store import ApplicationLine, applications_of_batch
from cbt.enrolment.body import body
from cbt.errors import CbtError
from cbt.http.i18n import local_day
from cbt.rules.planning.readiness import (
    BatchFacts,
    BatchStep,
    SittingFacts,
    StepState,
    certificate_steps,
    next_step,
    publicity_steps,
    steps_of,
)
from cbt.rules.states import SittingState
from cbt.runner.paper.draw import draw_for_sitting
from cbt.sittings.models import Batch, Centre, Sitting, SittingChange
from cbt.sittings.store import batch_by_ref, changes_of, sitting_by_ref, told_change
from cbt.storage.unit_of_work import DIRECTLY, LongWork, reading

_SITTING = "candidates.sitting"
PAGES: dict[tuple[str, str], tuple[str, str]] = {
    ("photos", "missing"): (_SITTING, "photos"),
    ("sittings", "rooms"): (_SITTING, "rooms"),
    ("sittings", "late"): ("batches.moving.form", ""),
    ("sittings", "outside"): ("batches.moving.form", ""),
    ("forms", "missing"): (_SITTING, "forms"),
    ("tickets", "missing"): ("candidates.printing.choose", ""),
    ("proctors", "missing"): (_SITTING, "rooms"),
    ("proctors", "chief"): (_SITTING, "rooms"),
    ("publish", "ready"): ("batches.publishing.confirm", ""),
    ("publish", "empty"): (_SITTING, ""),
}
"""Where a step is mended: a page about the sitting it names, and the place on it."""
OF_RESULTS = {
    "due": "results.publicity.sitting",
    "objections": "results.publicity.sitting",
    "rulings": "results.publicity.sitting",
    "release": "results.release_preview",
    "rest": "results.release_preview",
}
"""Those of the publicity, which are mended among the results of the sitting they name."""
OF_BATCH: dict[tuple[str, str], str] = {
    ("sittings", "none"): "sittings.new_sitting",
    ("sittings", "done"): "sittings.new_sitting",
    ("seats", "arrange"): "batches.seating.of_batch",
    ("seats", "done"): "batches.seating.of_batch",
    ("tickets", "again"): "candidates.printing.again_of_batch",
}
"""Those that are mended on a page about the batch."""


@dataclass(frozen=True, slots=True)
class CheckLine:
    """A step in words; `url` is empty where nothing is to be done."""

    step: BatchStep
    url: str
    is_next: bool

    @property
    def title(self) -> str:
        return str(_(f"batches.step.{self.step.code}"))

    @property
    def text(self) -> str:
        if self.step.state is StepState.WAITS:
            return str(_(f"batches.waits.{self.step.reason}"))
        return str(_(f"batches.step.{self.step.code}.{self.step.reason}", **self.step.counts))

    @property
    def go(self) -> str:
        return str(_(f"batches.go.{self.step.code}.{self.step.reason}"))


def step_line(step: BatchStep, batch_ref: str, *, is_next: bool) -> CheckLine:
    return CheckLine(step, "" if step.state is StepState.WAITS else _url(step, batch_ref), is_next)


def _url(step: BatchStep, batch_ref: str) -> str:
    key = (step.code, step.reason)
    if step.code == "publish" and step.counts.get("ready", 0) > 1:
        return flask.url_for("batches.publishing.confirm_many", ref=batch_ref)
    if key in OF_BATCH:
        return flask.url_for(OF_BATCH[key], ref=batch_ref)
    if step.code == "publicity":
        if not step.sitting:
            return ""
        rest = "1" if step.reason == "rest" else None
        return flask.url_for(OF_RESULTS[step.reason], sitting_ref=step.sitting, rest=rest)
    if step.code == "certificates":
        return flask.url_for("certificates.certificates")
    if step.application:
        return flask.url_for("enrolment.applications.application", ref=step.application)
    if step.code == "roster":
        return flask.url_for("batches.roster.upload", ref=batch_ref)
    if key not in PAGES or not step.sitting:
        return ""
    endpoint, place = PAGES[key]
    return flask.url_for(endpoint, ref=step.sitting, _anchor=place or None)


SITTINGS, BATCHES = 40, 6
"""How many stand on a page."""
_OPEN = frozenset({SittingState.DRAFT, SittingState.PUBLISHED, SittingState.ADMITTING})


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
        return [] if self.facts is None or not self.is_ahead else missing_in(self.facts)

    @property
    def is_ahead(self) -> bool:
        """Whether it can still lack something: a sitting that began, or is off, is asked for nothing more."""
        return self.facts is not None and self.facts.state in _OPEN


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
    off_roster: list[OffRoster]
    """Whom of applications its roster lacks."""

    @property
    def done(self) -> int:
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
    facts = facts_of_batches(session, [batch], today=local_day(now))[batch.id]
    by_ref = {sitting.ref: sitting for sitting in facts.sittings}
    rows, total = store.sittings_page(session, batch.id, limit=SITTINGS, offset=(page - 1) * SITTINGS)
    changes = changes_of(session, [sitting.id for sitting, _ in rows])
    return ChecklistPage(
        batch=batch,
        levels=levels_of(session, batch.id),
        facts=facts,
        steps=lines_of(facts, ref, now=now),
        sittings=[
            SittingShown(
                sitting, centre, by_ref.get(sitting.ref), told_change(sitting, changes.get(sitting.id, []))
            )
            for sitting, centre in rows
        ],
        total=total,
        applications=applications_of_batch(session, batch.id),
        off_roster=off_roster(session, [batch]).get(batch.id, []) if facts.off_roster else [],
    )


def lines_of(facts: BatchFacts, batch_ref: str, *, now: datetime) -> list[CheckLine]:
    after = [*publicity_steps(facts, today=local_day(now)), *certificate_steps(facts)]
    steps = [*steps_of(facts, now=now), *after]
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
    facts = facts_of_batches(session, batches, today=local_day(now))
    return [_line(batch, facts[batch.id], now) for batch in batches], total


def _line(batch: Batch, facts: BatchFacts, now: datetime) -> BatchLine:
    following = [line for line in lines_of(facts, batch.ref, now=now) if line.is_next]
    return BatchLine(batch, following[0] if following else None, _first_start(facts.sittings))


def _first_start(sittings: Sequence[SittingFacts]) -> datetime | None:
    ahead = [one.starts_at for one in sittings if one.state in {SittingState.DRAFT, SittingState.PUBLISHED}]
    return min(ahead, default=None)


AT_ONCE = 300
"""After so many forms the rest waits for another request, where no worker draws them."""


@dataclass(frozen=True, slots=True)
class DrawnBatch:
    """How many forms were drawn, in how many sittings some are missing, and what stopped at which sitting."""

    forms: int
    left: int
    stopped: CbtError | None = None
    sitting: str = ""


def draw_for_batch(
    *, batch_ref: str, most: int | None = AT_ONCE, now: datetime, actor: str, work: LongWork = DIRECTLY
) -> DrawnBatch:
    """Draw forms for the sittings of a batch by their start; the first that refuses ends it.

    So does the sitting in which there are `most`.

    Source: R-8, R-43.
    """
    with reading() as session:
        batch = batch_by_ref(session, batch_ref)
        facts = facts_of_batches(session, [batch], today=local_day(now))[batch.id]
    undrawn = {one.ref: one.undrawn for one in facts.sittings if one.undrawn and one.state in _OPEN}
    waiting, forms = list(undrawn), int(work.so_far.get("forms", 0))
    while waiting and (most is None or forms < most):
        after = sum(undrawn[ref] for ref in waiting[1:])
        try:
            forms += draw_for_sitting(waiting[0], now=now, actor=actor, work=work, before=forms, after=after)
        except CbtError as error:
            with reading() as session:
                name = sitting_by_ref(session, waiting[0]).name
            return DrawnBatch(forms, len(waiting), error, name)
        waiting.pop(0)
    return DrawnBatch(forms, len(waiting))
