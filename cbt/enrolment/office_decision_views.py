"""The office's two tables: which days are worked, which majors are related."""

from __future__ import annotations

import flask
import flask_babel

from cbt.accounts.store import actor_names
from cbt.blueprints.store import blueprint_of, current_versions
from cbt.enrolment import office_decisions
from cbt.enrolment.office_decisions import DayForm, MajorForm
from cbt.errors import CbtError
from cbt.holidays import published_holidays
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.forms import NOTHING_REFUSED, Refusal, refusal
from cbt.http.i18n import local_day
from cbt.http.partials import Reply
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("decided", __name__)
READERS = (Role.OFFICER, Role.INSPECTOR, Role.ADMIN)


@pages.get("/office/holidays")
@access.roles(*READERS)
def days() -> Reply:
    """Show the days that the office decided about."""
    return _days_page(NOTHING_REFUSED)


@pages.post("/office/holidays")
@access.roles(Role.OFFICER)
def set_day() -> Reply:
    """Say that a day is worked or free."""
    form = flask.request.form
    try:
        typed = DayForm(form.get("day", ""), form.get("kind", ""), form.get("reason", ""))
        office_decisions.set_day(typed, today=local_day(flask.g.now), now=flask.g.now, actor=acting())
    except CbtError as error:
        return _days_page(refusal(error))
    flask.flash(flask_babel.gettext("enrolment.days.saved"), "ok")
    return flask.redirect(flask.url_for("enrolment.decided.days"), 303)


@pages.post("/office/holidays/<day>/remove")
@access.roles(Role.OFFICER)
def forget_day(day: str) -> Reply:
    """Take a day out of the table."""
    try:
        office_decisions.forget_day(day, now=flask.g.now, actor=acting())
    except CbtError as error:
        return _days_page(refusal(error))
    flask.flash(flask_babel.gettext("enrolment.days.removed"), "ok")
    return flask.redirect(flask.url_for("enrolment.decided.days"), 303)


def _days_page(refused: Refusal) -> Reply:
    with reading() as session:
        rows = office_decisions.office_days(session)
        names = actor_names(session, {one.by for one in rows})
    shown = flask.render_template(
        "enrolment/office_decisions/days.html",
        rows=rows,
        names=names,
        years=sorted(published_holidays().years),
        refused=refused,
    )
    return shown, refused.code


@pages.get("/office/majors")
@access.roles(*READERS)
def majors() -> Reply:
    """Show the majors of an occupation: those of its blueprints and those that the office decided about."""
    return _majors_page(NOTHING_REFUSED)


@pages.post("/office/majors")
@access.roles(Role.OFFICER)
def set_major() -> Reply:
    """Say of which kind a major is."""
    form = flask.request.form
    try:
        typed = MajorForm(**{name: form.get(name, "") for name in MajorForm.__dataclass_fields__})
        office_decisions.set_major(typed, now=flask.g.now, actor=acting())
    except CbtError as error:
        return _majors_page(refusal(error))
    flask.flash(flask_babel.gettext("enrolment.majors.saved"), "ok")
    return flask.redirect(flask.url_for("enrolment.decided.majors", occupation=typed.occupation), 303)


@pages.post("/office/majors/<ref>/remove")
@access.roles(Role.OFFICER)
def forget_major(ref: str) -> Reply:
    """Take a major out of the office's table."""
    try:
        office_decisions.forget_major(ref, now=flask.g.now, actor=acting())
    except CbtError as error:
        return _majors_page(refusal(error))
    flask.flash(flask_babel.gettext("enrolment.majors.removed"), "ok")
    occupation = flask.request.form.get("occupation", "")
    return flask.redirect(flask.url_for("enrolment.decided.majors", occupation=occupation or None), 303)


def _majors_page(refused: Refusal) -> Reply:
    with reading() as session:
        levels = [blueprint_of(session, row.id) for row in current_versions(session)]
        occupations = list(dict.fromkeys(one.occupation_name for one in levels))
        asked = refused.sent.get("occupation", "") or flask.request.args.get("occupation", "")
        chosen = asked if asked in occupations else next(iter(occupations), "")
        rows = office_decisions.office_majors(session, chosen)
        names = actor_names(session, {one.by for one in rows})
    shown = flask.render_template(
        "enrolment/office_decisions/majors.html",
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
        refused=refused,
    )
    return shown, refused.code
