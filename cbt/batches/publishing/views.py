"""Pages of publishing: what was checked, what a sitting lacks, and the act."""

from __future__ import annotations

import flask
from flask_babel import gettext

from cbt.batches.checks.sittings import checks_of_sitting, stops_of
from cbt.batches.publishing import service
from cbt.batches.publishing.service import DRAFTS, missing_of, publish_many_page, publish_page
from cbt.errors import Conflict
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.form_values import page_of
from cbt.http.forms import NOTHING_REFUSED, Refusal, flash_refusal, form_on, form_page, refusal, see_other
from cbt.http.partials import Reply
from cbt.rules.roles import Role
from cbt.rules.states.sitting import SittingState
from cbt.sittings.store import sitting_by_ref
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("publishing", __name__)


@pages.get("/office/sittings/<ref>/publish")
@access.roles(Role.OFFICER)
def confirm(ref: str) -> Reply:
    """Show what was checked of a draft, and what everybody will see; one that is out has nothing to confirm."""
    with reading() as session:
        draft = sitting_by_ref(session, ref).state == SittingState.DRAFT.value
    return _confirm(ref, NOTHING_REFUSED) if draft else _back(ref)


@pages.post("/office/sittings/<ref>/publish")
@access.roles(Role.OFFICER)
def publish(ref: str) -> Reply:
    """Publish a sitting; a refusal is the page again, with everything that is missing and where it is mended."""
    try:
        service.publish(sitting_ref=ref, now=flask.g.now, actor=acting())
    except Conflict as error:
        if error.code == "sitting.incomplete":
            return _confirm(ref, refusal(error))
        flash_refusal(error)
    else:
        flask.flash(gettext("sittings.done.published"), "ok")
    return _back(ref)


@pages.get("/office/batches/<ref>/publish")
@access.roles(Role.OFFICER)
def confirm_many(ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show the drafts of a batch, each with what keeps it back; those that are ready are chosen."""
    number = page_of(flask.request.args)
    with reading() as session:
        page = publish_many_page(session, ref, page=number)
    sent = flask.request.form.getlist("sittings") if refused.what else None
    return form_page(
        "batches/publishing/confirm_many.html",
        refused,
        page=page,
        sent=sent,
        number=number,
        pages=-(-page.total // DRAFTS),
    )


@pages.post("/office/batches/<ref>/publish")
@access.roles(Role.OFFICER)
@form_on(confirm_many)
def publish_many(ref: str) -> Reply:
    """Publish the chosen drafts of a batch in one act."""
    chosen = flask.request.form.getlist("sittings")
    count = service.publish_many(batch_ref=ref, sitting_refs=chosen, now=flask.g.now, actor=acting())
    return see_other(gettext("batches.publish.done", count=count), "batches.checklist.batch", ref=ref)


@pages.get("/office/sittings/<sitting_ref>/readiness")
@access.roles(Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR, Role.ADMIN)
def readiness(sitting_ref: str) -> Reply:
    """What a sitting still lacks for its day, as a fragment of its page."""
    with reading() as session:
        sitting = sitting_by_ref(session, sitting_ref)
        missing = missing_of(session, sitting)
        stops = stops_of(checks_of_sitting(session, sitting))
    return flask.render_template(
        "batches/publishing/_readiness.html", sitting=sitting, missing=missing, concerns=stops
    )


def _confirm(ref: str, refused: Refusal) -> Reply:
    with reading() as session:
        page = publish_page(session, ref)
    return form_page("batches/publishing/confirm.html", refused, page=page)


def _back(ref: str) -> Reply:
    return flask.redirect(flask.url_for("candidates.sitting", ref=ref), 303)
