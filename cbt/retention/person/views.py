"""Pages of a person's own data."""

from __future__ import annotations

import flask
from flask_babel import get_locale
from flask_babel import gettext as _

from cbt.enrolment.body import body
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.downloads import attachment
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on, form_page
from cbt.http.i18n import local_day
from cbt.http.partials import Reply
from cbt.printing.pdf import PDF, pdf
from cbt.retention.person import export as exporting
from cbt.retention.person.retained_data import person_by_number, person_by_ref, standing_of, statement_paper
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("person", __name__)
ZIP = "application/zip"


@pages.get("/office/retention/people")
@access.roles(Role.OFFICER)
def people(refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Ask whose data it is about."""
    return form_page("retention/person/people.html", refused)


@pages.post("/office/retention/people")
@access.roles(Role.OFFICER)
@form_on(people)
def find() -> Reply:
    """Find a person by the whole number of their document and their name; no address holds either."""
    form = flask.request.form
    with reading() as session:
        person = person_by_number(session, form.get("number", "")[:60], form.get("name", "")[:60])
    return flask.redirect(flask.url_for("retention.person.person", ref=person.ref), 303)


@pages.get("/office/retention/people/<ref>")
@access.roles(Role.OFFICER)
def person(ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show what stays of a person and what can be erased."""
    with reading() as session:
        known = person_by_ref(session, ref)
        standing = standing_of(session, known, today=local_day(flask.g.now))
    return form_page("retention/person/person.html", refused, person=known, standing=standing)


@pages.post("/office/retention/people/<ref>/export")
@access.roles(Role.OFFICER)
@form_on(person)
def export(ref: str) -> Reply:
    """Send everything that is held on a person."""
    why, now = flask.request.form.get("why", ""), flask.g.now
    made, name = exporting.export(ref, reason=why, today=local_day(now), now=now, actor=acting())
    return attachment(made, ZIP, f"{_('retention.person.title')}-{name}.zip")


@pages.post("/office/retention/people/<ref>/erase")
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


@pages.get("/office/retention/people/<ref>/statement.pdf")
@access.roles(Role.OFFICER)
def statement(ref: str) -> Reply:
    """Send the statement of what stays of a person, why and until when."""
    with reading() as session:
        known = person_by_ref(session, ref)
        standing = standing_of(session, known, today=local_day(flask.g.now))
        issued_by = body(session).name
    data = statement_paper(known, standing, body=issued_by, day=local_day(flask.g.now))
    made = pdf("verdict", data, language=str(get_locale()))
    return attachment(made, PDF, f"{_('retention.statement')}-{known.name}.pdf")
