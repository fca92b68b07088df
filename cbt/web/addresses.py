"""Addresses of pages where no request is being answered: a command, or a use case that tells where to go on."""

from __future__ import annotations

import flask


def path_of(app: flask.Flask, endpoint: str, **values: object) -> str:
    """Return the path of a page; within a request it is what `url_for` gives."""
    return app.url_map.bind("").build(endpoint, values)
