"""The office's pages of the table of reasons: violations, reasons, usual reminders; a row at a time."""

from __future__ import annotations

import flask
import flask_babel

from cbt.db.unit_of_work import reading
from cbt.errors import CbtError
from cbt.exams.desk import reason_forms, service
from cbt.exams.desk.reason_forms import KINDS, Row, RowPlace
from cbt.exams.reasons.store import table_in_force, version_in_force
from cbt.rules.roles import Role
from cbt.rules.violation import Effect, Evidence, Tier
from cbt.web.downloads import attachment
from cbt.web.forms import NOTHING_REFUSED, Refusal, refusal
from cbt.web.partials import Reply
from cbt.web.texts import one_line
from cbt.web.who import access
from cbt.web.who.login import acting

pages = flask.Blueprint("reasons", __name__)
READERS = (Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR, Role.ADMIN)


@pages.get("/office/reasons")
@access.roles(*READERS)
def index() -> Reply:
    """Show the table in force."""
    with reading() as session:
        table = table_in_force(session)
    return flask.render_template("exams/desk/reasons.html", table=table, kinds=KINDS)


@pages.get("/office/reasons/reasons.toml")
@access.roles(*READERS)
def source() -> Reply:
    """Send the table in force as the text of its file."""
    with reading() as session:
        text = service.reasons_text(session)
    return attachment(text.encode(), "application/toml", "reasons.toml")


@pages.get("/office/reasons/<listed>/new")
@access.roles(Role.OFFICER)
def new(listed: str) -> Reply:
    """Show the form of a row to come."""
    return _page(listed, "", NOTHING_REFUSED)


@pages.get("/office/reasons/<listed>/of/<code>")
@access.roles(Role.OFFICER)
def edit(listed: str, code: str) -> Reply:
    """Show the form of a row."""
    return _page(listed, code, NOTHING_REFUSED)


@pages.post("/office/reasons/<listed>/new")
@access.roles(Role.OFFICER)
def add(listed: str) -> Reply:
    """Add a row at the end of its list."""
    return _keep(listed, "")


@pages.post("/office/reasons/<listed>/of/<code>")
@access.roles(Role.OFFICER)
def save(listed: str, code: str) -> Reply:
    """Put a row in place of the one with its code."""
    return _keep(listed, code)


def _keep(listed: str, code: str) -> Reply:
    form = flask.request.form
    with reading() as session:
        reason_forms.place_of(table_in_force(session), listed, code)
    try:
        row = reason_forms.read_row(listed, code, form)
        service.keep_reason(
            listed,
            code,
            row,
            begun_from=form.get("begun_from", ""),
            reason=one_line(form.get("reason", ""), "reason")[: reason_forms.MOST],
            now=flask.g.now,
            actor=acting(),
        )
    except CbtError as error:
        return _page(listed, code, refusal(error))
    flask.flash(flask_babel.gettext("exams.reasons.kept", name=row.zh), "ok")
    return flask.redirect(flask.url_for("blueprints.reasons.index") + f"#{listed}", 303)


def _page(listed: str, code: str, refused: Refusal) -> Reply:
    with reading() as session:
        table, version = table_in_force(session), version_in_force(session)
        place: RowPlace = reason_forms.place_of(table, listed, code)
    row: Row | None = reason_forms.rows_of(table, listed)[place.index] if code else None
    page = flask.render_template(
        "exams/desk/reason.html",
        kind=listed,
        row=row,
        begun_from=refused.sent.get("begun_from") or version or "",
        refused=refused,
        tiers=tuple(Tier),
        effects=tuple(Effect),
        evidences=tuple(Evidence),
    )
    return page, refused.code
