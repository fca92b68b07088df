"""Everybody's paper, open and with an answer at each position."""

from __future__ import annotations

from bench import rows
from bench.installation import Installation
from bench.sizes import WARM_UP_STARTS
from bench.traffic import loads
from bench.traffic.client import run_load


def open_papers(port: int, built: Installation) -> None:
    """Open every paper that is not open yet, and fill its journal.

    The first ones are opened through the server in any case: a browser has opened papers of theirs, and has their
    leases. The others are opened as the first of them was.
    """
    sitters, now = built.sitters, built.now()
    run_load(port, [loads.starts([one]) for one in sitters[:WARM_UP_STARTS]])
    unopened = [one for one in sitters if not one.lease]
    if unopened:
        rows.open_as(sitters[0], unopened, now=now)
    rows.fill_journals(sitters, now=now)
