"""The product on a disk whose COMMIT takes 5 ms longer: slept inside the gate, as a slow fsync would be."""

from __future__ import annotations

import time
from pathlib import Path

from cbt.config import Settings
from cbt.http.server.front import Front
from cbt.ops.worker import front_of, worker_app
from cbt.ops.writer_app import journal_of as product_journal_of
from cbt.runner.save.journal import Journal

COMMIT_SECONDS = 0.005


def worker() -> Front:
    """Return the product with a slower save path."""
    app = worker_app()
    journal: Journal = app.extensions["cbt_journal"]
    _slow_down(journal)
    journal.write_by(_meeting_place(app.extensions["cbt_settings"]))
    return front_of(app)


def journal_of(settings: Settings) -> Journal:
    """Return the journal of a slower process that owns the writing."""
    journal = product_journal_of(settings)
    _slow_down(journal)
    serve = journal.serve_lines
    journal.serve_lines = lambda _folder, until: serve(_meeting_place(settings), until)  # type: ignore[method-assign]  # as in production, elsewhere
    return journal


def _meeting_place(settings: Settings) -> Path:
    """Return the folder whose name they meet under: the data folder's belongs to the product, served beside it."""
    return settings.keys


def _slow_down(journal: Journal) -> None:
    journal.commits.before_commit = lambda: time.sleep(COMMIT_SECONDS)
