"""Closing attempts, by whomever: what later rooms call within their own unit of work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.audit.sealing import EntryDraft, text_of
from cbt.delivery.models import Attempt
from cbt.delivery.moving import move
from cbt.delivery.save.digests import journal_digests
from cbt.rules.states.attempt import CLOSED_BY, ClosedBy, Event, before
from cbt.web.refs import new_ref

EVENT_OF: Mapping[ClosedBy, Event] = {closed_by: event for event, closed_by in CLOSED_BY.items()}


def close_attempts(
    session: Session,
    attempts: Sequence[Any],
    *,
    now: datetime,
    closed_at: datetime | None,
    closed_by: ClosedBy,
    actor: str,
    reason: str = "",
) -> list[Attempt]:
    """Close attempts (given by rows with their `id`); one audit entry seals each with its journal's digest.

    `closed_at` None means each one's own `closes_at` (the deadline). Rows that this closing cannot happen to
    (closed already, or by time while their clock stands) are left out, so racing callers are harmless; returns
    those this call closed.

    Source: R-28, R-60, R-64, I4.
    """
    ids, event = [attempt.id for attempt in attempts], EVENT_OF[closed_by]
    rows = session.scalars(
        select(Attempt)
        .where(Attempt.id.in_(ids), Attempt.state.in_(before(event)))
        .order_by(Attempt.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    digests = journal_digests(session, [attempt.id for attempt in rows])
    for attempt in rows:
        former = attempt.state
        move(attempt, event)
        attempt.closed_by = closed_by
        attempt.closed_at = closed_at if closed_at is not None else attempt.closes_at or now
        attempt.journal_digest = digests[attempt.id]
        attempt.receipt = attempt.receipt or new_receipt()
        entry = closing_entry(
            attempt.ref,
            at=now,
            actor=actor,
            former=former,
            closed_by=closed_by,
            closed_at=attempt.closed_at,
            journal=digests[attempt.id],
            reason=reason,
        )
        chain.record_entry(session, entry)
    return list(rows)


def new_receipt() -> str:
    """Return the number (交卷回执) of a closing that has none yet."""
    return new_ref("R", 10).upper()


def closing_entry(
    ref: str,
    *,
    at: datetime,
    actor: str,
    former: str,
    closed_by: ClosedBy,
    closed_at: datetime,
    journal: str,
    reason: str = "",
) -> EntryDraft:
    """Return the entry of the log that seals a closed attempt with the digest of its journal. Source: R-64."""
    after = {"closed_by": closed_by.value, "closed_at": closed_at.isoformat(), "journal": journal}
    return EntryDraft(
        at=at,
        actor=actor,
        act="attempt.close",
        subject=f"attempt:{ref}",
        reason=reason,
        before=text_of({"state": former}),
        after=text_of(after),
    )
