"""The office's pages of the member units: who they are, what is agreed with them, whose logins they have."""

from __future__ import annotations

from functools import partial

import flask
import flask_babel

from cbt.enrolment import units as service
from cbt.enrolment.agreements import agreement_lines, agreements_of
from cbt.enrolment.units import UnitForm
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.form_posts import idempotency
from cbt.http.form_values import asked_text, page_of
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on, form_page, see_other, typed_form
from cbt.http.i18n import local_day
from cbt.http.partials import Reply
from cbt.rules.enrolment.member_units import AgreementTerm
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("units", __name__)

READERS = (Role.OFFICER, Role.INSPECTOR, Role.ADMIN)


@pages.get("/office/units")
@access.roles(*READERS)
def units(refused: Refusal = NOTHING_REFUSED) -> Reply:
    """List the units, fifty at a time."""
    args = flask.request.args
    with reading() as session:
        found = service.unit_page(session, text=asked_text(args), page=page_of(args))
    return form_page("enrolment/units/units.html", refused, found=found, today=local_day(flask.g.now))


@pages.post("/office/units")
@access.roles(Role.OFFICER)
@form_on(units)
def add() -> Reply:
    """Enter a unit and go to it."""
    ref = service.add_unit(typed_form(UnitForm), now=flask.g.now, actor=acting())
    return see_other(flask_babel.gettext("enrolment.unit.added"), "enrolment.units.unit", ref=ref)


@pages.get("/office/units/<ref>")
@access.roles(*READERS)
def unit(ref: str, refused: Refusal = NOTHING_REFUSED, *, about: str = "") -> Reply:
    """Show a unit: its agreements, its clerks, what is known of it."""
    today = local_day(flask.g.now)
    with reading() as session:
        found = service.details(session, ref)
        agreements = agreement_lines(agreements_of(session, found.unit), today)
    return form_page(
        "enrolment/units/unit.html",
        refused,
        found=found,
        agreements=agreements,
        today=today,
        until=AgreementTerm(today).last_on,
        of_agreement=refused if about == "agreement" else NOTHING_REFUSED,
        of_clerk=refused if about == "clerk" else NOTHING_REFUSED,
    )


@pages.get("/office/units/<ref>/edit")
@access.roles(Role.OFFICER)
def edit(ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show the form of what is known of a unit."""
    with reading() as session:
        found = service.details(session, ref)
    return form_page("enrolment/units/edit.html", refused, found=found)


@pages.post("/office/units/<ref>/edit")
@access.roles(Role.OFFICER)
@form_on(edit)
def save(ref: str) -> Reply:
    """Put right what is known of a unit."""
    service.change_unit(ref, typed_form(UnitForm), now=flask.g.now, actor=acting())
    return see_other(flask_babel.gettext("enrolment.unit.saved"), "enrolment.units.unit", ref=ref)


@pages.post("/office/units/<ref>/membership")
@access.roles(Role.OFFICER)
def membership(ref: str) -> Reply:
    """Note that a unit is no member any more, or is one again."""
    member = flask.request.form.get("member") == "1"
    service.set_membership(ref, member=member, now=flask.g.now, actor=acting())
    return see_other(
        flask_babel.gettext("enrolment.unit.rejoined" if member else "enrolment.unit.gone"),
        "enrolment.units.unit",
        ref=ref,
    )


@pages.post("/office/units/<ref>/clerks")
@access.roles(Role.OFFICER)
@form_on(partial(unit, about="clerk"))
def invite(ref: str) -> Reply:
    """Give somebody of a unit a login and show the one-time password, this once."""
    form = flask.request.form
    issued = service.invite_clerk(
        ref,
        login=form.get("login", ""),
        name=form.get("name", ""),
        now=flask.g.now,
        actor=acting(),
    )
    return _once(ref, issued)


@pages.post("/office/units/<ref>/clerks/<clerk>/<act>")
@access.roles(Role.OFFICER)
@form_on(partial(unit, about="clerk"))
def change_clerk(ref: str, clerk: str, act: str) -> Reply:
    """Disable or enable a clerk of a unit, or give a new one-time password."""
    issued = service.change_clerk(ref, clerk, act, now=flask.g.now, actor=acting())
    if issued is not None:
        return _once(ref, issued)
    return see_other(flask_babel.gettext("accounts.person.saved"), "enrolment.units.unit", ref=ref)


def _once(ref: str, issued: service.Issued) -> Reply:
    # Shown once: who sends the form again is led to where there can be another.
    back = flask.url_for("enrolment.units.unit", ref=ref)
    idempotency.leads_to(back)
    with reading() as session:
        name = service.unit_by_ref(session, ref).name
    return flask.render_template(
        "enrolment/units/once.html", login=issued.login, password=issued.password, back=back, back_name=name
    )
