"""What a sitting lacks for its day: everything at once, each with the page that mends it."""

from __future__ import annotations

from dataclasses import dataclass

import flask
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from cbt.batches.facts import facts_of_sittings
from cbt.rules.planning.readiness import LackOfSitting, SittingFacts, lacks
from cbt.sittings.models import Sitting
from cbt.web.addresses import path_of

PAGES = {
    "rooms": ("candidates.sitting", "#rooms"),
    "candidates": ("batches.roster.of_sitting", ""),
    "proctors": ("candidates.sitting", "#rooms"),
    "chief": ("candidates.sitting", "#rooms"),
    "forms": ("candidates.sitting", "#forms"),
}
"""Where each thing is mended: a page about the sitting, and the place on it."""


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing a sitting lacks, in words and with the page that mends it."""

    lack: LackOfSitting

    @property
    def code(self) -> str:
        """Which thing it is."""
        return self.lack.code

    @property
    def text(self) -> str:
        """What is missing, in the person's language."""
        rooms = str(_("batches.missing.and")).join(self.lack.rooms)
        return str(_(f"batches.missing.{self.lack.code}", count=self.lack.count, rooms=rooms))

    def page(self, sitting_ref: str) -> str:
        """Return the path of the page that mends it."""
        endpoint, place = PAGES[self.lack.code]
        return path_of(flask.current_app, endpoint, ref=sitting_ref) + place


def missing_of(session: Session, sitting: Sitting) -> list[Missing]:
    """Return everything a sitting lacks for its day, in the order in which it is mended.

    Source: R-7, R-20, R-43, R-60, R-62.
    """
    return missing_in(facts_of_sittings(session, [sitting])[sitting.id])


def missing_in(facts: SittingFacts) -> list[Missing]:
    """Return what these facts lack."""
    return [Missing(one) for one in lacks(facts)]
