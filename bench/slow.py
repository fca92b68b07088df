"""The product on a disk whose COMMIT takes 5 ms longer: slept inside the gate, as a slow fsync would be."""

from __future__ import annotations

import time

import flask

from cbt.config import Settings
from cbt.delivery.journal import Journal
from cbt.serving import worker_app as product_app
from cbt.writing import journal_of as product_journal_of

COMMIT_SECONDS = 0.005


def worker_app() -> flask.Flask:
    """Return the product's app with a slower save path."""
    app = product_app()
    journal: Journal = app.extensions["cbt_journal"]
    _slow_down(journal)
    return app


def journal_of(settings: Settings) -> Journal:
    """Return the journal of a slower process that owns the writing."""
    journal = product_journal_of(settings)
    _slow_down(journal)
    return journal


def _slow_down(journal: Journal) -> None:
    journal.commits.before_commit = lambda: time.sleep(COMMIT_SECONDS)
