"""The names of all metrics that the product can tell, whatever it is set to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cbt.application.app import create_app
from cbt.config import Settings
from cbt.http.metrics import Metrics
from cbt.storage.engine import begin_installation
from tests.conftest import base_settings
from tests.helpers import FakeClock


def every_name(folder: Path, clock: FakeClock) -> set[str]:
    """Return the names of the embedded database's and PostgreSQL's together; no database is opened."""
    embedded = base_settings(folder / "embedded")
    full = replace(embedded, backup_dir=folder / "backup", journal_copy_dir=folder / "copy")
    nodes = base_settings(folder / "nodes", "postgresql+psycopg://nobody@127.0.0.1:1/none")
    return _names(full, clock) | _names(nodes, clock)


def _names(settings: Settings, clock: FakeClock) -> set[str]:
    begin_installation(settings)
    metrics: Metrics = create_app(settings, clock=clock).extensions["cbt_metrics"]
    return {family.name for family in metrics._layout.families} | {name for name, *_ in metrics._gauges}
