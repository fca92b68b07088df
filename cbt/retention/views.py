"""Pages of retention: what is due, a batch with its holds, a destruction with its record."""

from __future__ import annotations

from collections.abc import Callable

import flask
from flask_babel import get_locale
from flask_babel import gettext as _

from cbt.accounts.approvals.requests import SecondNeeded, Wanted
from cbt.accounts.approvals.views import ask_for, typed_second, wants_asking
from cbt.accounts.store import actor_names
from cbt.errors import CbtError, Conflict
from cbt.http.auth import access
from cbt.http.auth.login import acting, signed_in
from cbt.http.downloads import attachment
from cbt.http.form_values import page_of
from cbt.http.forms import NOTHING_REFUSED, Refusal, refusal
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
from cbt.retention.due_batches import LISTS, due_batch, due_page
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
def retention() -> Reply:
    """List the batches by whether their records are due for destruction."""
    return _list(NOTHING_REFUSED)


@pages.post("/office/retention")
@access.roles(Role.ADMIN)
def change_terms() -> Reply:
    """Say how long records are kept; or ask the second person, where it takes two."""
    form, me = flask.request.form, signed_in()
    try:
        wanted = terms.typed_years(form.get("electronic", ""), form.get("paper", ""))
        second = typed_second(me, Wanted(terms.COUNTERSIGNERS), allowed=False)
        terms.change_terms(wanted, first=me, second=second, now=flask.g.now)
    except SecondNeeded as needed:
        if not wants_asking():
            return _list(refusal(needed))
        with reading() as session:
            before = terms.kept_years(session)
        return ask_for(wish_for(before, wanted), needed, me)
    except CbtError as error:
        return _list(refusal(error))
    flask.flash(_("retention.terms.saved"), "ok")
    return flask.redirect(flask.url_for("retention.retention"), 303)


def _list(refused: Refusal) -> Reply:
    args, today = flask.request.args, local_day(flask.g.now)
    with reading() as session:
        found = due_page(session, list=args.get("list", ""), today=today, page=page_of(args))
        years = terms.kept_years(session)
        open_ones = [shown(session, row) for row in under_way(session)]
    lists = [
        (
            flask.url_for("retention.retention", list=name),
            _(f"retention.list.{name}", count=found.counts[name]),
            name == found.list,
        )
        for name in LISTS
    ]
    page = flask.render_template(
        "retention/retention.html",
        found=found,
        lists=lists,
        years=years,
        open_ones=open_ones,
        today=today,
        most=MOST_YEARS,
        least=terms.KeptYears(),
        refused=refused,
    )
    return page, refused.code


@pages.get("/office/retention/batches/<ref>")
@access.roles(*READERS)
def batch(ref: str) -> Reply:
    """Show from when a batch is due, its holds and its destructions."""
    return _batch(ref, NOTHING_REFUSED)


@pages.post("/office/retention/batches/<ref>/hold")
@access.roles(*due_batches.HOLDERS)
def hold(ref: str) -> Reply:
    """Hold a batch."""
    reason, now = flask.request.form.get("reason", ""), flask.g.now
    return _did(
        ref, lambda: due_batches.place_hold(ref, reason=reason, now=now, actor=acting()), "retention.held"
    )


@pages.post("/office/retention/batches/<ref>/lift")
@access.roles(*due_batches.HOLDERS)
def lift(ref: str) -> Reply:
    """Lift the hold of a batch."""
    reason, now = flask.request.form.get("reason", ""), flask.g.now
    return _did(
        ref, lambda: due_batches.lift_hold(ref, reason=reason, now=now, actor=acting()), "retention.lifted"
    )


@pages.post("/office/retention/batches/<ref>/destroy")
@access.roles(Role.OFFICER)
def ask(ref: str) -> Reply:
    """Ask for the destruction of a batch's records."""
    form, now = flask.request.form, flask.g.now
    try:
        made = destroying.ask(
            ref,
            kind=form.get("kind", ""),
            note=form.get("note", ""),
            today=local_day(now),
            now=now,
            actor=acting(),
        )
    except CbtError as error:
        return _batch(ref, refusal(error))
    flask.flash(_("retention.asked"), "ok")
    return flask.redirect(flask.url_for("retention.destruction", ref=made), 303)


def _did(ref: str, act: Callable[[], None], said: str) -> Reply:
    try:
        act()
    except CbtError as error:
        return _batch(ref, refusal(error))
    flask.flash(_(said), "ok")
    return flask.redirect(flask.url_for("retention.batch", ref=ref), 303)


def _batch(ref: str, refused: Refusal) -> Reply:
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
    page = flask.render_template(
        "retention/batch.html",
        line=line,
        due=due,
        today=today,
        holds=held,
        held=next((one for one in held if one.lifted_at is None), None),
        names=names,
        standing=standing,
        destructions=rows,
        sittings=sittings,
        refused=refused,
    )
    return page, refused.code


@pages.get("/office/retention/destructions/<ref>")
@access.roles(*READERS)
def destruction(ref: str) -> Reply:
    """Show a destruction: what is to be confirmed, how far it is, or the record of it."""
    return _destruction(ref, NOTHING_REFUSED)


@pages.post("/office/retention/destructions/<ref>/confirm")
@access.roles(*destroying.CONFIRMERS)
def confirm(ref: str) -> Reply:
    """Confirm a destruction as the second person."""
    now = flask.g.now
    return _settled(
        ref,
        lambda: destroying.confirm(ref, today=local_day(now), now=now, actor=acting()),
        "retention.confirmed",
    )


@pages.post("/office/retention/destructions/<ref>/withdraw")
@access.roles(*destroying.CONFIRMERS)
def withdraw(ref: str) -> Reply:
    """Take a destruction back that nobody confirmed."""
    now = flask.g.now
    return _settled(ref, lambda: destroying.withdraw(ref, now=now, actor=acting()), "retention.withdrawn")


def _settled(ref: str, act: Callable[[], None], said: str) -> Reply:
    try:
        act()
    except CbtError as error:
        return _destruction(ref, refusal(error))
    flask.flash(_(said), "ok")
    return flask.redirect(flask.url_for("retention.destruction", ref=ref), 303)


def _destruction(ref: str, refused: Refusal) -> Reply:
    with reading() as session:
        row = destruction_by_ref(session, ref)
        found = shown(session, row)
    page = flask.render_template(
        "retention/destruction.html", found=found, own=row.asked_by == acting(), refused=refused
    )
    return page, refused.code


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
