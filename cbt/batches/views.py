"""The pages of the room, wing by wing."""

from __future__ import annotations

import flask

from cbt.batches import application_views as applied
from cbt.batches import checklist_views as checklist
from cbt.batches import free_day_views as free
from cbt.batches import removal_views as keeping
from cbt.batches import seating_views as seating
from cbt.batches import shape_views as shape
from cbt.batches import sitting_change_views as moving
from cbt.batches.checks import views as checks
from cbt.batches.people import views as people
from cbt.batches.publishing import views as publishing
from cbt.batches.roster import views as roster

pages = flask.Blueprint("batches", __name__)
for wing in (
    applied.pages,
    checklist.pages,
    checks.pages,
    free.pages,
    keeping.pages,
    moving.pages,
    people.pages,
    publishing.pages,
    roster.pages,
    seating.pages,
    shape.pages,
):
    pages.register_blueprint(wing)
