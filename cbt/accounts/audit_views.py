"""The audit log on a page: newest first, by what and about what; reading changes nothing."""

from __future__ import annotations

import flask
import flask_babel

from cbt.accounts.sign_in.guessing import guessed
from cbt.accounts.store import actor_names
from cbt.audit.heads import head_of
from cbt.audit.store import entries
from cbt.db.unit_of_work import reading
from cbt.errors import InvalidInput
from cbt.rules.roles import Role
from cbt.web.partials import Reply
from cbt.web.texts import WIDEST, whole_number
from cbt.web.who import access

pages = flask.Blueprint("audit", __name__)
PAGE_SIZE = 50


def act_name(act: str) -> str:
    """Return what people call an act; one without a name in the catalogue is shown as it is written."""
    name = flask_babel.gettext(f"act.{act}")
    return act if name == f"act.{act}" else name


@pages.get("/audit")
@access.roles(Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR, Role.ADMIN)
def log() -> Reply:
    """Show a page of the audit log. Source: R-64."""
    given = flask.request.args
    act, subject = given.get("act", "").strip()[:60], given.get("subject", "").strip()[:120]
    before = given.get("before", "")
    oldest = whole_number(before, most=WIDEST) if before else None
    if before and oldest is None:
        raise InvalidInput("web.bad_request")
    with reading() as session:
        found = entries(session, act=act, subject=subject, before=oldest, limit=PAGE_SIZE + 1)
        shown = found[:PAGE_SIZE]
        names = actor_names(session, (entry.actor for entry in shown))
        head = head_of(session)
        guesses = guessed(session, now=flask.g.now)
    older = shown[-1].id if len(found) > PAGE_SIZE else None
    return flask.render_template(
        "accounts/audit.html",
        entries=shown,
        names=names,
        guesses=guesses,
        act=act,
        subject=subject,
        older=older,
        newest=not before,
        act_name=act_name,
        head=head,
    )
