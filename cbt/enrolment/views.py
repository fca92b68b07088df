"""The pages of the room, wing by wing; who the body is, and the office's tables of days and majors."""

from __future__ import annotations

import flask
import flask_babel

from cbt.accounts.approvals.requests import SecondNeeded
from cbt.accounts.approvals.views import ask_for
from cbt.accounts.store import actor_names, staff_with_roles
from cbt.blueprints.store import blueprint_of, current_versions
from cbt.enrolment import body as body_service
from cbt.enrolment import office_decisions, unit_views
from cbt.enrolment.applications import people_views
from cbt.enrolment.applications import views as applications
from cbt.enrolment.body import BodyDetails
from cbt.enrolment.fees import views as fees_views
from cbt.enrolment.office_decisions import DayForm, MajorForm
from cbt.enrolment.workbook import views as workbook
from cbt.holidays import published_holidays
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.form_values import whole_number
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on, form_page, see_other, typed_form
from cbt.http.i18n import local_day
from cbt.http.partials import Reply
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading

body_pages = flask.Blueprint("body", __name__)
TEXTS = ("name", "address", "phone", "website", "look_up", *body_service.PAYEE)


@body_pages.get("/office/body")
@access.roles(Role.OFFICER, Role.INSPECTOR, Role.ADMIN)
def body(refused: Refusal = NOTHING_REFUSED) -> Reply:
    with reading() as session:
        known = body_service.body(session)
        admins = [staff.name for staff in staff_with_roles(session, [Role.ADMIN])] if not known.name else []
    return form_page("enrolment/body/body.html", refused, known=known, admins=admins)


@body_pages.post("/office/body")
@access.roles(Role.ADMIN)
@form_on(body)
def change() -> Reply:
    """Say who the body is; or ask the second person, where results are to be shown in public no more."""
    form = flask.request.form
    days = whole_number(form.get("publicity_days", "").strip(), most=999)
    texts = {name: form.get(name, "") for name in TEXTS}
    wanted = BodyDetails(
        **texts, publicity_days=-1 if days is None else days, whole_numbers=bool(form.get("whole_numbers"))
    )
    reason = form.get("reason", "")
    try:
        body_service.change_body(wanted, now=flask.g.now, actor=acting(), reason=reason)
    except SecondNeeded as needed:
        with reading() as session:
            before = body_service.body(session)
        return ask_for(needed, lambda: body_service.wish_for(before, wanted, reason))
    return see_other(flask_babel.gettext("enrolment.body.saved"), "enrolment.body.body")


office_decision_pages = flask.Blueprint("decided", __name__)
READERS = (Role.OFFICER, Role.INSPECTOR, Role.ADMIN)


@office_decision_pages.get("/office/holidays")
@access.roles(*READERS)
def days(refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show the days that the office decided about."""
    with reading() as session:
        rows = office_decisions.office_days(session)
        names = actor_names(session, {one.by for one in rows})
    return form_page(
        "enrolment/office_decisions/days.html",
        refused,
        rows=rows,
        names=names,
        years=sorted(published_holidays().years),
    )


@office_decision_pages.post("/office/holidays")
@access.roles(Role.OFFICER)
@form_on(days)
def set_day() -> Reply:
    """Say that a day is worked or free."""
    form = flask.request.form
    typed = DayForm(form.get("day", ""), form.get("kind", ""), form.get("reason", ""))
    office_decisions.set_day(typed, today=local_day(flask.g.now), now=flask.g.now, actor=acting())
    return see_other(flask_babel.gettext("enrolment.days.saved"), "enrolment.decided.days")


@office_decision_pages.post("/office/holidays/<day>/remove")
@access.roles(Role.OFFICER)
@form_on(days)
def forget_day(day: str) -> Reply:
    office_decisions.forget_day(day, now=flask.g.now, actor=acting())
    return see_other(flask_babel.gettext("enrolment.days.removed"), "enrolment.decided.days")


@office_decision_pages.get("/office/majors")
@access.roles(*READERS)
def majors(refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show the majors of an occupation: those of its blueprints and those that the office decided about."""
    with reading() as session:
        levels = [blueprint_of(session, row.id) for row in current_versions(session)]
        occupations = list(dict.fromkeys(one.occupation_name for one in levels))
        occupation = refused.sent.get("occupation", "") or flask.request.args.get("occupation", "")
        chosen = occupation if occupation in occupations else next(iter(occupations), "")
        rows = office_decisions.office_majors(session, chosen)
        names = actor_names(session, {one.by for one in rows})
    return form_page(
        "enrolment/office_decisions/majors.html",
        refused,
        occupations=occupations,
        links=[
            (flask.url_for("enrolment.decided.majors", occupation=one), one, one == chosen)
            for one in occupations
        ],
        chosen=chosen,
        levels=[one for one in levels if one.occupation_name == chosen],
        kinds=office_decisions.KINDS,
        rows=rows,
        names=names,
    )


@office_decision_pages.post("/office/majors")
@access.roles(Role.OFFICER)
@form_on(majors)
def set_major() -> Reply:
    """Say of which kind a major is."""
    typed = typed_form(MajorForm)
    office_decisions.set_major(typed, now=flask.g.now, actor=acting())
    return see_other(
        flask_babel.gettext("enrolment.majors.saved"), "enrolment.decided.majors", occupation=typed.occupation
    )


@office_decision_pages.post("/office/majors/<ref>/remove")
@access.roles(Role.OFFICER)
@form_on(majors)
def forget_major(ref: str) -> Reply:
    """Take a major out of the office's table."""
    office_decisions.forget_major(ref, now=flask.g.now, actor=acting())
    flask.flash(flask_babel.gettext("enrolment.majors.removed"), "ok")
    occupation = flask.request.form.get("occupation", "")
    return flask.redirect(flask.url_for("enrolment.decided.majors", occupation=occupation or None), 303)


pages = flask.Blueprint("enrolment", __name__)
for wing in (
    unit_views.pages,
    unit_views.unit_clerk_pages,
    unit_views.agreement_pages,
    body_pages,
    office_decision_pages,
    fees_views.pages,
    fees_views.unit_clerk_pages,
):
    pages.register_blueprint(wing)
applications.add_pages()
people_views.add_pages()
people_views.add_attachment_pages()
workbook.add_pages()
people_views.add_annex_pages()
for side in applications.BOTH:
    pages.register_blueprint(side.pages)
