"""The audit log on a page: newest first, in words, narrowed down; reading changes nothing."""

from __future__ import annotations

import flask

from cbt.accounts.log.pages import LogFilter, exported, filter_of, log_page
from cbt.accounts.log.words import act_groups
from cbt.errors import InvalidInput
from cbt.http.auth import access
from cbt.http.auth.login import signed_in
from cbt.http.downloads import attachment
from cbt.http.forms import NOTHING_REFUSED, Refusal, refusal
from cbt.http.i18n import local_text
from cbt.http.partials import Reply
from cbt.rules.roles import Role
from cbt.spreadsheets.writer import XLSX
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("audit", __name__)
READERS = (Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR, Role.ADMIN)


@pages.get("/audit")
@access.roles(*READERS)
def log() -> Reply:
    """Show a page of the audit log. Source: R-64."""
    asked = filter_of(flask.request.args)
    try:
        return _page(asked)
    except InvalidInput as error:
        return _page(LogFilter(), given=asked, refused=refusal(error)), 422


@pages.get("/audit.xlsx")
@access.roles(*READERS)
def export() -> Reply:
    """Send what a filter shows as a workbook; it is a reading, and on record as one."""
    asked = filter_of(flask.request.args)
    try:
        body = exported(asked, reader=signed_in(), now=flask.g.now)
    except InvalidInput as error:
        return _page(LogFilter(), given=asked, refused=refusal(error)), 422
    return attachment(body, XLSX, f"log-{local_text(flask.g.now, '%Y%m%d-%H%M')}.xlsx")


def _page(asked: LogFilter, *, given: LogFilter | None = None, refused: Refusal = NOTHING_REFUSED) -> str:
    with reading() as session:
        page = log_page(session, asked, reader=signed_in(), now=flask.g.now)
    return flask.render_template(
        "accounts/log/log.html", page=page, asked=given or asked, refused=refused, groups=act_groups()
    )
