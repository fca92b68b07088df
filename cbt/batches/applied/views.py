"""The workbook of an application's accepted people, in the columns of the roster template."""

from __future__ import annotations

import flask

from cbt.batches.applied.rows import applied_rows
from cbt.candidates.roster.export import to_xlsx
from cbt.rules.roles import Role
from cbt.sheets.writing import XLSX
from cbt.web.downloads import attachment
from cbt.web.partials import Reply
from cbt.web.who import access
from cbt.web.who.login import acting

pages = flask.Blueprint("applied", __name__)


@pages.post("/office/applications/<ref>/roster")
@access.roles(Role.OFFICER)
def roster(ref: str) -> Reply:
    """Send the accepted people as a roster that a batch reads as it is."""
    return attachment(to_xlsx(applied_rows(ref, now=flask.g.now, actor=acting())), XLSX, f"roster-{ref}.xlsx")
