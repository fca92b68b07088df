"""The page that a proxy shows to whoever sent it a file over its own limit."""

from __future__ import annotations

import flask

from cbt.web.partials import Reply
from cbt.web.receiving.whole import too_large
from cbt.web.who import access

pages = flask.Blueprint("receiving", __name__)


@pages.get("/too-large")
@access.public
def refused() -> Reply:
    """Say how large a file may be and what to do, as where this server itself refuses it (413)."""
    raise too_large(flask.current_app)
