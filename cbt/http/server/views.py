"""The page that a proxy shows to whoever sent it a file over its own limit."""

from __future__ import annotations

import flask

from cbt.http.auth import access
from cbt.http.partials import Reply
from cbt.http.server.request_body import too_large

pages = flask.Blueprint("receiving", __name__)


@pages.get("/too-large")
@access.public
def refused() -> Reply:
    """Say how large a file may be and what to do, as where this server itself refuses it (413)."""
    raise too_large(flask.current_app)
