"""The page of a bank's lint, and the part of it that is asked for until it is there."""

from __future__ import annotations

import flask

from cbt.bank import service
from cbt.bank.lint.service import lint_standing
from cbt.bank.lint.texts import lint_page
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.partials import Reply, wants_partial
from cbt.rules.roles import Role

pages = flask.Blueprint("linting", __name__)


@pages.get("/bank/<ref>/lint")
@access.roles(Role.AUTHOR, Role.REVIEWER)
def lint(ref: str) -> Reply:
    """Show what lint says of a bank; findings quote keys, so that they were seen is on record."""
    standing = lint_standing(ref=ref, now=flask.g.now)
    if standing.working and wants_partial():
        return "", 204
    report = standing.report
    if report is not None:
        service.key_view(act="bank.view_keys", subject=f"item_bank:{ref}", actor=acting(), now=flask.g.now)
    return flask.render_template(
        "bank/lint/_lint.html" if wants_partial() else "bank/lint/lint.html",
        standing=standing,
        report=report,
        page=lint_page(report) if report is not None else None,
    )
