"""What is to be planned: the papers that people are to sit, and the rooms of sittings that can take them.

Source: R-7.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from cbt.rules.door.admission import Span


class Units(StrEnum):
    """What becomes of people of one employer: 不限, 同单位相邻, 同单位分散."""

    ANY = "any"
    TOGETHER = "together"
    APART = "apart"


class Fill(StrEnum):
    """Whether rooms are filled one after the other, or alike: 依次坐满, 平均分配."""

    IN_ORDER = "in_order"
    EVENLY = "evenly"


class LeftOver(StrEnum):
    """Why somebody found no seat; each has one remedy."""

    NOT_TAKEN = "not_taken"
    WISH = "wish"
    HALF = "half"
    FULL = "full"
    CENTRE = "centre"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class SeatWish:
    """One paper that one person is to sit; `key` and the keys of slots are the caller's.

    `length` has in it what the person is granted. `slots` are those the file asks for, None for any; `morning` says
    in which half of a day the paper is to be, None for either. A `spare` one asks for a seat that is not counted.
    """

    key: int
    person: str
    level: str
    paper: str
    length: timedelta
    unit: str = ""
    slots: frozenset[int] | None = None
    morning: bool | None = None
    spare: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Slot:
    """A room of a sitting: how many seats are free, and which (level, paper) it takes."""

    key: int
    sitting: int
    centre: int
    start_at: datetime
    free: int
    takes: frozenset[tuple[str, str]]
    morning: bool = True

    def span(self, one: SeatWish) -> Span:
        """Return from when to when a paper would run here."""
        return self.start_at, self.start_at + one.length


@dataclass(frozen=True, slots=True)
class Held:
    """What somebody sits already; `centre` is None where it does not bind them (another batch)."""

    span: Span
    centre: int | None = None


@dataclass(frozen=True, slots=True)
class SpreadOptions:
    """How people are spread."""

    level_together: bool = True
    units: Units = Units.ANY
    fill: Fill = Fill.IN_ORDER


@dataclass(frozen=True, slots=True)
class SeatPlan:
    """Which slot each paper got, and why the others got none; both by the keys of what was wanted."""

    placed: dict[int, int] = field(default_factory=dict)
    left: dict[int, LeftOver] = field(default_factory=dict)


def takes(slot: Slot, one: SeatWish) -> bool:
    """Return whether a slot is for a paper: one that the file asks for is, whatever else it takes."""
    if one.slots is not None:
        return slot.key in one.slots
    return (one.level, one.paper) in slot.takes and one.morning in (None, slot.morning)
