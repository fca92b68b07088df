"""What goes to the child that compares everybody with everybody, and what comes back: plain values, kept as JSON.

People are the keys of their attempts: what is kept of a pair names nobody.

Source: R-98.
"""

from __future__ import annotations

import msgspec

from cbt.results.analysis.figures import PaperAnswers

MOST_PAIRS = 500
"""So many pairs of a paper are kept, the most alike first; more is another trouble than that of two people."""
MOST_PACED = 50
BOUND = 0.05
"""A pair is shown from this chance on, corrected for all pairs of the paper: of twenty papers of honest people one,
at most, shows a pair."""
LEAST_PEOPLE = 10
"""Among fewer people nobody knows how honest ones answer."""


class LikenessOrder(msgspec.Struct, frozen=True):
    """The answers to a paper, and who sat beside whom: two places of `answers.attempts` each, int32."""

    answers: PaperAnswers
    beside: bytes


class PaceFigures(msgspec.Struct, frozen=True):
    """How often somebody was rapid and right or wrong among how many items; how often others would have been right.

    `chance` is how likely an honest one is so often rapid and right, `corrected` the same for all people looked at.
    """

    attempt: int
    items: int
    rapid_right: int
    rapid_wrong: int
    expected: float
    chance: float
    corrected: float


class PairFigures(msgspec.Struct, frozen=True):
    """Two people, what they have in common, and how likely that is between honest ones by each statistic.

    `one` is who would have had the answers of `other`: the direction whose ω is the greater.
    """

    one: int
    other: int
    beside: bool
    common: int
    same: int
    same_wrong: int
    omega: float
    omega_back: float
    omega_chance: float
    gbt: float
    m4: float
    k: float | None
    k2: float | None
    corrected: float
    """The chance by GBT, corrected for all pairs."""
    paces: list[PaceFigures]
    """Of the two, in this order; none where nobody's times are known."""


class PaperLikeness(msgspec.Struct, frozen=True):
    """What was found among the people of a paper."""

    title: str
    n: int
    items: int
    looked_at: int
    beside: int
    """How many of the pairs looked at sat beside each other."""
    found: int
    """How many pairs are under the bound; `pairs` are the most alike of them."""
    pairs: list[PairFigures]
    paced: list[PaceFigures]
    """Whoever was rapid and right too often to be under the bound."""

    @property
    def few(self) -> bool:
        return self.n < LEAST_PEOPLE


class LikenessReport(msgspec.Struct, frozen=True):
    """What was found among the people of a sitting."""

    ref: str
    name: str
    papers: list[PaperLikeness]
