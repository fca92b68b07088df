"""The office's pages of the member units: who they are, what is agreed with them, whose logins they have."""

from __future__ import annotations

import flask
import flask_babel

from cbt.enrolment import units as service
from cbt.enrolment.agreements import agreement_lines, agreements_of
from cbt.enrolment.units import UnitForm
from cbt.errors import CbtError
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.form_posts import idempotency
from cbt.http.form_values import asked_text, page_of
from cbt.http.forms import NOTHING_REFUSED, Refusal, refusal
from cbt.http.i18n import local_day
from cbt.http.partials import Reply
from cbt.rules.enrolment.member_units import AgreementTerm
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("units", __name__)

READERS = (Role.OFFICER, Role.INSPECTOR, Role.ADMIN)


@pages.get("/office/units")
@access.roles(*READERS)
def units() -> Reply:
    """List the units, fifty at a time."""
    return _units_page(NOTHING_REFUSED)


@pages.post("/office/units")
@access.roles(Role.OFFICER)
def add() -> Reply:
    """Enter a unit and go to it."""
    try:
        ref = service.add_unit(_sent_unit(), now=flask.g.now, actor=acting())
    except CbtError as error:
        return _units_page(refusal(error))
    flask.flash(flask_babel.gettext("enrolment.unit.added"), "ok")
    return flask.redirect(flask.url_for("enrolment.units.unit", ref=ref), 303)


def _sent_unit() -> UnitForm:
    form = flask.request.form
    return UnitForm(**{name: form.get(name, "") for name in UnitForm.__dataclass_fields__})


def _units_page(refused: Refusal) -> Reply:
    args = flask.request.args
    with reading() as session:
        found = service.unit_page(session, text=asked_text(args), page=page_of(args))
    page = flask.render_template(
        "enrolment/units/units.html", found=found, today=local_day(flask.g.now), refused=refused
    )
    return page, refused.code


@pages.get("/office/units/<ref>")
@access.roles(*READERS)
def unit(ref: str) -> Reply:
    """Show a unit: its agreements, its clerks, what is known of it."""
    return unit_page(ref, NOTHING_REFUSED)


def unit_page(ref: str, refused: Refusal, *, about: str = "") -> Reply:
    """Return the page of a unit; `about` says to which of its forms belongs what was refused."""
    today = local_day(flask.g.now)
    with reading() as session:
        found = service.details(session, ref)
        agreements = agreement_lines(agreements_of(session, found.unit), today)
    return flask.render_template(
        "enrolment/units/unit.html",
        found=found,
        agreements=agreements,
        today=today,
        until=AgreementTerm(today).last_on,
        refused=refused,
        of_agreement=refused if about == "agreement" else NOTHING_REFUSED,
        of_clerk=refused if about == "clerk" else NOTHING_REFUSED,
    ), refused.code


@pages.get("/office/units/<ref>/edit")
@access.roles(Role.OFFICER)
def edit(ref: str) -> Reply:
    """Show the form of what is known of a unit."""
    return _edit_page(ref, NOTHING_REFUSED)


@pages.post("/office/units/<ref>/edit")
@access.roles(Role.OFFICER)
def save(ref: str) -> Reply:
    """Put right what is known of a unit."""
    try:
        service.change_unit(ref, _sent_unit(), now=flask.g.now, actor=acting())
    except CbtError as error:
        return _edit_page(ref, refusal(error))
    flask.flash(flask_babel.gettext("enrolment.unit.saved"), "ok")
    return flask.redirect(flask.url_for("enrolment.units.unit", ref=ref), 303)


def _edit_page(ref: str, refused: Refusal) -> Reply:
    with reading() as session:
        found = service.details(session, ref)
    page = flask.render_template("enrolment/units/edit.html", found=found, refused=refused)
    return page, refused.code


@pages.post("/office/units/<ref>/membership")
@access.roles(Role.OFFICER)
def membership(ref: str) -> Reply:
    """Note that a unit is no member any more, or is one again."""
    member = flask.request.form.get("member") == "1"
    service.set_membership(ref, member=member, now=flask.g.now, actor=acting())
    flask.flash(flask_babel.gettext("enrolment.unit.rejoined" if member else "enrolment.unit.gone"), "ok")
    return flask.redirect(flask.url_for("enrolment.units.unit", ref=ref), 303)


@pages.post("/office/units/<ref>/clerks")
@access.roles(Role.OFFICER)
def invite(ref: str) -> Reply:
    """Give somebody of a unit a login and show the one-time password, this once."""
    form = flask.request.form
    try:
        issued = service.invite_clerk(
            ref,
            login=form.get("login", ""),
            name=form.get("name", ""),
            now=flask.g.now,
            actor=acting(),
        )
    except CbtError as error:
        return unit_page(ref, refusal(error), about="clerk")
    return _once(ref, issued)


@pages.post("/office/units/<ref>/clerks/<clerk>/<act>")
@access.roles(Role.OFFICER)
def change_clerk(ref: str, clerk: str, act: str) -> Reply:
    """Disable or enable a clerk of a unit, or give a new one-time password."""
    try:
        issued = service.change_clerk(ref, clerk, act, now=flask.g.now, actor=acting())
    except CbtError as error:
        return unit_page(ref, refusal(error), about="clerk")
    if issued is not None:
        return _once(ref, issued)
    flask.flash(flask_babel.gettext("accounts.person.saved"), "ok")
    return flask.redirect(flask.url_for("enrolment.units.unit", ref=ref), 303)


def _once(ref: str, issued: service.Issued) -> Reply:
    # Shown once: who sends the form again is led to where there can be another.
    back = flask.url_for("enrolment.units.unit", ref=ref)
    idempotency.leads_to(back)
    with reading() as session:
        name = service.unit_by_ref(session, ref).name
    return flask.render_template(
        "enrolment/units/once.html", login=issued.login, password=issued.password, back=back, back_name=name
    )
