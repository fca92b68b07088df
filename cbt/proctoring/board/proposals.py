"""Proposed compensations: what the rule would give back for a disconnection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cbt.delivery.facts import RoomFacts
from cbt.delivery.models import Gap
from cbt.rules.clock import interruptions
from cbt.rules.clock.facts import Pause


@dataclass(frozen=True, slots=True)
class Proposal:
    """A disconnection to decide on, with the time the rule proposes to give back (R-26)."""

    gap_id: int
    from_at: datetime
    to_at: datetime
    usable: bool
    resent: int
    left: timedelta
    """What of it nothing was given back for: no more can be granted."""
    amount: timedelta


def proposals_of(
    gaps: Sequence[Gap],
    facts: RoomFacts,
    stood: Mapping[int, Sequence[Pause]],
    *,
    now: datetime,
) -> Mapping[int, tuple[Proposal, ...]]:
    """Return what is to decide: attempt id -> proposals."""
    proposals: dict[int, tuple[Proposal, ...]] = {}
    for gap in gaps:
        if gap.decided_at is None:
            proposed = proposal(gap, facts, stood.get(gap.attempt_id, ()), now=now)
            if proposed is not None:
                proposals[gap.attempt_id] = (*proposals.get(gap.attempt_id, ()), proposed)
    return proposals


def proposal(gap: Gap, facts: RoomFacts, stood: Sequence[Pause], *, now: datetime) -> Proposal | None:
    """Return what to propose for a disconnection, None when nothing is left to decide.

    What a hold of the room or an outage gave back already is not proposed again, nor the candidate's own pauses and
    the time they were out of the room (`stood`).

    Source: R-25, R-26, R-27.
    """
    left = interruptions.unpaid(gap.from_at, gap.to_at, (*facts.holds, *facts.outages, *stood), now=now)
    if not interruptions.to_decide(gap.to_at - gap.from_at, left, usable=gap.usable):
        return None
    return Proposal(
        gap_id=gap.id,
        from_at=gap.from_at,
        to_at=gap.to_at,
        usable=gap.usable,
        resent=gap.resent,
        left=left,
        amount=min(left, interruptions.compensation(gap.from_at, gap.to_at, usable=gap.usable)),
    )
