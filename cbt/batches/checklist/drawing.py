"""Forms for a whole batch: sitting by sitting, each in a unit of work of its own, so that what was drawn stays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cbt.batches.facts import facts_of_batches
from cbt.db.unit_of_work import reading
from cbt.delivery.paper.drawing import draw_for_sitting
from cbt.errors import CbtError
from cbt.rules.states.sitting import SittingState
from cbt.sittings.store import batch_by_ref, sitting_by_ref

AT_ONCE = 300
"""After so many forms the rest waits for another request."""
_OPEN = frozenset({SittingState.DRAFT, SittingState.PUBLISHED, SittingState.ADMITTING})


@dataclass(frozen=True, slots=True)
class DrawnBatch:
    """How many forms were drawn, in how many sittings some are missing, and what stopped at which sitting."""

    forms: int
    left: int
    stopped: CbtError | None = None
    sitting: str = ""


def draw_for_batch(*, batch_ref: str, now: datetime, actor: str) -> DrawnBatch:
    """Draw forms for the sittings of a batch by their start; the first that refuses ends it. Source: R-8, R-43."""
    with reading() as session:
        batch = batch_by_ref(session, batch_ref)
        facts = facts_of_batches(session, [batch])[batch.id]
    waiting = [sitting.ref for sitting in facts.sittings if sitting.undrawn and sitting.state in _OPEN]
    forms = 0
    while waiting and forms < AT_ONCE:
        try:
            forms += draw_for_sitting(waiting[0], now=now, actor=actor)
        except CbtError as error:
            with reading() as session:
                name = sitting_by_ref(session, waiting[0]).name
            return DrawnBatch(forms, len(waiting), error, name)
        waiting.pop(0)
    return DrawnBatch(forms, len(waiting))
