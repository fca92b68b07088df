"""The facts of one attempt, written down with the readings of a clock.

The skills paper of level 3 from 09:00: units of 10, 15, 10 and 10 minutes, so planned to end at 09:10,
09:25, 09:35 and 09:45.
"""

from __future__ import annotations

from typing import Any

from cbt.rules.clock import Adjustment, Facts, Pause, Spread, clock_at
from cbt.rules.exam import ClockPolicy

from .builders import clock, minutes

UNITS = (minutes(10), minutes(15), minutes(10), minutes(10))
LOST = ClockPolicy(unused_time="lost")
CUT = ClockPolicy(late_start="cut")


def facts(**given: Any) -> Facts:
    start = clock("09:00")
    return Facts(
        **({"room_started_at": start, "started_at": start, "duration": minutes(45), "windows": UNITS} | given)
    )


def theory_facts(**given: Any) -> Facts:
    return facts(windows=(), **given)


def given_at(reading: str, amount: float, spread: Spread = Spread.AT_INSTANT) -> Adjustment:
    return Adjustment(clock(reading), minutes(amount), spread)


def pause(from_at: str, to_at: str | None = None) -> Pause:
    return Pause(clock(from_at), None if to_at is None else clock(to_at))


def ends(known: Facts, now: str = "09:44:59") -> list[str]:
    """When each unit is over that began by `now`: at the instant it ended, or will end."""
    seen = clock_at(known, now=clock(now))
    return [
        f"{ended_at or seen.unit_ends_at:%H:%M:%S}".removesuffix(":00")
        for _, _, ended_at in seen.unit_spans
        if ended_at or seen.unit_ends_at
    ]
