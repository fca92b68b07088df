"""The product on a disk whose COMMIT takes 5 ms longer: slept inside the gate, as a slow fsync would be."""

from __future__ import annotations

import time
from typing import cast

import flask

from cbt.db.base import db
from cbt.db.gate import Gate
from cbt.db.group_commit import GroupWriter
from cbt.delivery.journal import Journal
from cbt.serving import worker_app as product_app

COMMIT_SECONDS = 0.005


def worker_app() -> flask.Flask:
    """Return the product's app with a slower save path."""
    app = product_app()
    journal = cast(Journal, app.extensions["cbt_journal"])
    with app.app_context():
        engine = db.engine
    gate = cast(Gate, app.extensions["cbt_gate"])
    journal.writer = GroupWriter(
        engine, gate, journal.perform, before_commit=lambda: time.sleep(COMMIT_SECONDS)
    )
    return app
