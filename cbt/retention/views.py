"""Pages of retention: what is due, a batch with its holds, its destruction; a person's own data."""

from __future__ import annotations

import flask
from flask_babel import gettext as _

from cbt.accounts.approvals.requests import SecondNeeded, SecondPersonTerms
from cbt.accounts.approvals.views import ask_for, typed_second
from cbt.accounts.store import actor_names
from cbt.http.auth import access
from cbt.http.auth.login import acting, signed_in
from cbt.http.form_values import page_of
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on, form_page, see_other
from cbt.http.i18n import local_day
from cbt.http.partials import Reply
from cbt.jobs.answers import file_reply
from cbt.retention import destruction as destroying
from cbt.retention import due_batches
from cbt.retention import personal_data as exporting
from cbt.retention.destruction import (
    WITHDRAWN,
    destruction_by_ref,
    destructions_of,
    shown,
    sittings_of,
    under_way,
)
from cbt.retention.due_batches import due_batch, due_page, wish_for
from cbt.retention.jobs import DESTRUCTION_RECORD, PERSON_EXPORT, PERSON_STATEMENT
from cbt.retention.personal_data import person_by_number, person_by_ref, standing_of
from cbt.rules.calendar import MOST_YEARS
from cbt.rules.roles import Role
from cbt.sittings.store import batch_by_ref
from cbt.storage.unit_of_work import reading

person_pages = flask.Blueprint("person", __name__)


@person_pages.get("/office/retention/people")
@access.roles(Role.OFFICER)
def people(refused: Refusal = NOTHING_REFUSED) -> Reply:
    return form_page("retention/personal_data/people.html", refused)


@person_pages.post("/office/retention/people")
@access.roles(Role.OFFICER)
@form_on(people)
def find() -> Reply:
    """Find a person by the whole number of their document and their name; no address holds either."""
    form = flask.request.form
    with reading() as session:
        person = person_by_number(session, form.get("number", "")[:60], form.get("name", "")[:60])
    return flask.redirect(flask.url_for("retention.person.person", ref=person.ref), 303)


@person_pages.get("/office/retention/people/<ref>")
@access.roles(Role.OFFICER)
def person(ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    with reading() as session:
        held_person = person_by_ref(session, ref)
        standing = standing_of(session, held_person, today=local_day(flask.g.now))
    return form_page("retention/personal_data/person.html", refused, person=held_person, standing=standing)


@person_pages.post("/office/retention/people/<ref>/export")
@access.roles(Role.OFFICER)
@form_on(person)
def export(ref: str) -> Reply:
    why = flask.request.form.get("why", "")
    return file_reply(PERSON_EXPORT, subject=f"candidate:{ref}", person=ref, reason=why)


@person_pages.post("/office/retention/people/<ref>/erase")
@access.roles(Role.OFFICER)
@form_on(person)
def erase(ref: str) -> Reply:
    """Erase what the law does not keep of a person."""
    reason, now = flask.request.form.get("reason", ""), flask.g.now
    left = exporting.erase_person(ref, reason=reason, today=local_day(now), now=now, actor=acting())
    flask.flash(_("retention.person.erased" if left else "retention.person.all_gone"), "ok")
    if not left:
        return flask.redirect(flask.url_for("retention.person.people"), 303)
    return flask.redirect(flask.url_for("retention.person.person", ref=ref), 303)


@person_pages.get("/office/retention/people/<ref>/statement.pdf")
@access.roles(Role.OFFICER)
def statement(ref: str) -> Reply:
    """Send the statement of what stays of a person, why and until when."""
    return file_reply(PERSON_STATEMENT, subject=f"candidate:{ref}", person=ref)


pages = flask.Blueprint("retention", __name__)
pages.register_blueprint(person_pages)

READERS = (Role.OFFICER, Role.INSPECTOR, Role.ADMIN)


@pages.get("/office/retention")
@access.roles(*READERS)
def retention(refused: Refusal = NOTHING_REFUSED) -> Reply:
    """List the batches by whether their records are due for destruction."""
    args, today = flask.request.args, local_day(flask.g.now)
    with reading() as session:
        due = due_page(session, list=args.get("list", ""), today=today, page=page_of(args))
        years = due_batches.kept_years(session)
        open_ones = [shown(session, row) for row in under_way(session)]
    lists = due.tabs(
        lambda name: flask.url_for("retention.retention", list=name),
        lambda name, count: _(f"retention.list.{name}", count=count),
    )
    return form_page(
        "retention/retention.html",
        refused,
        found=due,
        lists=lists,
        years=years,
        open_ones=open_ones,
        today=today,
        most=MOST_YEARS,
        least=due_batches.RetentionYears(),
    )


@pages.post("/office/retention")
@access.roles(Role.ADMIN)
@form_on(retention)
def change_terms() -> Reply:
    """Say how long records are kept; or ask the second person, where it takes two."""
    form, me = flask.request.form, signed_in()
    wanted = due_batches.typed_years(form.get("electronic", ""), form.get("paper", ""))
    try:
        second = typed_second(me, SecondPersonTerms(due_batches.COUNTERSIGNERS), allowed=False)
        due_batches.change_terms(wanted, first=me, second=second, now=flask.g.now)
    except SecondNeeded as needed:
        with reading() as session:
            before = due_batches.kept_years(session)
        return ask_for(needed, lambda: wish_for(before, wanted))
    return see_other(_("retention.terms.saved"), "retention.retention")


@pages.get("/office/retention/batches/<ref>")
@access.roles(*READERS)
def batch(ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show from when a batch is due, its holds and its destructions."""
    today = local_day(flask.g.now)
    with reading() as session:
        held_batch = batch_by_ref(session, ref)
        line = due_batch(session, held_batch)
        held = due_batches.holds_of(session, held_batch.id)
        rows = destructions_of(session, held_batch.id)
        names = actor_names(session, [who for one in held for who in (one.placed_by, one.lifted_by)])
        sittings = sittings_of(session, held_batch)
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
    reason = flask.request.form.get("reason", "")
    due_batches.place_hold(ref, reason=reason, now=flask.g.now, actor=acting())
    return see_other(_("retention.held"), "retention.batch", ref=ref)


@pages.post("/office/retention/batches/<ref>/lift")
@access.roles(*due_batches.HOLDERS)
@form_on(batch)
def lift(ref: str) -> Reply:
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
    with reading() as session:
        row = destruction_by_ref(session, ref)
        shown_destruction = shown(session, row)
    return form_page(
        "retention/destruction.html", refused, found=shown_destruction, own=row.asked_by == acting()
    )


@pages.post("/office/retention/destructions/<ref>/confirm")
@access.roles(*destroying.CONFIRMERS)
@form_on(destruction)
def confirm(ref: str) -> Reply:
    now = flask.g.now
    destroying.confirm(ref, today=local_day(now), now=now, actor=acting())
    return see_other(_("retention.confirmed"), "retention.destruction", ref=ref)


@pages.post("/office/retention/destructions/<ref>/withdraw")
@access.roles(*destroying.CONFIRMERS)
@form_on(destruction)
def withdraw(ref: str) -> Reply:
    destroying.withdraw(ref, now=flask.g.now, actor=acting())
    return see_other(_("retention.withdrawn"), "retention.destruction", ref=ref)


@pages.get("/office/retention/destructions/<ref>.pdf")
@access.roles(*READERS)
def record(ref: str) -> Reply:
    """Send the record of a destruction."""
    return file_reply(DESTRUCTION_RECORD, subject=f"destruction:{ref}", destruction=ref)
