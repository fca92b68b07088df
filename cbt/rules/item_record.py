"""What the use of an item says of it: its figures in several examinations put together, and how its author guessed.

Source: R-96, R-97.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

FEW = 10
"""For fewer people than that no figure stands without 样本过少. Source: R-96."""
ENOUGH = 30
"""From so many people on, what was observed is held against what its author gave."""
APART = 2
"""So many levels between the two are worth a look."""
LEAST_DISCRIMINATION = 0.20
"""Below this D an item is to be mended (应改). Source: R-97."""
LEVELS = (0.85, 0.70, 0.50, 0.30)
"""From which share of the points earned on an item counts as of difficulty 1, 2, 3 and 4; below the last as 5."""


@dataclass(frozen=True, slots=True)
class ItemUse:
    """An item in one examination: how many answered it, the share of the points earned, D, and the last day."""

    people: int
    difficulty: float
    discrimination: float | None
    used_on: date


@dataclass(frozen=True, slots=True)
class ItemRecord:
    """An item in all its examinations together, each weighing as much as its people."""

    uses: int
    people: int
    difficulty: float
    discrimination: float | None
    last_used_on: date

    @property
    def few(self) -> bool:
        """Whether it was answered by too few to say much. Source: R-96."""
        return self.people < FEW

    @property
    def level(self) -> int:
        """The difficulty from 1 to 5 that the share of the points says."""
        return next((number for number, least in enumerate(LEVELS, 1) if self.difficulty >= least), 5)

    def misjudged(self, expert: int) -> bool:
        """Return whether an item proved much harder or easier than the difficulty its author gave it."""
        return self.people >= ENOUGH and abs(self.level - expert) >= APART

    @property
    def weak(self) -> bool:
        """Whether it hardly tells the better from the weaker. Source: R-97."""
        d = self.discrimination
        return self.people >= ENOUGH and d is not None and d < LEAST_DISCRIMINATION


def record_of(uses: Sequence[ItemUse]) -> ItemRecord | None:
    """Return what several uses of an item come to; None where nobody answered it."""
    people = sum(use.people for use in uses)
    if not people:
        return None
    told = [(use.people, use.discrimination) for use in uses if use.discrimination is not None]
    weight = sum(count for count, _ in told)
    return ItemRecord(
        uses=len(uses),
        people=people,
        difficulty=sum(use.people * use.difficulty for use in uses) / people,
        discrimination=sum(count * d for count, d in told) / weight if weight else None,
        last_used_on=max(use.used_on for use in uses),
    )
