"""The results of a unit's own people, for its clerks: a page, and a workbook (R-70, R-94)."""

from __future__ import annotations

import flask
from flask_babel import gettext as _

from cbt.certificates.own import store
from cbt.certificates.own.workbook import own_book
from cbt.db.unit_of_work import reading
from cbt.enrolment.units.store import own_unit
from cbt.rules.roles import Role
from cbt.sheets.writing import XLSX
from cbt.web.downloads import attachment
from cbt.web.i18n import local_day
from cbt.web.partials import Reply
from cbt.web.texts import page_of
from cbt.web.who import access
from cbt.web.who.login import signed_in

pages = flask.Blueprint("own_results", __name__, url_prefix="/unit/results")


@pages.get("")
@access.roles(Role.UNIT_CLERK)
def results() -> Reply:
    """Show a clerk the results of their own unit's people; no address names a unit."""
    args = flask.request.args
    with reading() as session:
        unit = own_unit(session, signed_in().subject_id)
        found = store.own_page(session, unit, of=args.get("of", ""), page=page_of(args), now=flask.g.now)
        return flask.render_template("certificates/own/results.html", found=found)


@pages.get("/workbook")
@access.roles(Role.UNIT_CLERK)
def workbook() -> Reply:
    """Send the same list as a workbook."""
    with reading() as session:
        unit = own_unit(session, signed_in().subject_id)
        lines = store.own_lines(session, unit, of=flask.request.args.get("of", ""), now=flask.g.now)
        name = unit.name
    day = local_day(flask.g.now).isoformat()
    return attachment(
        own_book(lines, f"{name} · {day}"), XLSX, f"{_('accounts.place.own_results')}-{day}.xlsx"
    )
