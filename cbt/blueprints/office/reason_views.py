"""The office's pages of the table of reasons: violations, reasons, usual reminders; a row at a time."""

from __future__ import annotations

import flask
import flask_babel

from cbt.blueprints.office import service
from cbt.blueprints.office.service import KINDS, Row, RowPlace
from cbt.blueprints.reasons import table_in_force, version_in_force
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.downloads import attachment
from cbt.http.form_values import one_line
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on, form_page
from cbt.http.partials import Reply
from cbt.rules.roles import Role
from cbt.rules.violations import Effect, Evidence, Tier
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("reasons", __name__)
READERS = (Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR, Role.ADMIN)


@pages.get("/office/reasons", endpoint="index")
@access.roles(*READERS)
def index() -> Reply:
    """Show the table in force."""
    with reading() as session:
        table = table_in_force(session)
    return flask.render_template("blueprints/office/reasons.html", table=table, kinds=KINDS)


@pages.get("/office/reasons/reasons.toml", endpoint="source")
@access.roles(*READERS)
def source() -> Reply:
    """Send the table in force as the text of its file."""
    with reading() as session:
        text = service.reasons_text(session)
    return attachment(text.encode(), "application/toml", "reasons.toml")


@pages.get("/office/reasons/<listed>/new", endpoint="new")
@access.roles(Role.OFFICER)
def new(listed: str) -> Reply:
    """Show the form of a row to come."""
    return edit(listed, "", NOTHING_REFUSED)


@pages.get("/office/reasons/<listed>/of/<code>", endpoint="edit")
@access.roles(Role.OFFICER)
def edit(listed: str, code: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show the form of a row."""
    with reading() as session:
        table, version = table_in_force(session), version_in_force(session)
        place: RowPlace = service.place_of(table, listed, code)
    row: Row | None = service.rows_of(table, listed)[place.index] if code else None
    return form_page(
        "blueprints/office/reason.html",
        refused,
        kind=listed,
        row=row,
        begun_from=refused.sent.get("begun_from") or version or "",
        tiers=tuple(Tier),
        effects=tuple(Effect),
        evidences=tuple(Evidence),
    )


@pages.post("/office/reasons/<listed>/new")
@access.roles(Role.OFFICER)
def add(listed: str) -> Reply:
    """Add a row at the end of its list."""
    return _keep(listed, "")


@pages.post("/office/reasons/<listed>/of/<code>", endpoint="save")
@access.roles(Role.OFFICER)
def save(listed: str, code: str) -> Reply:
    """Put a row in place of the one with its code."""
    return _keep(listed, code)


@form_on(edit)
def _keep(listed: str, code: str) -> Reply:
    form = flask.request.form
    with reading() as session:
        service.place_of(table_in_force(session), listed, code)
    row = service.read_row(listed, code, form)
    service.keep_reason(
        listed,
        code,
        row,
        begun_from=form.get("begun_from", ""),
        reason=one_line(form.get("reason", ""), "reason")[: service.MOST],
        now=flask.g.now,
        actor=acting(),
    )
    flask.flash(flask_babel.gettext("exams.reasons.kept", name=row.zh), "ok")
    return flask.redirect(flask.url_for("blueprints.reasons.index") + f"#{listed}", 303)
