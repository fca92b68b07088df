"""考毕: an application whose batch is over is ended by itself, once no fresh sitting is planned any more (R-77)."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import exists, func, select

from cbt.db.unit_of_work import reading
from cbt.enrolment.applications import deciding
from cbt.enrolment.applications.applying import Applying
from cbt.enrolment.applications.models import UnitApplication
from cbt.errors import Conflict
from cbt.rules.states.application import ApplicationEvent, ApplicationState
from cbt.rules.states.sitting import OVER
from cbt.sittings.models import Sitting
from cbt.web.i18n import local_day

QUIET = timedelta(days=7)
"""So long after the last sitting of a batch: an aborted one is held again within it."""
AT_ONCE = 20
ACTOR = "scheduler"


def complete_applications(*, now: datetime) -> int:
    """End the applications whose batches were over a week ago, with what is given back; return how many.

    Source: R-76, R-77.
    """
    of_batch = Sitting.batch_id == UnitApplication.batch_id
    last = select(func.max(Sitting.planned_start_at)).where(of_batch).correlate(UnitApplication)
    query = (
        select(UnitApplication.ref)
        .where(
            UnitApplication.state == ApplicationState.SCHEDULED.value,
            ~exists().where(of_batch, Sitting.state.not_in([state.value for state in OVER])),
            last.scalar_subquery() < now - QUIET,
        )
        .order_by(UnitApplication.id)
        .limit(AT_ONCE)
    )
    with reading() as session:
        refs = session.scalars(query).all()
    who = Applying(ACTOR, now, local_day(now), None)
    for ref in refs:
        with suppress(Conflict):  # somebody was quicker, or planned another sitting
            deciding.take_step(ref, ApplicationEvent.COMPLETE, words="", batch="", who=who)
    return len(refs)
