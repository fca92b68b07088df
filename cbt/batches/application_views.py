"""The workbook of an application's accepted people, in the columns of the roster template."""

from __future__ import annotations

import flask

from cbt.batches.applications import applied_rows
from cbt.candidates.roster.export import to_xlsx
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.downloads import attachment
from cbt.http.partials import Reply
from cbt.rules.roles import Role
from cbt.spreadsheets.writer import XLSX

pages = flask.Blueprint("applied", __name__)


@pages.post("/office/applications/<ref>/roster")
@access.roles(Role.OFFICER)
def roster(ref: str) -> Reply:
    """Send the accepted people as a roster that a batch reads as it is."""
    return attachment(to_xlsx(applied_rows(ref, now=flask.g.now, actor=acting())), XLSX, f"roster-{ref}.xlsx")
