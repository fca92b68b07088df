"""The page of a bank's lint, and the part of it that is asked for until it is there."""

from __future__ import annotations

import flask

from cbt.bank import service
from cbt.bank.lint.standing import BUSY, LINT, LintStanding, lint_standing
from cbt.bank.lint.texts import lint_page
from cbt.errors import Unavailable
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.partials import Reply, wants_partial
from cbt.jobs.answers import have_done
from cbt.rules.roles import Role

pages = flask.Blueprint("linting", __name__)


@pages.get("/bank/<ref>/lint")
@access.roles(Role.AUTHOR, Role.REVIEWER)
def lint(ref: str) -> Reply:
    """Show what lint says of a bank; findings quote keys, so that they were seen is on record."""
    standing = lint_standing(ref=ref)
    if standing.working:
        standing = _newer(standing)
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


def _newer(standing: LintStanding) -> LintStanding:
    """Have the lint be worked out; return it once it is there, within a moment, else the one of before."""
    asked = {"bank": standing.ref, "mark": standing.mark}
    page = flask.url_for("bank.linting.lint", ref=standing.ref)
    patience = 0.0 if wants_partial() else None  # the page asks again by itself
    try:
        answered = have_done(
            LINT, subject=f"item_bank:{standing.ref}", page=page, asked=asked, patience=patience
        )
    except Unavailable as error:
        if error.code != BUSY:
            raise
        return standing
    return standing if answered.goes_on else lint_standing(ref=standing.ref)
