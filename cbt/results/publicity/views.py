"""The office's pages of the publicity: publishing, the list for the board, objections."""

from __future__ import annotations

import flask
from flask_babel import gettext as _

from cbt.enrolment.body import body
from cbt.errors import CbtError, Conflict
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.downloads import attachment
from cbt.http.form_values import asked_text, page_of
from cbt.http.forms import NOTHING_REFUSED, Refusal, refusal
from cbt.http.i18n import local_day
from cbt.http.partials import Reply
from cbt.printing.pdf import PDF
from cbt.results.publicity import objections, publication, store
from cbt.results.publicity import pages as shown
from cbt.results.publicity.objections import ObjectionForm
from cbt.results.publicity.public_list import list_paper, listed
from cbt.results.service import note_printed
from cbt.results.store import finished_sitting
from cbt.rules.roles import Role
from cbt.sittings.models import Batch
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("publicity", __name__)

READERS = (Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR)


@pages.get("/results/<sitting_ref>/publicity")
@access.roles(*READERS)
def sitting(sitting_ref: str) -> Reply:
    """Show how the publicity of a sitting stands, what is shown, and who objected."""
    return _sitting(sitting_ref, NOTHING_REFUSED)


@pages.post("/results/<sitting_ref>/publicity")
@access.roles(Role.OFFICER)
def publish(sitting_ref: str) -> Reply:
    """Show the results of a sitting."""
    try:
        last = publication.publish(sitting_ref, now=flask.g.now, actor=acting())
    except Conflict as error:
        if not error.code.startswith(("publicity.", "results.not_")) or error.code == "results.not_over":
            raise
        return _sitting(sitting_ref, refusal(error))
    flask.flash(_("publicity.published", last=last.isoformat()), "ok")
    return _back(sitting_ref)


@pages.post("/results/<sitting_ref>/publicity/withdraw")
@access.roles(Role.OFFICER)
def withdraw(sitting_ref: str) -> Reply:
    """Take what is shown back."""
    reason = flask.request.form.get("reason", "")
    try:
        publication.withdraw(sitting_ref, reason=reason, now=flask.g.now, actor=acting())
    except CbtError as error:
        if error.code != "publicity.reason":
            raise
        return _sitting(sitting_ref, refusal(error))
    flask.flash(_("publicity.withdrawn"), "ok")
    return _back(sitting_ref)


@pages.get("/results/<sitting_ref>/publicity.pdf")
@access.roles(*READERS)
def paper(sitting_ref: str) -> Reply:
    """Send the masked list for a notice board, of a large sitting a part of it."""
    with reading() as session:
        found = finished_sitting(session, sitting_ref)
        publication = store.standing_publication(session, found.id)
        if publication is None:
            raise Conflict("publicity.due", days=body(session).publicity_days)
        batch = session.get_one(Batch, found.batch_id)
        part = page_of(flask.request.args)
        lines = listed(session, publication, found, batch, page=part, per_page=store.PAPER_PAGE)
        made = list_paper(lines, body(session))
    note_printed(found.logged_as, now=flask.g.now, actor=acting(), document="publicity")
    return attachment(made, PDF, f"{_('publicity.paper.title')}-{found.name}.pdf")


@pages.get("/results/objections/to/<registration_ref>")
@access.roles(Role.OFFICER)
def new(registration_ref: str) -> Reply:
    """Ask who objects to a result, and why."""
    return _new(registration_ref, NOTHING_REFUSED)


@pages.post("/results/objections/to/<registration_ref>")
@access.roles(Role.OFFICER)
def bring(registration_ref: str) -> Reply:
    """Take an objection down."""
    form = flask.request.form
    told = ObjectionForm(**{name: form.get(name, "") for name in ObjectionForm.__dataclass_fields__})
    today = local_day(flask.g.now)
    try:
        ref = objections.bring(registration_ref, told, today=today, now=flask.g.now, actor=acting())
    except CbtError as error:
        if "field" not in error.params:
            raise
        return _new(registration_ref, refusal(error))
    flask.flash(_("objection.brought"), "ok")
    return _back(ref)


@pages.get("/results/objections/<ref>")
@access.roles(*READERS)
def objection(ref: str) -> Reply:
    """Show an objection, and what it is about."""
    return _objection(ref, NOTHING_REFUSED)


@pages.post("/results/objections/<ref>")
@access.roles(*objections.DECIDERS)
def decide(ref: str) -> Reply:
    """Decide an objection that somebody else took down."""
    form = flask.request.form
    verdict, grounds = form.get("verdict", ""), form.get("grounds", "")
    try:
        sitting_ref = objections.decide(
            ref, verdict=verdict, grounds=grounds, now=flask.g.now, actor=acting()
        )
    except CbtError as error:
        if not error.code.startswith(("objection.", "second.")) or error.code == "objection.unknown":
            raise
        return _objection(ref, refusal(error))
    flask.flash(_(f"objection.decided.{verdict}"), "ok")
    return _back(sitting_ref)


def _back(sitting_ref: str) -> Reply:
    return flask.redirect(flask.url_for("results.publicity.sitting", sitting_ref=sitting_ref), 303)


def _sitting(sitting_ref: str, refused: Refusal) -> Reply:
    text, page = asked_text(flask.request.args), page_of(flask.request.args)
    with reading() as session:
        found = shown.publicity_page(session, sitting_ref, text=text, page=page, now=flask.g.now)
        drawn = flask.render_template(
            "results/publicity/sitting.html", found=found, text=text, refused=refused
        )
    return drawn, refused.code


def _new(registration_ref: str, refused: Refusal) -> Reply:
    with reading() as session:
        found = shown.new_objection_page(session, registration_ref)
        today = local_day(flask.g.now)
        drawn = flask.render_template("results/publicity/new.html", found=found, today=today, refused=refused)
    return drawn, refused.code


def _objection(ref: str, refused: Refusal) -> Reply:
    with reading() as session:
        found = shown.objection_page(session, ref)
        drawn = flask.render_template(
            "results/publicity/objection.html",
            found=found,
            refused=refused,
            own=found.objection is not None and found.objection.entered_by == acting(),
        )
    return drawn, refused.code
