"""Pages of publishing: what a sitting lacks, and the act."""

from __future__ import annotations

import flask
from flask_babel import gettext

from cbt.batches.checks.reading import checks_of_sitting, stops_of
from cbt.batches.publishing import service
from cbt.batches.publishing.missing import missing_of
from cbt.db.unit_of_work import reading
from cbt.errors import Conflict
from cbt.rules.roles import Role
from cbt.sittings.store import sitting_by_ref
from cbt.web.forms import flash_refusal, refusal
from cbt.web.partials import Reply
from cbt.web.who import access
from cbt.web.who.login import acting

pages = flask.Blueprint("publishing", __name__)


@pages.post("/office/sittings/<sitting_ref>/publish")
@access.roles(Role.OFFICER)
def publish(sitting_ref: str) -> Reply:
    """Publish a sitting; a refusal is a page with everything that is missing and where it is mended."""
    try:
        service.publish(sitting_ref=sitting_ref, now=flask.g.now, actor=acting())
    except Conflict as error:
        if error.code == "sitting.incomplete":
            return _readiness("batches/publishing/incomplete.html", sitting_ref), refusal(error).code
        flash_refusal(error)
    else:
        flask.flash(gettext("sittings.done.published"), "ok")
    return flask.redirect(flask.url_for("candidates.sitting", ref=sitting_ref), 303)


@pages.get("/office/sittings/<sitting_ref>/readiness")
@access.roles(Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR, Role.ADMIN)
def readiness(sitting_ref: str) -> Reply:
    """What a sitting still lacks for its day, as a fragment of its page."""
    return _readiness("batches/publishing/_readiness.html", sitting_ref)


def _readiness(template: str, sitting_ref: str) -> str:
    with reading() as session:
        sitting = sitting_by_ref(session, sitting_ref)
        missing = missing_of(session, sitting)
        stops = stops_of(checks_of_sitting(session, sitting))
    return flask.render_template(template, sitting=sitting, missing=missing, concerns=stops)
