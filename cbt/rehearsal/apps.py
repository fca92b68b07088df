"""An app for a moment, in a child: of the installation that is read, or of the throwaway one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import flask

from cbt.application.app import create_app
from cbt.clock import Clock
from cbt.config import Settings
from cbt.db.types import db


@contextmanager
def app_for(settings: Settings, clock: Clock | None = None) -> Iterator[flask.Flask]:
    """Make an app and its context for the length of the block, and let go of the database after it."""
    app = create_app(settings, clock=clock)
    with app.app_context():
        try:
            yield app
        finally:
            app.extensions["cbt_journal"].close()
            db.engine.dispose()
