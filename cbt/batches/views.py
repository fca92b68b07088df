"""Pages of a batch: its checklist, accepted people of applications, the calendar of free days."""

from __future__ import annotations

from collections.abc import Mapping

import flask
from flask_babel import get_locale

from cbt.batches import application_roster
from cbt.batches import change_views as batches_change_views
from cbt.batches import seat_assignment_views as seating
from cbt.batches.application_roster import BatchWish
from cbt.batches.checklist import AT_ONCE, BATCHES, SITTINGS, batch_page, unfinished
from cbt.batches.checks import views as checks
from cbt.batches.free_days import free_month
from cbt.batches.jobs import APPLICATION_ROSTER, DRAW_BATCH, TAKE_OUT
from cbt.batches.people import views as people
from cbt.batches.roster import views as roster_roster
from cbt.enrolment.applications.views import OFFICE, OWN, ApplicationSide, application
from cbt.errors import Conflict, InvalidInput
from cbt.http.auth import access
from cbt.http.auth.login import Principal, acting
from cbt.http.form_values import page_of
from cbt.http.forms import Refusal, form_on
from cbt.http.i18n import local_day
from cbt.http.partials import Reply
from cbt.jobs.answers import act_reply, file_reply
from cbt.jobs.registry import job_kinds
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading

checklist_pages = flask.Blueprint("checklist", __name__)

READERS = (Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR, Role.ADMIN)


@checklist_pages.get("/office/batches/<ref>")
@access.roles(*READERS)
def batch(ref: str) -> Reply:
    number = page_of(flask.request.args)
    with reading() as session:
        page = batch_page(session, ref, page=number, now=flask.g.now)
        return flask.render_template(
            "batches/checklist/batch.html", page=page, number=number, pages=-(-page.total // SITTINGS)
        )


@checklist_pages.post("/office/batches/<ref>/draw")
@access.roles(Role.OFFICER)
def draw(ref: str) -> Reply:
    """组卷: draw and freeze the forms that are missing in the sittings of a batch."""
    page = flask.url_for("batches.checklist.batch", ref=ref)
    most = None if job_kinds().worker_is_kept else AT_ONCE
    return act_reply(DRAW_BATCH, subject=f"batch:{ref}", page=page, batch=ref, most=most)


def batches_on_home(principal: Principal) -> tuple[str, Mapping[str, object]] | None:
    """Return the part of the home page about batches, with what it needs; None for who does not run them."""
    if Role.OFFICER not in principal.roles:
        return None
    number = page_of(flask.request.args)
    with reading() as session:
        lines, total = unfinished(session, page=number, now=flask.g.now)
    needs = {"lines": lines, "number": number, "pages": -(-total // BATCHES), "total": total}
    return "batches/checklist/_home.html", needs


application_pages = flask.Blueprint("applied", __name__)


def _application_page(ref: str, refused: Refusal) -> Reply:
    return application(OFFICE, ref, refused)


@application_pages.post("/office/applications/<ref>/batch")
@access.roles(Role.OFFICER)
@form_on(_application_page, InvalidInput, Conflict)
def bring_in(ref: str) -> Reply:
    """编入批次: have the accepted people be looked at as a roster of the batch, and go there."""
    form = flask.request.form
    wish = BatchWish(form.get("batch", ""), outside="outside" in form)
    batch_ref, draft = application_roster.bring_in(
        ref, wish, locale=str(get_locale()), now=flask.g.now, actor=acting()
    )
    return flask.redirect(flask.url_for("batches.roster.check", ref=batch_ref, draft=draft), 303)


@application_pages.post("/office/applications/<ref>/batch/leave")
@access.roles(Role.OFFICER)
@form_on(_application_page, InvalidInput, Conflict)
def take_out(ref: str) -> Reply:
    """退出批次: take the people off the roster of the batch, and the application out of it."""
    page = OFFICE.url("application", ref=ref)
    return act_reply(TAKE_OUT, subject=f"unit_application:{ref}", page=page, application=ref)


@application_pages.post("/office/applications/<ref>/roster")
@access.roles(Role.OFFICER)
def roster(ref: str) -> Reply:
    """Send the accepted people as a roster that a batch reads as it is."""
    return file_reply(APPLICATION_ROSTER, subject=f"unit_application:{ref}", application=ref)


free_day_pages = flask.Blueprint("free", __name__)


@free_day_pages.get("/office/applications/calendar")
@access.roles(Role.OFFICER, Role.INSPECTOR, Role.ADMIN)
def days() -> Reply:
    return _page(OFFICE)


@free_day_pages.get("/unit/applications/calendar")
@access.roles(Role.UNIT_CLERK)
def own_days() -> Reply:
    OWN.unit_id()
    return _page(OWN)


def _page(side: ApplicationSide) -> Reply:
    args = flask.request.args
    with reading() as session:
        month = free_month(
            session,
            month=args.get("month", ""),
            day=args.get("day", ""),
            level=args.get("level", ""),
            today=local_day(flask.g.now),
        )
    here = {name: args[name] for name in ("unit", "application") if args.get(name)}
    return flask.render_template("batches/free_days/days.html", side=side, found=month, here=here)


pages = flask.Blueprint("batches", __name__)
for wing in (
    application_pages,
    checklist_pages,
    checks.pages,
    free_day_pages,
    batches_change_views.removal_pages,
    batches_change_views.sitting_change_pages,
    people.pages,
    batches_change_views.publication_pages,
    roster_roster.pages,
    seating.pages,
    batches_change_views.shape_pages,
):
    pages.register_blueprint(wing)
