"""What a row of the table is, and what a group of rows is given to be measured with."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from bench.figures import Bench, Figure, Ref
from bench.servers.serve import Server
from bench.sizes import Size, Tell

WORST_FIRST = ("missed", "short", "must", "reach")


@dataclass(frozen=True, slots=True)
class Bound:
    """One number of a figure: its name in bench/results.json, what it must be and what is reached for.

    `least`: more is better. None where only the other of the two is set. `words` say the number in English and in
    Chinese ("boards p99 {:.0f} ms"), where bench/published/words.py has none for its name.
    """

    field: str
    must: float | None
    reach: float | None
    least: bool = True
    words: tuple[str, str] | None = None

    def verdict(self, value: float) -> str:
        """Return "missed" (under the must), "short" (no must, under the reach), "must" or "reach"."""
        if self.must is not None and not self._meets(value, self.must):
            return "missed"
        if self.reach is not None and self._meets(value, self.reach):
            return "reach"
        return "short" if self.must is None else "must"

    def _meets(self, value: float, aim: float) -> bool:
        return value >= aim if self.least else value <= aim


def most(field: str, must: float | None, reach: float | None, words: tuple[str, str] | None = None) -> Bound:
    """Return the bound of a number of which less is better."""
    return Bound(field, must, reach, least=False, words=words)


NONE_LOST = most("lost", 0, 0)
NONE_REFUSED = most("refused", 0, 0)


@dataclass(frozen=True, slots=True)
class Target:
    """One figure: its name in bench/results.json and on paper, and its bounds, the one to compare by first."""

    name: str
    label: str
    label_zh: str
    bounds: tuple[Bound, ...] = ()
    checked: bool = False
    """Whether `make bench-check` holds its ratio: those that pairs make steady."""
    twin: tuple[Bound, ...] = ()
    """Bounds of the same on PostgreSQL, measured as postgres_<name>; none: it is not measured there."""
    paced: bool = False
    """Whether its rate is given, and so says nothing about the server: no × REF."""

    def verdict(self, figure: Mapping[str, Any]) -> str:
        """Return the worst of the bounds' verdicts; "" for a figure without bounds or without its numbers."""
        if not self.bounds or any(figure.get(bound.field) is None for bound in self.bounds):
            return ""
        found = {bound.verdict(figure[bound.field]) for bound in self.bounds}
        return next(verdict for verdict in WORST_FIRST if verdict in found)


class Stage(IntEnum):
    """When a group has its turn: what the installation is like that it finds."""

    WAITING = 0
    """A sitting of its own: everybody is signed in and waits, no room has begun."""
    BEGUN = 1
    """The rooms have begun, no paper is open."""
    OPEN = 2
    """Everybody's paper is open, the journals hold a whole paper."""
    CLOSING = 3
    """The same; what is done here ends papers."""
    STOPPED = 4
    """The same without a server: work of the scheduler and the command line."""
    OWN = 5
    """None: it builds what it measures in `folder`."""


@dataclass(slots=True)
class Ground:
    """What every group has: REF, how much is measured, a folder that is empty, whom to tell."""

    ref: Ref
    size: Size
    folder: Path
    tell: Tell
    names: Collection[str]
    """The rows that are wanted, of all groups; a group may measure more of its own."""


@dataclass(slots=True)
class Stand(Ground):
    """What a group has that finds an installation: who is there, and the server (none once it is stopped)."""

    bench: Bench
    server: Server

    @property
    def port(self) -> int:
        """Where the server listens."""
        return self.server.port


def nobody(_size: Size) -> int:
    """Return how many people a group needs that brings its own, or is content with whoever is there."""
    return 0


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that are measured together.

    `measure` is given a Stand (a Ground at Stage.OWN) and returns the figures, named as the rows; one that this
    machine cannot measure is left out. `people`: how many candidates the installation must have for it.
    """

    rows: tuple[Target, ...]
    stage: Stage
    measure: Callable[[Any], list[Figure]]
    people: Callable[[Size], int] = nobody
    whole_twin: bool = False
    """Whether its twin is measured with as many people; others are content with fewer on PostgreSQL."""
