"""The product without mechanisms of docs/decisions, named in BENCH_OFF: what each of them gains."""

from __future__ import annotations

import os
from collections.abc import Sequence

from bench.on_off.mechanisms import BY_NAME, take_out, tend
from cbt.http.server.front import Front
from cbt.ops.worker import front_of, worker_app

OFF_VARIABLE = "BENCH_OFF"
"""Names of mechanisms with commas between."""


def worker() -> Front:
    """Return the product of a server process without them; its parent has taken them out of itself already."""
    names = names_in(os.environ[OFF_VARIABLE])
    take_out(names)
    app = worker_app()
    tend(app, names)
    return front_of(app)


def names_in(text: str) -> Sequence[str]:
    """Return the names of mechanisms with commas between; none in an empty text."""
    return [name for name in text.split(",") if name]


def writes_itself(names: Sequence[str]) -> bool:
    """Return whether no process owns the writing while these are out."""
    return any(BY_NAME[name].writes_itself for name in names)
