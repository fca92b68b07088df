"""Publishing a sitting: only when nothing that its day needs is missing, and everything missing is told at once.

Whether a sitting is complete is a question of its rooms, its candidates and their forms, so it is asked here,
where all of them are known; the change of state itself is the sittings room's.
"""

from __future__ import annotations

from datetime import datetime

from cbt.batches.checks.reading import checks_of_sitting, stops_of
from cbt.batches.publishing.missing import missing_of
from cbt.db.unit_of_work import unit_of_work
from cbt.errors import Conflict
from cbt.rules.states.sitting import SittingState
from cbt.sittings import store
from cbt.sittings.planning.sittings import publish_sitting


def publish(*, sitting_ref: str, now: datetime, actor: str) -> None:
    """Publish a draft sitting that lacks nothing and that nothing stops.

    Raise Conflict("sitting.incomplete") with `missing` (a sentence each) and `pages` (where each is mended),
    Conflict("sitting.transition") for one that is no draft.

    Source: R-4, R-7, R-60.
    """
    with unit_of_work() as session:
        sitting = store.sitting_by_ref(session, sitting_ref, lock=True)
        draft = sitting.state == SittingState.DRAFT.value
        lacks = [(one.text, one.page(sitting_ref)) for one in missing_of(session, sitting)] if draft else []
        if draft:
            lacks += [(one.text, one.page) for one in stops_of(checks_of_sitting(session, sitting))]
        if lacks:
            raise Conflict(
                "sitting.incomplete",
                count=len(lacks),
                missing=[text for text, _ in lacks],
                pages=[page for _, page in lacks],
            )
        publish_sitting(session, sitting, now=now, actor=actor)
