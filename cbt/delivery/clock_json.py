"""The clock as a candidate's page reads it: instants only, the page does the counting.

Source: R-20, R-23, R-24.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cbt.delivery.guard import AttemptInfo, Guard
from cbt.rules.attempt_state import State
from cbt.rules.timing import ZERO


def iso(instant: datetime | None) -> str | None:
    """Return an instant as the browser reads it."""
    return None if instant is None else instant.isoformat().replace("+00:00", "Z")


def clock_json(info: AttemptInfo, guard: Guard, *, now: datetime) -> dict[str, Any]:
    """Return what the page needs to show the time left and to know what it may do."""
    paper = info.paper
    blocked = paper.submit.closed_before_end
    blocked_after = None
    if blocked > ZERO and guard.closes_at is not None:
        blocked_after = guard.closes_at - blocked
    unit = None
    if paper.windows and guard.open_unit is not None:
        unit = {"number": guard.open_unit, "ends_at": iso(guard.unit_ends_at)}
    return {
        "now": iso(now),
        "state": "closed" if guard.over else guard.state,
        "away": guard.left_at is not None,
        "closes_at": iso(guard.closes_at),
        "earliest_submit_at": iso(guard.earliest_submit_at),
        "submit_blocked_after": iso(blocked_after),
        "unit": unit if guard.state != State.UNITS_DONE else None,
        "warnings": [int(span.total_seconds()) for span in paper.warnings],
        "unit_warnings": [int(span.total_seconds()) for span in paper.unit_warnings],
        "messages": [],
    }
