"""A step of a batch as people read it: a sentence, and the one page where what is missing is mended."""

from __future__ import annotations

from dataclasses import dataclass

import flask
from flask_babel import gettext as _

from cbt.rules.planning.readiness import BatchStep, StepState

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
    "rest": "results.publicity.sitting",
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
        """What the step is called."""
        return str(_(f"batches.step.{self.step.code}"))

    @property
    def text(self) -> str:
        """How it stands, in numbers."""
        if self.step.state is StepState.WAITS:
            return str(_(f"batches.waits.{self.step.reason}"))
        return str(_(f"batches.step.{self.step.code}.{self.step.reason}", **self.step.counts))

    @property
    def go(self) -> str:
        """What its button says."""
        return str(_(f"batches.go.{self.step.code}.{self.step.reason}"))


def step_line(step: BatchStep, batch_ref: str, *, is_next: bool) -> CheckLine:
    """Return a step of a batch as it is shown."""
    return CheckLine(step, "" if step.state is StepState.WAITS else _url(step, batch_ref), is_next)


def _url(step: BatchStep, batch_ref: str) -> str:
    key = (step.code, step.reason)
    if step.code == "publish" and step.counts.get("ready", 0) > 1:
        return flask.url_for("batches.publishing.confirm_many", ref=batch_ref)
    if key in OF_BATCH:
        return flask.url_for(OF_BATCH[key], ref=batch_ref)
    if step.code == "publicity":
        return flask.url_for(OF_RESULTS[step.reason], sitting_ref=step.sitting) if step.sitting else ""
    if step.code == "roster":
        return flask.url_for("batches.roster.upload", ref=batch_ref)
    if key not in PAGES or not step.sitting:
        return ""
    endpoint, place = PAGES[key]
    return flask.url_for(endpoint, ref=step.sitting, _anchor=place or None)
