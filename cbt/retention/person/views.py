"""Pages of a person's own data."""

from __future__ import annotations

import flask
from flask_babel import get_locale
from flask_babel import gettext as _

from cbt.enrolment.body import body
from cbt.errors import CbtError
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.downloads import attachment
from cbt.http.forms import NOTHING_REFUSED, Refusal, refusal
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
def people() -> Reply:
    """Ask whose data it is about."""
    return _people(NOTHING_REFUSED)


@pages.post("/office/retention/people")
@access.roles(Role.OFFICER)
def find() -> Reply:
    """Find a person by the whole number of their document and their name; no address holds either."""
    form = flask.request.form
    try:
        with reading() as session:
            person = person_by_number(session, form.get("number", "")[:60], form.get("name", "")[:60])
    except CbtError as error:
        return _people(refusal(error))
    return flask.redirect(flask.url_for("retention.person.person", ref=person.ref), 303)


def _people(refused: Refusal) -> Reply:
    return flask.render_template("retention/person/people.html", refused=refused), refused.code


@pages.get("/office/retention/people/<ref>")
@access.roles(Role.OFFICER)
def person(ref: str) -> Reply:
    """Show what stays of a person and what can be erased."""
    return _person(ref, NOTHING_REFUSED)


@pages.post("/office/retention/people/<ref>/export")
@access.roles(Role.OFFICER)
def export(ref: str) -> Reply:
    """Send everything that is held on a person."""
    why, now = flask.request.form.get("why", ""), flask.g.now
    try:
        made, name = exporting.export(ref, reason=why, today=local_day(now), now=now, actor=acting())
    except CbtError as error:
        return _person(ref, refusal(error))
    return attachment(made, ZIP, f"{_('retention.person.title')}-{name}.zip")


@pages.post("/office/retention/people/<ref>/erase")
@access.roles(Role.OFFICER)
def erase(ref: str) -> Reply:
    """Erase what the law does not keep of a person."""
    reason, now = flask.request.form.get("reason", ""), flask.g.now
    try:
        left = exporting.erase_person(ref, reason=reason, today=local_day(now), now=now, actor=acting())
    except CbtError as error:
        return _person(ref, refusal(error))
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


def _person(ref: str, refused: Refusal) -> Reply:
    with reading() as session:
        known = person_by_ref(session, ref)
        standing = standing_of(session, known, today=local_day(flask.g.now))
    page = flask.render_template(
        "retention/person/person.html", person=known, standing=standing, refused=refused
    )
    return page, refused.code
