"""Whoever sees answer keys is on record before they see them.

Source: R-44, R-64.
"""

from __future__ import annotations

from datetime import datetime

from cbt.audit import tally
from cbt.db.unit_of_work import unit_of_work


def key_view(*, act: str, subject: str, actor: str, now: datetime) -> None:
    """Put a view of answer keys on record, in a unit of work of its own; the keys are shown only after it."""
    with unit_of_work() as session:
        tally.count(session, at=now, actor=actor, act=act, subject=subject)
