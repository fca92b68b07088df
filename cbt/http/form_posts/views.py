"""What was kept of a form that found no page to come back on: to be read, copied and let go."""

from __future__ import annotations

import flask

from cbt.errors import NotFound
from cbt.http.auth import access
from cbt.http.auth.login import signed_in
from cbt.http.form_posts import idempotency, kept_forms
from cbt.http.form_posts.refill import OURS
from cbt.http.partials import Reply

LONG = 80
"""What is longer is shown in an area of its own."""

pages = flask.Blueprint("kept", __name__)


@pages.get("/staff/kept/<ref>")
@access.staff
def one(ref: str) -> Reply:
    """Show what somebody typed into a form, to themselves."""
    found = kept_forms.kept(ref, signed_in().subject_ref, now=flask.g.now)
    if found is None:
        raise NotFound("web.not_kept")
    typed = [
        (name, value)
        for name, value in found.content.fields
        if name not in OURS | {idempotency.FIELD} and value
    ]
    long = [value for _, value in typed if len(value) > LONG or "\n" in value]
    return flask.render_template("http/form_posts/kept.html", kept=found, typed=typed, long=long)


@pages.post("/staff/kept/<ref>/forget")
@access.staff
def forget(ref: str) -> Reply:
    """Forget it."""
    kept_forms.forget(ref, signed_in().subject_ref)
    return flask.redirect(flask.url_for("accounts.home"), 303)
