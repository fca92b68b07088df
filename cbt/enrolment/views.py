"""The pages of the room, wing by wing; who the body is, tables of days and majors; units with their agreements."""

from __future__ import annotations

from datetime import date
from functools import partial

import flask
import flask_babel

from cbt.accounts.approvals.requests import SecondNeeded
from cbt.accounts.approvals.views import ask_for
from cbt.accounts.store import actor_names, staff_with_roles
from cbt.blueprints.store import blueprint_of, current_versions
from cbt.enrolment import agreements as agreement_service
from cbt.enrolment import body as body_service
from cbt.enrolment import office_decisions
from cbt.enrolment import units as member_units
from cbt.enrolment.agreements import AgreementForm, agreement_lines, agreements_of, shown
from cbt.enrolment.applications import views as applications
from cbt.enrolment.body import BodyDetails
from cbt.enrolment.fees import views as fees_views
from cbt.enrolment.jobs import AGREEMENT
from cbt.enrolment.office_decisions import DayForm, MajorForm, published_holidays
from cbt.enrolment.units import UnitForm, phone_of
from cbt.enrolment.workbook import views as workbook
from cbt.errors import InvalidInput
from cbt.http.auth import access
from cbt.http.auth.login import acting, signed_in
from cbt.http.form_posts import idempotency
from cbt.http.form_values import asked_text, page_of, whole_number
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on, form_page, see_other, typed_form
from cbt.http.i18n import local_day
from cbt.http.partials import Reply
from cbt.jobs.answers import file_reply
from cbt.rules.enrolment.member_units import AgreementTerm
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading

body_pages = flask.Blueprint("body", __name__)
TEXTS = ("name", "address", "phone", "website", "look_up", *body_service.PAYEE)
DAYS = ("publicity_days", "appeal_days", "appeal_answer_days")


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
    shown, appeals, answers = (_days(form.get(name, "")) for name in DAYS)
    texts = {name: form.get(name, "") for name in TEXTS}
    wanted = BodyDetails(
        **texts,
        publicity_days=shown,
        appeal_days=appeals,
        appeal_answer_days=answers,
        whole_numbers=bool(form.get("whole_numbers")),
    )
    reason = form.get("reason", "")
    try:
        body_service.change_body(wanted, now=flask.g.now, actor=acting(), reason=reason)
    except SecondNeeded as needed:
        with reading() as session:
            before = body_service.body(session)
        return ask_for(needed, lambda: body_service.wish_for(before, wanted, reason))
    return see_other(flask_babel.gettext("enrolment.body.saved"), "enrolment.body.body")


def _days(text: str) -> int:
    """Return how many days a field says; -1, which no field allows, for what is no number."""
    days = whole_number(text.strip(), most=999)
    return -1 if days is None else days


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


unit_pages = flask.Blueprint("units", __name__)


@unit_pages.get("/office/units")
@access.roles(*READERS)
def units(refused: Refusal = NOTHING_REFUSED) -> Reply:
    """List the units, fifty at a time."""
    args = flask.request.args
    with reading() as session:
        unit_page = member_units.unit_page(session, text=asked_text(args), page=page_of(args))
    return form_page("enrolment/units/units.html", refused, found=unit_page, today=local_day(flask.g.now))


@unit_pages.post("/office/units")
@access.roles(Role.OFFICER)
@form_on(units)
def add() -> Reply:
    ref = member_units.add_unit(typed_form(UnitForm), now=flask.g.now, actor=acting())
    return see_other(flask_babel.gettext("enrolment.unit.added"), "enrolment.units.unit", ref=ref)


@unit_pages.get("/office/units/<ref>")
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


@unit_pages.get("/office/units/<ref>/edit")
@access.roles(Role.OFFICER)
def edit(ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    with reading() as session:
        details = member_units.details(session, ref)
    return form_page("enrolment/units/edit.html", refused, found=details)


@unit_pages.post("/office/units/<ref>/edit")
@access.roles(Role.OFFICER)
@form_on(edit)
def save(ref: str) -> Reply:
    member_units.change_unit(ref, typed_form(UnitForm), now=flask.g.now, actor=acting())
    return see_other(flask_babel.gettext("enrolment.unit.saved"), "enrolment.units.unit", ref=ref)


@unit_pages.post("/office/units/<ref>/membership")
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


@unit_pages.post("/office/units/<ref>/clerks")
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


@unit_pages.post("/office/units/<ref>/clerks/<clerk>/<act>")
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


pages = flask.Blueprint("enrolment", __name__)
for wing in (
    unit_pages,
    unit_clerk_pages,
    agreement_pages,
    body_pages,
    office_decision_pages,
    fees_views.pages,
    fees_views.unit_clerk_pages,
):
    pages.register_blueprint(wing)
applications.add_pages()
applications.add_people_pages()
applications.add_attachment_pages()
workbook.add_pages()
applications.add_annex_pages()
for side in applications.BOTH:
    pages.register_blueprint(side.pages)
