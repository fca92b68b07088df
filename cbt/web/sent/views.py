"""What was kept of a form that found no page to come back on: to be read, copied and let go."""

from __future__ import annotations

import flask

from cbt.errors import NotFound
from cbt.web.partials import Reply
from cbt.web.sent import keeping, keys
from cbt.web.sent.filling import OURS
from cbt.web.who import access
from cbt.web.who.login import signed_in

LONG = 80
"""What is longer is shown in an area of its own."""

pages = flask.Blueprint("kept", __name__)


@pages.get("/staff/kept/<ref>")
@access.staff
def one(ref: str) -> Reply:
    """Show what somebody typed into a form, to themselves."""
    found = keeping.kept(ref, signed_in().subject_ref, now=flask.g.now)
    if found is None:
        raise NotFound("web.not_kept")
    typed = [
        (name, value) for name, value in found.content.fields if name not in OURS | {keys.FIELD} and value
    ]
    long = [value for _, value in typed if len(value) > LONG or "\n" in value]
    return flask.render_template("web/sent/kept.html", kept=found, typed=typed, long=long)


@pages.post("/staff/kept/<ref>/forget")
@access.staff
def forget(ref: str) -> Reply:
    """Forget it."""
    keeping.forget(ref, signed_in().subject_ref)
    return flask.redirect(flask.url_for("accounts.home"), 303)
