"""The results of a unit's own people, for its clerks: a page, and a workbook (R-70, R-94)."""

from __future__ import annotations

import flask
from flask_babel import gettext as _

from cbt.certificates import unit_results
from cbt.certificates.unit_results import own_book
from cbt.enrolment.units import own_unit
from cbt.http.auth import access
from cbt.http.auth.login import signed_in
from cbt.http.downloads import attachment
from cbt.http.form_values import page_of
from cbt.http.i18n import local_day
from cbt.http.partials import Reply
from cbt.rules.roles import Role
from cbt.spreadsheets.writer import XLSX
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("own_results", __name__, url_prefix="/unit/results")


@pages.get("")
@access.roles(Role.UNIT_CLERK)
def results() -> Reply:
    """Show a clerk the results of their own unit's people; no address names a unit."""
    args = flask.request.args
    with reading() as session:
        unit = own_unit(session, signed_in().subject_id)
        found = unit_results.own_page(
            session, unit, of=args.get("of", ""), page=page_of(args), now=flask.g.now
        )
        return flask.render_template("certificates/unit_results/results.html", found=found)


@pages.get("/workbook")
@access.roles(Role.UNIT_CLERK)
def workbook() -> Reply:
    """Send the same list as a workbook."""
    with reading() as session:
        unit = own_unit(session, signed_in().subject_id)
        lines = unit_results.own_lines(session, unit, of=flask.request.args.get("of", ""), now=flask.g.now)
        name = unit.name
    day = local_day(flask.g.now).isoformat()
    return attachment(
        own_book(lines, f"{name} · {day}"), XLSX, f"{_('accounts.place.own_results')}-{day}.xlsx"
    )
