"""The product with hot addresses left to their views, named in BENCH_VIEWS: what the door of each gains."""

from __future__ import annotations

import os

from cbt.http.server.front import Front
from cbt.http.server.hot_addresses import door_at
from cbt.ops.worker import front_of, worker_app

VIEWS_VARIABLE = "BENCH_VIEWS"
"""Endpoints with commas between, or `all`."""
ALL = "all"


def worker() -> Front:
    """Return the product without the door of these addresses."""
    app = worker_app()
    door, named = door_at(app), os.environ[VIEWS_VARIABLE].split(",")
    door.off = door.addresses if named == [ALL] else named
    return front_of(app)
