"""The pages of the room, wing by wing."""

from __future__ import annotations

import flask

from cbt.batches.applied import views as applied
from cbt.batches.checklist import views as checklist
from cbt.batches.checks import views as checks
from cbt.batches.free import views as free
from cbt.batches.keeping import views as keeping
from cbt.batches.moving import views as moving
from cbt.batches.people import views as people
from cbt.batches.publishing import views as publishing
from cbt.batches.roster import views as roster
from cbt.batches.roster.files import views as roster_file
from cbt.batches.seating import views as seating
from cbt.batches.shape import views as shape

pages = flask.Blueprint("batches", __name__)
for wing in (
    applied,
    checklist,
    checks,
    free,
    keeping,
    moving,
    people,
    publishing,
    roster,
    roster_file,
    seating,
    shape,
):
    pages.register_blueprint(wing.pages)
