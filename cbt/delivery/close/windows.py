"""The windows of a paper in units, for a page that asks for them alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cbt.db.unit_of_work import reading
from cbt.delivery.fact_reader import attempt_facts, room_facts
from cbt.delivery.models import Attempt
from cbt.rules.clock.facts import UnitWindow


def windows_of(attempt_id: int, *, now: datetime) -> Sequence[UnitWindow]:
    """Return the windows of an attempt that are open or to come; none before its start (R-24)."""
    with reading() as session:
        attempt = session.get_one(Attempt, attempt_id)
        found = attempt_facts(session, room_facts(session, attempt.sitting_room_id), [attempt])
        return found[0].windows(now) if found else ()
