"""What the process that owns the writing loads: the app whose journal it carries out (writing.py)."""

from __future__ import annotations

from cbt.application.app import create_app
from cbt.config import Settings
from cbt.http.metrics import WRITER, Metrics
from cbt.runner.save.journal import Journal
from cbt.storage.engine import begin_pulse


def journal_of(settings: Settings) -> Journal:
    """Return the journal whose saves, hand-ins and starts this process carries out."""
    app = create_app(settings)
    begin_pulse(app)
    metrics: Metrics = app.extensions["cbt_metrics"]
    metrics.share(settings.data_dir, servers=settings.workers, role=WRITER)
    journal: Journal = app.extensions["cbt_journal"]
    return journal
