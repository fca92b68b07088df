"""The pages of the room, wing by wing."""

from __future__ import annotations

import flask

from cbt.batches.publishing import views as publishing

pages = flask.Blueprint("batches", __name__)
for wing in (publishing,):
    pages.register_blueprint(wing.pages)
