"""The catalogues for commands that read files only and need no database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import flask

from cbt.config import read_settings
from cbt.web.i18n import init_i18n


@contextmanager
def catalogues() -> Iterator[None]:
    """Make the catalogues readable, through the app there is or through a bare one."""
    if flask.has_app_context():
        yield
        return
    app = flask.Flask("cbt")
    init_i18n(app, read_settings())
    with app.app_context():
        yield
