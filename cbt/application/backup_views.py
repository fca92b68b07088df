"""How the scheduled backups stand, for administrators."""

from __future__ import annotations

import flask

from cbt.application.backups import backup_watch
from cbt.config import Settings
from cbt.http.auth import access
from cbt.http.i18n import explain
from cbt.http.partials import Reply
from cbt.rules.roles import Role

pages = flask.Blueprint("backups", __name__)


@pages.get("/backups", endpoint="page")
@access.roles(Role.ADMIN)
def page() -> Reply:
    """Show the folder, the last backup, and why the last one that failed did."""
    settings: Settings = flask.current_app.extensions["cbt_settings"]
    watch = backup_watch()
    standing = watch.standing(now=flask.g.now)
    failing = standing is not None and standing.failing
    return flask.render_template(
        "application/backups/backups.html",
        standing=standing,
        warnings=watch.warnings(now=flask.g.now),
        failure=explain(standing.error) if standing is not None and failing else None,
        minutes=settings.backup_minutes,
        keep=settings.backup_keep,
    )
