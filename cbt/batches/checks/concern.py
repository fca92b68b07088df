"""One thing that speaks against a plan: how much it weighs, by which clause, in words, and where it is mended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import flask
from flask_babel import gettext as _

from cbt.rules.planning.clashes import Gravity
from cbt.web.addresses import path_of

MOVE = "move"
"""What is mended by another time or room: on the page of a move, and not on that of the sitting."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What all concerns of one code share: clause of the rules, weight, and the place on the sitting's page."""

    clause: str
    gravity: Gravity
    anchor: str


KINDS: Mapping[str, Kind] = {
    "person_overlap": Kind("R-7", Gravity.STOP, "people"),
    "person_close": Kind("R-7", Gravity.WARN, "people"),
    "room_overlap": Kind("R-7", Gravity.STOP, MOVE),
    "room_close": Kind("R-7", Gravity.WARN, MOVE),
    "proctor_overlap": Kind("R-7", Gravity.STOP, "rooms"),
    "proctor_close": Kind("R-7", Gravity.WARN, "rooms"),
    "proctor_is_candidate": Kind("R-7", Gravity.WARN, "rooms"),
    "seats_over": Kind("R-16", Gravity.STOP, MOVE),
    "spares_used": Kind("R-16", Gravity.WARN, "rooms"),
    "photos_missing": Kind("R-15", Gravity.WARN, "photos"),
    "shape_level": Kind("R-7", Gravity.STOP, "people"),
    "shape_paper": Kind("R-7", Gravity.STOP, "people"),
    "shape_version": Kind("R-8", Gravity.WARN, "people"),
    "case_beside": Kind("R-8", Gravity.WARN, "people"),
    "cases_beside": Kind("R-8", Gravity.WARN, "rooms"),
    "retake_passed": Kind("R-4", Gravity.STOP, "people"),
    "retake_absent": Kind("R-4", Gravity.STOP, "people"),
    "retake_window_over": Kind("R-4", Gravity.STOP, "people"),
    "retake_other_pass_over": Kind("R-4", Gravity.STOP, "people"),
    "retake_no_result": Kind("R-4", Gravity.WARN, "people"),
    "retake_is_retake": Kind("R-4", Gravity.WARN, "people"),
}
"""In the order in which they are shown. A retake without a result here may have been failed elsewhere."""


@dataclass(frozen=True, slots=True)
class Concerned:
    """Somebody a concern is about, with the ref of the registration it is about; "" for one not yet registered."""

    name: str
    ref: str = ""

    @property
    def page(self) -> str:
        """The path that leads to the person's page, or an empty text."""
        return path_of(flask.current_app, "batches.people.of_registration", ref=self.ref) if self.ref else ""


@dataclass(frozen=True, slots=True)
class Concern:
    """One thing that speaks against a plan; `params` are those of its two texts."""

    code: str
    sitting_ref: str
    params: Mapping[str, object] = field(default_factory=dict)
    people: tuple[Concerned, ...] = ()

    @property
    def gravity(self) -> Gravity:
        """Whether it stops the plan or warns of it."""
        return KINDS[self.code].gravity

    @property
    def stops(self) -> bool:
        """Whether the sitting cannot be published with it."""
        return self.gravity is Gravity.STOP

    @property
    def clause(self) -> str:
        """The clause of the rules."""
        return KINDS[self.code].clause

    @property
    def text(self) -> str:
        """What is wrong, in the person's language."""
        return str(_(f"batches.check.{self.code}", count=len(self.people), **self.params))

    @property
    def fix(self) -> str:
        """What to do now, in the person's language."""
        return str(_(f"batches.check.{self.code}.fix", **self.params))

    @property
    def go(self) -> str:
        """What the button says that leads to the page which mends it."""
        return str(_(f"batches.check.go.{KINDS[self.code].anchor}"))

    @property
    def page(self) -> str:
        """The path of the page that mends it: the person's, a place on that of the sitting, or a move."""
        if len(self.people) == 1 and self.people[0].ref:
            return self.people[0].page
        anchor = KINDS[self.code].anchor
        if anchor == MOVE:
            return path_of(flask.current_app, "batches.moving.form", ref=self.sitting_ref)
        path = path_of(flask.current_app, "candidates.sitting", ref=self.sitting_ref)
        return f"{path}#{anchor}"
