"""Pages of the member units, their agreements and logins; and what a unit's own people see of these."""

from __future__ import annotations

from datetime import date
from functools import partial

import flask
import flask_babel

from cbt.enrolment import agreements as agreement_service
from cbt.enrolment import units as member_units
from cbt.enrolment.agreements import AgreementForm, agreement_lines, agreements_of, shown
from cbt.enrolment.jobs import AGREEMENT
from cbt.enrolment.units import UnitForm, phone_of
from cbt.errors import InvalidInput
from cbt.http.auth import access
from cbt.http.auth.login import acting, signed_in
from cbt.http.form_posts import idempotency
from cbt.http.form_values import asked_text, page_of
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on, form_page, see_other, typed_form
from cbt.http.i18n import local_day
from cbt.http.partials import Reply
from cbt.jobs.answers import file_reply
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
        unit_page = member_units.unit_page(session, text=asked_text(args), page=page_of(args))
    return form_page("enrolment/units/units.html", refused, found=unit_page, today=local_day(flask.g.now))


@pages.post("/office/units")
@access.roles(Role.OFFICER)
@form_on(units)
def add() -> Reply:
    ref = member_units.add_unit(typed_form(UnitForm), now=flask.g.now, actor=acting())
    return see_other(flask_babel.gettext("enrolment.unit.added"), "enrolment.units.unit", ref=ref)


@pages.get("/office/units/<ref>")
@access.roles(*READERS)
def unit(ref: str, refused: Refusal = NOTHING_REFUSED, *, about: str = "") -> Reply:
    """Show a unit: its agreements, its clerks, what is known of it."""
    today = local_day(flask.g.now)
    with reading() as session:
        details = member_units.details(session, ref)
        agreements = agreement_lines(agreements_of(session, details.unit), today)
    return form_page(
        "enrolment/units/unit.html",
        refused,
        found=details,
        agreements=agreements,
        today=today,
        until=AgreementTerm(today).last_on,
        of_agreement=refused if about == "agreement" else NOTHING_REFUSED,
        of_clerk=refused if about == "clerk" else NOTHING_REFUSED,
    )


@pages.get("/office/units/<ref>/edit")
@access.roles(Role.OFFICER)
def edit(ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    with reading() as session:
        details = member_units.details(session, ref)
    return form_page("enrolment/units/edit.html", refused, found=details)


@pages.post("/office/units/<ref>/edit")
@access.roles(Role.OFFICER)
@form_on(edit)
def save(ref: str) -> Reply:
    member_units.change_unit(ref, typed_form(UnitForm), now=flask.g.now, actor=acting())
    return see_other(flask_babel.gettext("enrolment.unit.saved"), "enrolment.units.unit", ref=ref)


@pages.post("/office/units/<ref>/membership")
@access.roles(Role.OFFICER)
def membership(ref: str) -> Reply:
    """Note that a unit is no member any more, or is one again."""
    member = flask.request.form.get("member") == "1"
    member_units.set_membership(ref, member=member, now=flask.g.now, actor=acting())
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
    issued = member_units.invite_clerk(
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
    issued = member_units.change_clerk(ref, clerk, act, now=flask.g.now, actor=acting())
    if issued is not None:
        return _once(ref, issued)
    return see_other(flask_babel.gettext("accounts.person.saved"), "enrolment.units.unit", ref=ref)


def _once(ref: str, issued: member_units.Issued) -> Reply:
    # Shown once: who sends the form again is led to where there can be another.
    back = flask.url_for("enrolment.units.unit", ref=ref)
    idempotency.leads_to(back)
    with reading() as session:
        name = member_units.unit_by_ref(session, ref).name
    return flask.render_template(
        "enrolment/units/once.html", login=issued.login, password=issued.password, back=back, back_name=name
    )


agreement_pages = flask.Blueprint("agreements", __name__)


@agreement_pages.get("/office/agreements")
@access.roles(*READERS)
def agreements() -> Reply:
    """List the agreements of a kind, those that run out first."""
    args, today = flask.request.args, local_day(flask.g.now)
    with reading() as session:
        agreement_page = agreement_service.agreement_page(
            session, today=today, kind=args.get("kind", ""), page=page_of(args)
        )
    lines = [(shown(line.agreement, today), line.unit) for line in agreement_page.lines]
    kinds = agreement_page.tabs(
        lambda kind: flask.url_for("enrolment.agreements.agreements", kind=kind or None),
        lambda kind, count: flask_babel.gettext(f"enrolment.agreements.kind.{kind or 'all'}", count=count),
    )
    return flask.render_template(
        "enrolment/agreements/agreements.html", found=agreement_page, lines=lines, kinds=kinds
    )


@agreement_pages.post("/office/units/<ref>/agreements")
@access.roles(Role.OFFICER)
@form_on(partial(unit, about="agreement"))
def make(ref: str) -> Reply:
    """Enter an agreement with a unit."""
    form = flask.request.form
    agreement_service.make_agreement(
        ref,
        AgreementForm(
            number=form.get("number", ""),
            effective_on=sent_day("effective_on"),
            unit_signer=form.get("unit_signer", ""),
            body_signer=form.get("body_signer", ""),
            note=form.get("note", ""),
        ),
        today=local_day(flask.g.now),
        now=flask.g.now,
        actor=acting(),
    )
    return see_other(flask_babel.gettext("enrolment.agreement.made"), "enrolment.units.unit", ref=ref)


def sent_day(field: str) -> date:
    """Return the day a form sent; raise InvalidInput("agreement.no_day") for none."""
    try:
        return date.fromisoformat(flask.request.form.get(field, "").strip())
    except ValueError as error:
        raise InvalidInput("agreement.no_day", field=field) from error


@agreement_pages.get("/office/agreements/<ref>")
@access.roles(*READERS)
def agreement(ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show an agreement."""
    today = local_day(flask.g.now)
    with reading() as session:
        found = agreement_service.agreement_by_ref(session, ref)
    return form_page(
        "enrolment/agreements/agreement.html",
        refused,
        one=shown(found.agreement, today),
        unit=found.unit,
        today=today,
    )


@agreement_pages.post("/office/agreements/<ref>/end")
@access.roles(Role.OFFICER)
@form_on(agreement)
def end(ref: str) -> Reply:
    """End an agreement before its term."""
    reason = flask.request.form.get("reason", "")
    agreement_service.end_agreement(
        ref, last=sent_day("last"), reason=reason, now=flask.g.now, actor=acting()
    )
    return see_other(
        flask_babel.gettext("enrolment.agreement.ended"), "enrolment.agreements.agreement", ref=ref
    )


@agreement_pages.get("/office/agreements/<ref>.pdf")
@access.roles(*READERS)
def paper(ref: str) -> Reply:
    """Send the agreement of Annex 3 with what is known filled in."""
    return file_reply(AGREEMENT, subject=f"unit_agreement:{ref}", agreement=ref)


@agreement_pages.get("/unit/agreements/<ref>.pdf")
@access.roles(Role.UNIT_CLERK)
def own_paper(ref: str) -> Reply:
    """Send one of a clerk's own unit's agreements; any other is as unknown as one that is not there."""
    return file_reply(AGREEMENT, subject=f"unit_agreement:{ref}", agreement=ref)


unit_clerk_pages = flask.Blueprint("own", __name__)


@unit_clerk_pages.get("/unit")
@access.roles(Role.UNIT_CLERK)
def home() -> Reply:
    """Show a clerk their own unit; no address names one."""
    with reading() as session:
        unit = member_units.own_unit(session, signed_in().subject_id)
        agreements = agreement_lines(agreements_of(session, unit), local_day(flask.g.now))
        phone = phone_of(unit)
    return flask.render_template("enrolment/units/own.html", unit=unit, phone=phone, agreements=agreements)
