"""What is asked and said at an end: of a unit, and of the whole paper (交卷)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cbt.audit.sealing import ToFollow
from cbt.delivery.save.exchange import Outcome, Save, Saved
from cbt.rules.clock.facts import UnitWindow

TAKEN = (Outcome.SAVED, Outcome.UNIT_CLOSED)
"""What may have become of the answers that came along, for the end itself to be looked at."""


@dataclass(slots=True)
class HandIn:
    """交卷: close the attempt with the answers still unsent. `pressed_at` is kept on record only."""

    save: Save
    pressed_at: datetime


@dataclass(slots=True)
class UnitLeft:
    """A unit is over, by its time or because the candidate says so."""

    save: Save
    from_unit: int
    completed: bool


@dataclass(slots=True)
class HandedIn:
    """The result of 交卷: what became of the unsent answers, and the receipt once it is closed."""

    saved: Saved
    receipt: str | None = None
    closed_at: datetime | None = None
    follows: ToFollow = field(default_factory=ToFollow)
    """What follows the commit of the closing's entry in the log; nothing after a repeat."""


@dataclass(slots=True)
class Moved:
    """What follows the end of a unit: the receipts of its last answers, and whether another unit is open now."""

    saved: Saved
    goes_on: bool
    windows: Sequence[UnitWindow] = ()


End = HandIn | UnitLeft
Ended = HandedIn | Moved


def divided(saves: list[Save], ends: Sequence[End]) -> tuple[list[Save], list[Save]]:
    """Divide the saves of a batch: those that come before its ends, and those received after their own hand-in.

    The latter are judged once the attempt is closed: what came later than 交卷 is evidence, and no answer of a
    sealed journal.

    Source: R-21, R-29; I4.
    """
    if not ends:
        return saves, []
    handed_in: dict[int, datetime] = {}
    for end in ends:
        if isinstance(end, HandIn):
            known = handed_in.setdefault(end.save.attempt_id, end.save.now)
            handed_in[end.save.attempt_id] = min(known, end.save.now)
    before: list[Save] = []
    after: list[Save] = []
    for one in saves:
        (after if one.now > handed_in.get(one.attempt_id, one.now) else before).append(one)
    return before, after
