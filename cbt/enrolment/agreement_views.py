"""Pages of the agreements: what is agreed, what runs out, and the paper of Annex 3."""

from __future__ import annotations

from datetime import date
from functools import partial

import flask
import flask_babel

from cbt.enrolment import agreements as service
from cbt.enrolment.agreements import AgreementForm, agreement_paper, shown
from cbt.enrolment.unit_views import unit
from cbt.enrolment.units import own_unit
from cbt.errors import InvalidInput, NotFound
from cbt.http.auth import access
from cbt.http.auth.login import acting, signed_in
from cbt.http.downloads import attachment
from cbt.http.form_values import page_of
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on, form_page, see_other
from cbt.http.i18n import local_day
from cbt.http.partials import Reply
from cbt.printing.pdf import PDF, pdf
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("agreements", __name__)

READERS = (Role.OFFICER, Role.INSPECTOR, Role.ADMIN)


@pages.get("/office/agreements")
@access.roles(*READERS)
def agreements() -> Reply:
    """List the agreements of a kind, those that run out first."""
    args, today = flask.request.args, local_day(flask.g.now)
    with reading() as session:
        found = service.agreement_page(session, today=today, kind=args.get("kind", ""), page=page_of(args))
    lines = [(shown(line.agreement, today), line.unit) for line in found.lines]
    kinds = found.tabs(
        lambda kind: flask.url_for("enrolment.agreements.agreements", kind=kind or None),
        lambda kind, count: flask_babel.gettext(f"enrolment.agreements.kind.{kind or 'all'}", count=count),
    )
    return flask.render_template(
        "enrolment/agreements/agreements.html", found=found, lines=lines, kinds=kinds
    )


@pages.post("/office/units/<ref>/agreements")
@access.roles(Role.OFFICER)
@form_on(partial(unit, about="agreement"))
def make(ref: str) -> Reply:
    """Enter an agreement with a unit."""
    form = flask.request.form
    service.make_agreement(
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


@pages.get("/office/agreements/<ref>")
@access.roles(*READERS)
def agreement(ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show an agreement."""
    today = local_day(flask.g.now)
    with reading() as session:
        found = service.agreement_by_ref(session, ref)
    return form_page(
        "enrolment/agreements/agreement.html",
        refused,
        one=shown(found.agreement, today),
        unit=found.unit,
        today=today,
    )


@pages.post("/office/agreements/<ref>/end")
@access.roles(Role.OFFICER)
@form_on(agreement)
def end(ref: str) -> Reply:
    """End an agreement before its term."""
    reason = flask.request.form.get("reason", "")
    service.end_agreement(ref, last=sent_day("last"), reason=reason, now=flask.g.now, actor=acting())
    return see_other(
        flask_babel.gettext("enrolment.agreement.ended"), "enrolment.agreements.agreement", ref=ref
    )


@pages.get("/office/agreements/<ref>.pdf")
@access.roles(*READERS)
def paper(ref: str) -> Reply:
    """Send the agreement of Annex 3 with what is known filled in."""
    return _paper(ref)


@pages.get("/unit/agreements/<ref>.pdf")
@access.roles(Role.UNIT_CLERK)
def own_paper(ref: str) -> Reply:
    """Send one of a clerk's own unit's agreements; any other is as unknown as one that is not there."""
    with reading() as session:
        unit = own_unit(session, signed_in().subject_id)
        if service.agreement_by_ref(session, ref).unit.id != unit.id:
            raise NotFound("agreement.unknown")
    return _paper(ref)


def _paper(ref: str) -> Reply:
    with reading() as session:
        found = service.agreement_by_ref(session, ref)
        data = agreement_paper(found.agreement, found.unit)
    made = pdf("agreement", data, language=str(flask_babel.get_locale()))
    return attachment(made, PDF, f"{data['title']}-{found.agreement.number}-{found.unit.name}.pdf")
