"""The blueprint files that tests read."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from cbt.paths import product_dir

ELECTRICIAN = Path(__file__).with_name("electrician.toml")


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def shipped(level: str) -> Path:
    return product_dir("blueprints") / f"customer-service-{level}.toml"
