"""Pages of the publicity: the office's, with objections, and the list that everybody may read."""

from __future__ import annotations

import flask
from flask_babel import gettext as _

from cbt.enrolment.body import body
from cbt.errors import CbtError, Conflict, TooMany
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.auth.machine import current_machine
from cbt.http.auth.rate_limit import Allowance
from cbt.http.form_values import asked_text, page_of
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on, form_page, see_other, typed_form
from cbt.http.i18n import local_day
from cbt.http.page_cache import page_for_all
from cbt.http.partials import Reply
from cbt.http.server import lanes
from cbt.jobs.answers import act_reply, file_reply
from cbt.results.handler import result_number
from cbt.results.jobs import PUBLIC_LIST, PUBLISH_RESULTS
from cbt.results.publicity import objections, publication, store
from cbt.results.publicity.objections import ObjectionForm
from cbt.results.publicity.publication import how_to_object, public_list
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("publicity", __name__)

READERS = (Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR)
SITTING = "results.publicity.sitting"


@pages.get("/results/<sitting_ref>/publicity")
@access.roles(*READERS)
def sitting(sitting_ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    text, page = asked_text(flask.request.args), page_of(flask.request.args)
    with reading() as session:
        publicity_page = publication.publicity_page(
            session, sitting_ref, text=text, page=page, now=flask.g.now
        )
        return form_page("results/publicity/sitting.html", refused, found=publicity_page, text=text)


def _of_a_publication(error: CbtError) -> bool:
    return error.code.startswith(("publicity.", "results.not_")) and error.code != "results.not_over"


@pages.post("/results/<sitting_ref>/publicity")
@access.roles(Role.OFFICER)
@form_on(sitting, Conflict, only=_of_a_publication)
def publish(sitting_ref: str) -> Reply:
    """Show the results of a sitting."""
    page = flask.url_for(SITTING, sitting_ref=sitting_ref)
    return act_reply(PUBLISH_RESULTS, subject=f"sitting:{sitting_ref}", page=page, sitting=sitting_ref)


@pages.post("/results/<sitting_ref>/publicity/withdraw")
@access.roles(Role.OFFICER)
@form_on(sitting, only=lambda error: error.code == "publicity.reason")
def withdraw(sitting_ref: str) -> Reply:
    """Take what is shown back."""
    reason = flask.request.form.get("reason", "")
    publication.withdraw(sitting_ref, reason=reason, now=flask.g.now, actor=acting())
    return see_other(_("publicity.withdrawn"), SITTING, sitting_ref=sitting_ref)


@pages.get("/results/<sitting_ref>/publicity.pdf")
@access.roles(*READERS)
def paper(sitting_ref: str) -> Reply:
    """Send the masked list for a notice board, of a large sitting a part of it."""
    page = page_of(flask.request.args)
    return file_reply(PUBLIC_LIST, subject=f"sitting:{sitting_ref}", sitting=sitting_ref, part=page)


@pages.get("/results/objections/to/<registration_ref>")
@access.roles(Role.OFFICER)
def new(registration_ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    with reading() as session:
        objection_page = publication.new_objection_page(session, registration_ref)
        today = local_day(flask.g.now)
        return form_page("results/publicity/new.html", refused, found=objection_page, today=today)


@pages.post("/results/objections/to/<registration_ref>")
@access.roles(Role.OFFICER)
@form_on(new, only=lambda error: "field" in error.params)
def bring(registration_ref: str) -> Reply:
    """Take an objection down."""
    told, now = typed_form(ObjectionForm), flask.g.now
    ref = objections.bring(registration_ref, told, today=local_day(now), now=now, actor=acting())
    return see_other(_("objection.brought"), SITTING, sitting_ref=ref)


@pages.get("/results/objections/<ref>")
@access.roles(*READERS)
def objection(ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    with reading() as session:
        objection_page = publication.objection_page(session, ref)
        own = objection_page.objection is not None and objection_page.objection.entered_by == acting()
        return form_page("results/publicity/objection.html", refused, found=objection_page, own=own)


@pages.post("/results/objections/<ref>")
@access.roles(*objections.DECIDERS)
@form_on(
    objection,
    only=lambda error: error.code.startswith(("objection.", "second.")) and error.code != "objection.unknown",
)
def decide(ref: str) -> Reply:
    """Decide an objection that somebody else took down."""
    form = flask.request.form
    verdict, grounds = form.get("verdict", ""), form.get("grounds", "")
    sitting_ref = objections.decide(ref, verdict=verdict, grounds=grounds, now=flask.g.now, actor=acting())
    return see_other(_(f"objection.decided.{verdict}"), SITTING, sitting_ref=sitting_ref)


# What everybody may read: which results are shown now, and the list of each; nothing once it is over
#
#
# These pages are the same for everybody and are kept, as of the change number of results and the day.

public_pages = flask.Blueprint("public_lists", __name__, url_prefix="/publicity")
_ALLOWANCE = "cbt_publicity_allowance"


@public_pages.record_once
def _begin(state: flask.blueprints.BlueprintSetupState) -> None:
    state.app.extensions[_ALLOWANCE] = Allowance()


@public_pages.get("")
@lanes.for_everybody
@access.public
def index() -> Reply:
    """List what is shown now."""
    _count()
    today = local_day(flask.g.now)

    def draw() -> str:
        with reading() as session:
            publications = store.open_publications(session, today)
            return flask.render_template("results/publicity/now.html", found=publications)

    return page_for_all(flask.request.path, draw, version=(result_number(flask.request.environ), today))


@public_pages.get("/<ref>")
@lanes.for_everybody
@access.public
def one(ref: str) -> Reply:
    """Show the masked list of a sitting while its window is open."""
    _count()
    today, page = local_day(flask.g.now), page_of(flask.request.args)

    def draw() -> str:
        with reading() as session:
            listing = public_list(session, ref, page=page, today=today)
            notice = how_to_object(body(session), listing.publication.last_on.isoformat())
            return flask.render_template("results/publicity/public.html", found=listing, said=notice)

    path = flask.url_for("results.public_lists.one", ref=ref, page=page if page > 1 else None)
    return page_for_all(path, draw, version=(result_number(flask.request.environ), today))


def _count() -> None:
    machine = current_machine()
    allowance: Allowance = flask.current_app.extensions[_ALLOWANCE]
    try:
        allowance.take(machine.guesses_as, now=flask.g.now)
    except TooMany as error:
        raise TooMany("publicity.throttled", **error.params) from error
