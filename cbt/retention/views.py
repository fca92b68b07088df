"""Pages of retention: what is due, a batch with its holds, a destruction with its record."""

from __future__ import annotations

import flask
from flask_babel import get_locale
from flask_babel import gettext as _

from cbt.accounts.approvals.requests import SecondNeeded, Wanted
from cbt.accounts.approvals.views import ask_for, typed_second
from cbt.accounts.store import actor_names
from cbt.errors import Conflict
from cbt.http.auth import access
from cbt.http.auth.login import acting, signed_in
from cbt.http.downloads import attachment
from cbt.http.form_values import page_of
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on, form_page, see_other
from cbt.http.i18n import local_day
from cbt.http.partials import Reply
from cbt.printing.pdf import PDF, pdf
from cbt.retention import destruction as destroying
from cbt.retention import due_batches, terms
from cbt.retention.destruction import (
    DONE,
    WITHDRAWN,
    destruction_by_ref,
    destruction_paper,
    destructions_of,
    shown,
    sittings_of,
    under_way,
)
from cbt.retention.due_batches import due_batch, due_page
from cbt.retention.person import views as person
from cbt.retention.terms import wish_for
from cbt.rules.retention import MOST_YEARS
from cbt.rules.roles import Role
from cbt.sittings.store import batch_by_ref
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("retention", __name__)
pages.register_blueprint(person.pages)

READERS = (Role.OFFICER, Role.INSPECTOR, Role.ADMIN)


@pages.get("/office/retention")
@access.roles(*READERS)
def retention(refused: Refusal = NOTHING_REFUSED) -> Reply:
    """List the batches by whether their records are due for destruction."""
    args, today = flask.request.args, local_day(flask.g.now)
    with reading() as session:
        found = due_page(session, list=args.get("list", ""), today=today, page=page_of(args))
        years = terms.kept_years(session)
        open_ones = [shown(session, row) for row in under_way(session)]
    lists = found.tabs(
        lambda name: flask.url_for("retention.retention", list=name),
        lambda name, count: _(f"retention.list.{name}", count=count),
    )
    return form_page(
        "retention/retention.html",
        refused,
        found=found,
        lists=lists,
        years=years,
        open_ones=open_ones,
        today=today,
        most=MOST_YEARS,
        least=terms.KeptYears(),
    )


@pages.post("/office/retention")
@access.roles(Role.ADMIN)
@form_on(retention)
def change_terms() -> Reply:
    """Say how long records are kept; or ask the second person, where it takes two."""
    form, me = flask.request.form, signed_in()
    wanted = terms.typed_years(form.get("electronic", ""), form.get("paper", ""))
    try:
        second = typed_second(me, Wanted(terms.COUNTERSIGNERS), allowed=False)
        terms.change_terms(wanted, first=me, second=second, now=flask.g.now)
    except SecondNeeded as needed:
        with reading() as session:
            before = terms.kept_years(session)
        return ask_for(needed, lambda: wish_for(before, wanted))
    return see_other(_("retention.terms.saved"), "retention.retention")


@pages.get("/office/retention/batches/<ref>")
@access.roles(*READERS)
def batch(ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show from when a batch is due, its holds and its destructions."""
    today = local_day(flask.g.now)
    with reading() as session:
        known = batch_by_ref(session, ref)
        line = due_batch(session, known)
        held = due_batches.holds_of(session, known.id)
        rows = destructions_of(session, known.id)
        names = actor_names(session, [who for one in held for who in (one.placed_by, one.lifted_by)])
        sittings = sittings_of(session, known)
    standing = {row.kind: row for row in rows if row.state != WITHDRAWN}
    due = {"electronic": line.electronic_on, "paper": line.paper_on}
    return form_page(
        "retention/batch.html",
        refused,
        line=line,
        due=due,
        today=today,
        holds=held,
        held=next((one for one in held if one.lifted_at is None), None),
        names=names,
        standing=standing,
        destructions=rows,
        sittings=sittings,
    )


@pages.post("/office/retention/batches/<ref>/hold")
@access.roles(*due_batches.HOLDERS)
@form_on(batch)
def hold(ref: str) -> Reply:
    """Hold a batch."""
    reason = flask.request.form.get("reason", "")
    due_batches.place_hold(ref, reason=reason, now=flask.g.now, actor=acting())
    return see_other(_("retention.held"), "retention.batch", ref=ref)


@pages.post("/office/retention/batches/<ref>/lift")
@access.roles(*due_batches.HOLDERS)
@form_on(batch)
def lift(ref: str) -> Reply:
    """Lift the hold of a batch."""
    reason = flask.request.form.get("reason", "")
    due_batches.lift_hold(ref, reason=reason, now=flask.g.now, actor=acting())
    return see_other(_("retention.lifted"), "retention.batch", ref=ref)


@pages.post("/office/retention/batches/<ref>/destroy")
@access.roles(Role.OFFICER)
@form_on(batch)
def ask(ref: str) -> Reply:
    """Ask for the destruction of a batch's records."""
    form, now = flask.request.form, flask.g.now
    made = destroying.ask(
        ref,
        kind=form.get("kind", ""),
        note=form.get("note", ""),
        today=local_day(now),
        now=now,
        actor=acting(),
    )
    return see_other(_("retention.asked"), "retention.destruction", ref=made)


@pages.get("/office/retention/destructions/<ref>")
@access.roles(*READERS)
def destruction(ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show a destruction: what is to be confirmed, how far it is, or the record of it."""
    with reading() as session:
        row = destruction_by_ref(session, ref)
        found = shown(session, row)
    return form_page("retention/destruction.html", refused, found=found, own=row.asked_by == acting())


@pages.post("/office/retention/destructions/<ref>/confirm")
@access.roles(*destroying.CONFIRMERS)
@form_on(destruction)
def confirm(ref: str) -> Reply:
    """Confirm a destruction as the second person."""
    now = flask.g.now
    destroying.confirm(ref, today=local_day(now), now=now, actor=acting())
    return see_other(_("retention.confirmed"), "retention.destruction", ref=ref)


@pages.post("/office/retention/destructions/<ref>/withdraw")
@access.roles(*destroying.CONFIRMERS)
@form_on(destruction)
def withdraw(ref: str) -> Reply:
    """Take a destruction back that nobody confirmed."""
    destroying.withdraw(ref, now=flask.g.now, actor=acting())
    return see_other(_("retention.withdrawn"), "retention.destruction", ref=ref)


@pages.get("/office/retention/destructions/<ref>.pdf")
@access.roles(*READERS)
def record(ref: str) -> Reply:
    """Send the record of a destruction."""
    with reading() as session:
        row = destruction_by_ref(session, ref)
        if row.state != DONE:
            raise Conflict("retention.not_done")
        found = shown(session, row)
    made = pdf("verdict", destruction_paper(found), language=str(get_locale()))
    return attachment(made, PDF, f"{_('retention.paper.title')}-{found.batch.name}.pdf")
