"""What may become of a save, judged against the locked row of its attempt before anything is written.

Source: R-13, R-21, R-24, R-41, R-42; I2, I11.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cbt.delivery.save.entries import Entry
from cbt.delivery.save.exchange import Outcome, Save
from cbt.delivery.save.guard import Guard
from cbt.delivery.save.quotas import is_full, size_of
from cbt.rules.states.attempt import State
from cbt.web.who.machine import is_elsewhere


@dataclass(slots=True)
class Judged:
    """A save while its batch is carried out."""

    save: Save
    guard: Guard
    outcome: Outcome
    otherwise: Outcome = Outcome.SAVED
    """What becomes of a save without room when all it brings is kept already."""
    counting: Sequence[Entry] = ()
    """The entries whose time is not over."""
    taken: Sequence[Entry] = ()
    """Those of them that this save appended."""
    known: Mapping[int, datetime] = field(default_factory=dict)
    late: Sequence[Entry] = ()
    kept: Sequence[Entry] = ()
    """What is on disk by this save, as an answer or as evidence: it counts towards the quota."""
    at: Any = None
    """When it was received, as the database binds it."""


def judge(save: Save, guard: Guard, *, at: datetime) -> Judged:
    """Check age, lease, machine, state, presence, quota, window and grace against the locked row.

    While somebody is out of the room nothing of theirs is taken, heartbeats included; the browser keeps it and
    sends it after the return (R-13).
    """
    if guard.is_stale(save.now, at=at):
        return Judged(save, guard, Outcome.STALE)
    if guard.lease_hash != save.lease_hash or guard.lease_epoch != save.epoch:
        return Judged(save, guard, Outcome.LEASE_LOST)
    if is_elsewhere(guard.lease_machine, save.machine):
        return Judged(save, guard, Outcome.OTHER_MACHINE)
    if guard.state == State.SUSPENDED:
        return Judged(save, guard, Outcome.SUSPENDED)
    now = save.now
    closed = guard.over or not guard.takes(0, now=now)
    if guard.left_at is not None and not closed:
        return Judged(save, guard, Outcome.AWAY)
    size = size_of(save.entries)
    if is_full(guard, len(save.entries), size):
        return Judged(save, guard, Outcome.FULL, otherwise=Outcome.CLOSED if closed else Outcome.SAVED)
    guard.kept_rows += len(save.entries)  # for the next save of the batch; its row counts what is kept
    guard.kept_bytes += size
    if closed:
        return Judged(save, guard, Outcome.CLOSED)
    counting = [one for one in save.entries if guard.takes(one.unit, now=now)]
    return Judged(save, guard, Outcome.SAVED, counting=counting)
