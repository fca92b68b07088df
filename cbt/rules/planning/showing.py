"""What is to be done with the results of a batch when a sitting of it is over: shown, decided about, released."""

from __future__ import annotations

from datetime import date

from cbt.rules.planning.readiness import BatchFacts, BatchStep, StepState
from cbt.rules.states.sitting import SittingState

_OVER = frozenset({SittingState.ENDED, SittingState.SCORED, SittingState.RELEASED})


def publicity_steps(batch: BatchFacts, *, today: date) -> list[BatchStep]:
    """Return the step of 公示 for the sittings that are over; none while there is nothing to show. Source: R-90."""
    over = [sitting for sitting in batch.sittings if sitting.state in _OVER and sitting.asked]

    if not over:
        return []
    waiting = [sitting for sitting in over if sitting.state is not SittingState.RELEASED]
    shown = [sitting for sitting in waiting if sitting.shown_until is not None]
    for reason, found, count in (
        ("due", [one for one in waiting if one.shown_until is None], 0),
        ("objections", [one for one in over if one.objections], sum(one.objections for one in over)),
        ("rulings", [one for one in over if one.rulings], sum(one.rulings for one in over)),
        ("release", [one for one in shown if one.shown_until is not None and today > one.shown_until], 0),
        ("rest", [one for one in over if one.decided], sum(one.decided for one in over)),
    ):
        if found:
            counts = {"count": count or len(found)}
            return [BatchStep("publicity", StepState.OPEN, reason, counts, found[0].ref)]
    if waiting:
        return [BatchStep("publicity", StepState.WAITS, "shown")]
    return [BatchStep("publicity", StepState.DONE, "done", {"count": len(over)})]
