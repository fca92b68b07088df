"""Begins a process for each brought bank that waits for one."""

from __future__ import annotations

from datetime import datetime

from cbt.bank.imports.checks.models import CHECKS
from cbt.sheets.checks.starting import CheckStarter

_starter = CheckStarter(CHECKS)


def start_checks(*, now: datetime) -> None:
    """Begin the checks that wait."""
    _starter.tick(now=now)
