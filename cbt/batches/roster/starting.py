"""Begins a process for each brought roster that waits for one."""

from __future__ import annotations

from datetime import datetime

from cbt.batches.roster.models import ROSTERS
from cbt.sheets.checks.starting import CheckStarter

_starter = CheckStarter(ROSTERS)


def start_rosters(*, now: datetime) -> None:
    """Begin the rosters that wait."""
    _starter.tick(now=now)
