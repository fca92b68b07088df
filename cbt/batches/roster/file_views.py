"""Pages about a brought roster as a file: what its columns are, and the copy in which its findings are marked."""

from __future__ import annotations

import flask

from cbt.batches.roster import findings, service
from cbt.batches.roster import pages as sheets
from cbt.batches.roster.pages import LookedAt
from cbt.candidates.roster.column_mapping import hands_of_form
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.downloads import attachment
from cbt.http.partials import Reply
from cbt.rules.roles import Role
from cbt.spreadsheets.writer import XLSX
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("roster_file", __name__)


@pages.post("/office/batches/<ref>/roster/<draft>/columns")
@access.roles(Role.OFFICER)
def columns(ref: str, draft: str) -> Reply:
    """Read a roster anew, with what is said of its columns."""
    with reading() as session:
        layouts = sheets.sheet_of(session, ref, draft, LookedAt(), actor=acting()).summary.layouts
    hands = hands_of_form(flask.request.form, layouts)
    service.read_again(batch_ref=ref, ref=draft, hands=hands, now=flask.g.now, actor=acting())
    return flask.redirect(flask.url_for("batches.roster.check", ref=ref, draft=draft), 303)


@pages.get("/office/batches/<ref>/roster/<draft>/marked.xlsx")
@access.roles(Role.OFFICER)
def marked(ref: str, draft: str) -> Reply:
    """Send a roster back with its findings marked."""
    with reading() as session:
        name, body = findings.marked_copy(session, ref, draft, actor=acting())
    return attachment(body, XLSX, name)
