"""A paper of a level (科目) with its sections or units, and the tools its answer page offers.

Tools help somebody to read and to choose: offered to everybody on a paper, or to one person who needs them.

Source: R-1, R-2, R-3, R-5, R-30.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from cbt.errors import InvalidInput
from cbt.rules.exam.policies import ClockPolicy, DifficultyMix, SubmitPolicy
from cbt.rules.items.content import ItemType, PartialCredit


class Tool(StrEnum):
    """A tool of the answer page."""

    HIGHLIGHTER = "highlighter"
    RULER = "ruler"
    MAGNIFIER = "magnifier"
    SPEECH = "speech"
    MASKING = "masking"


TOOLS = tuple(tool.value for tool in Tool)
"""Their names, in the order in which they stand everywhere."""


def offered(free: Iterable[str], own: Iterable[str] = ()) -> list[str]:
    """Return the tools a page gets, each once: those free for all on its paper, and the candidate's own.

    Source: R-30.
    """
    found = {*free, *own}
    return [name for name in TOOLS if name in found]


def tools_text(names: Iterable[str]) -> str:
    """Return tools as they are stored: their names in order, by commas; "" for none.

    Raise InvalidInput("person.tools") for one that is not known.
    """
    found = set(names)
    if not found <= set(TOOLS):
        raise InvalidInput("person.tools", field="tools")
    return ",".join(offered(found))


def tools_in(text: str) -> list[str]:
    """Return the tools that a stored text names; what a later version wrote is passed over."""
    return offered(text.split(","))


@dataclass(frozen=True, slots=True)
class Section:
    """大题: `count` items of one type, each worth `points_each`. Source: R-1."""

    name: str
    type: ItemType
    count: int
    points_each: Decimal
    minutes: timedelta | None = None
    shuffle_items: bool = True
    shuffle_choices: bool = True
    credit: PartialCredit = PartialCredit.ALL_OR_NOTHING

    @property
    def points(self) -> Decimal:
        """What the whole section is worth."""
        return self.count * self.points_each


@dataclass(frozen=True, slots=True)
class Unit:
    """单元: one case with its own minutes and points. Source: R-2."""

    number: int
    name: str
    project: str
    minutes: timedelta
    points: Decimal
    credit: Mapping[ItemType, PartialCredit] = field(default_factory=dict)
    shuffle_choices: bool = True
    select: Literal["required"] = "required"


@dataclass(frozen=True, slots=True)
class Paper:
    """科目: theory or skills of one level, made of sections or of units, never of both.

    Source: R-1, R-2, R-3, R-5.
    """

    code: str
    name: str
    duration: timedelta
    points: Decimal = Decimal(100)
    pass_points: Decimal = Decimal(60)
    score_step: Decimal = Decimal("0.1")
    modes: tuple[str, ...] = ("machine", "paper")
    sections: tuple[Section, ...] = ()
    units: tuple[Unit, ...] = ()
    submit: SubmitPolicy = field(default_factory=SubmitPolicy)
    clock: ClockPolicy = field(default_factory=ClockPolicy)
    warnings: tuple[timedelta, ...] = (timedelta(minutes=15), timedelta(minutes=5), timedelta(minutes=1))
    unit_warnings: tuple[timedelta, ...] = (timedelta(minutes=3), timedelta(minutes=1))
    calculator: bool = False
    tools: tuple[str, ...] = ()
    lock_down: bool = True
    release: Literal["score", "verdict", "none"] = "score"
    difficulty: DifficultyMix = field(default_factory=DifficultyMix)
    one_per_point: bool = True

    @property
    def minutes(self) -> tuple[timedelta | None, ...]:
        """The time of each unit or section, in their order."""
        return tuple(part.minutes for part in self.units or self.sections)

    @property
    def windows(self) -> tuple[timedelta, ...]:
        """The strict windows of the paper; () when time is one pool.

        Source: R-24.
        """
        spans = tuple(span for span in self.minutes if span is not None)
        if self.clock.unit_timing == "pooled" or len(spans) != len(self.minutes):
            return ()
        return spans

    def with_fitting_warnings(self, names: Collection[str]) -> Paper:
        """Return the paper without those of the `names`d warnings that come before its time, or a unit's, begins.

        So what holds where nothing is written fits a short paper, too.
        """
        window = min(self.windows, default=self.duration)
        fitting = tuple(one for one in self.warnings if one < self.duration or "warnings" not in names)
        of_unit = tuple(one for one in self.unit_warnings if one < window or "unit_warnings" not in names)
        return replace(self, warnings=fitting, unit_warnings=of_unit)

    @property
    def label(self) -> str:
        """What people call the paper; the name in the blueprint decides."""
        return self.name
