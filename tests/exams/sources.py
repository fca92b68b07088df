"""The blueprint files that tests read."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import flask

from cbt.blueprints.reason_file import REASONS_FILE
from cbt.blueprints.store import read_reasons, shipped_reasons
from cbt.blueprints.versions import load_reasons
from cbt.paths import product_dir
from cbt.rules.violations import ReasonTable
from cbt.storage.unit_of_work import unit_of_work

REASONS = shipped_reasons().read_text("utf-8")
ELECTRICIAN = Path(__file__).with_name("electrician.toml")


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def shipped_table() -> ReasonTable:
    """The violations and reasons that come with the product."""
    return read_reasons(REASONS, name="reasons.toml")


def shipped(level: str) -> Path:
    return product_dir("blueprints") / f"customer-service-{level}.toml"


def start_with_reasons(app: flask.Flask, folder: Path, text: str, *, now: datetime) -> None:
    """Have a table of reasons in force, as a start has that finds it in the folder of the blueprints."""
    (folder / REASONS_FILE).write_text(text, "utf-8")
    with app.app_context(), unit_of_work() as session:
        load_reasons(session, folder, now=now, actor="cli")
