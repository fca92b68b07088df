"""How much is measured, in whole or to see that it works, and how it is said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from bench.figures import Figure

WARM_UP_STARTS = 20
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured.

    `pairs` of REF and figure, `seconds` of each run that has no natural end; `starts` papers opened in each
    pair; `paced` candidates of the two open loops and their `paced_seconds`; `due` attempts closed at one
    instant, `rescored` attempts, `others` candidates of the installation on PostgreSQL (0: not measured).
    What a group alone decides it takes by `of`.
    """

    pairs: int
    seconds: float
    starts: int
    paced: tuple[int, int]
    paced_seconds: float
    due: tuple[int, int]
    rescored: int
    others: int
    page: bool = True
    whole: bool = True
    candidates: int = 0
    """So many in the exam day, whatever its size is otherwise."""

    def of(self, whole: T, quick: T) -> T:
        """Return `whole`, or `quick` in a run that is to show that it works."""
        return whole if self.whole else quick

    @property
    def started(self) -> int:
        """How many papers are opened one by one, those of the first round included."""
        return self.pairs * self.starts + WARM_UP_STARTS


FULL = Size(
    pairs=5, seconds=2.0, starts=1000, paced=(10_000, 15_000), paced_seconds=40.0,
    due=(5000, 10_000), rescored=3000, others=1000,
)  # fmt: skip
QUICK = Size(
    pairs=2, seconds=0.5, starts=100, paced=(300, 450), paced_seconds=5.0, due=(100, 200), rescored=100,
    others=200, whole=False,
)  # fmt: skip
Tell = Callable[[str], None]


def told(figures: list[Figure], tell: Tell) -> list[Figure]:
    """Say what was measured as soon as it is known; return the figures."""
    for figure in figures:
        shown = {
            name: value for name, value in figure.as_json().items() if isinstance(value, int | float | str)
        }
        tell(f"  {figure.name}: " + ", ".join(f"{name} {value}" for name, value in shown.items()))
    return figures
