"""Publishing sittings: only when nothing that their day needs is missing, and everything missing is told at once.

Whether a sitting is complete is a question of its rooms, its candidates and their forms, so it is asked here,
where all of them are known; the change of state itself is the sittings room's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from cbt.audit.since import last_number, told_since
from cbt.batches.checks.reading import checks_of_sitting, stops_of
from cbt.batches.publishing.missing import missing_of
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.errors import Conflict, InvalidInput
from cbt.rules.states.sitting import SittingState
from cbt.sittings import store
from cbt.sittings.models import Sitting
from cbt.sittings.planning.sittings import publish_sitting

TRIES = 3
"""Sittings whose plans somebody changes while they are checked are checked so often."""


def publish(*, sitting_ref: str, now: datetime, actor: str) -> None:
    """Publish a draft sitting that lacks nothing and that nothing stops.

    Raise Conflict("sitting.incomplete") with `missing` (a sentence each) and `pages` (where each is mended),
    Conflict("sitting.transition") for one that is no draft.

    Source: R-4, R-7, R-60, R-62.
    """
    _publish_checked([sitting_ref], now=now, actor=actor)


def publish_many(*, batch_ref: str, sitting_refs: Sequence[str], now: datetime, actor: str) -> int:
    """Publish the chosen drafts of a batch, all of them or none; return how many.

    Raise InvalidInput("batch.publish_none") for none, and like `publish` for the first that cannot go out.

    Source: R-4, R-7, R-60, R-62.
    """
    chosen = sorted(set(sitting_refs))
    if not chosen:
        raise InvalidInput("batch.publish_none", field="sittings")
    with reading() as session:
        batch = store.batch_by_ref(session, batch_ref)
        if any(store.sitting_by_ref(session, ref).batch_id != batch.id for ref in chosen):
            raise InvalidInput("batch.publish_none", field="sittings")
    _publish_checked(chosen, now=now, actor=actor)
    return len(chosen)


def _publish_checked(refs: Sequence[str], *, now: datetime, actor: str) -> None:
    """Publish sittings as they were checked: where a plan was changed meanwhile, they are checked anew.

    Raise Conflict("sitting.changing") while plans go on being changed.
    """
    for _ in range(TRIES):
        with reading() as session:
            number = last_number(session)
            for ref in refs:
                _require_complete(session, store.sitting_by_ref(session, ref))
        with unit_of_work() as session:
            if told_since(session, number):
                continue
            # Locked in one order, so that two who publish at once wait for each other and do not deadlock.
            for ref in refs:
                publish_sitting(session, store.sitting_by_ref(session, ref, lock=True), now=now, actor=actor)
        return
    raise Conflict("sitting.changing")


def _require_complete(session: Session, sitting: Sitting) -> None:
    """Raise Conflict("sitting.incomplete") for a draft that lacks something or that something stops."""
    if sitting.state != SittingState.DRAFT.value:
        return  # where it may go from there is for its state to say
    lacks = [(one.text, one.page(sitting.ref)) for one in missing_of(session, sitting)]
    lacks += [(one.text, one.page) for one in stops_of(checks_of_sitting(session, sitting))]
    if lacks:
        raise Conflict(
            "sitting.incomplete",
            count=len(lacks),
            sitting=sitting.name,
            missing=[text for text, _ in lacks],
            pages=[page for _, page in lacks],
        )
