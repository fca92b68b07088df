"""Honest and dishonest people who answer papers of choices: what the figures of likeness are held against.

Honest people answer by a 2PL model; what is wrong is one of the other choices, the more attractive the
likelier, and the abler fall for others than the weak do. Times are lognormal by item and person. Whoever copies
has the neighbour's answer, right or wrong, of a share of the items; whoever knows items beforehand has them
right, and in no time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cbt.statistics.likeness import TakenChoices

CHOICES = 4


@dataclass
class Sat:
    """A paper that was sat: which choice each took (the first is right), and how long each answer took."""

    taken: NDArray[np.int16]
    seconds: NDArray[np.float64]

    @property
    def given(self) -> TakenChoices:
        right = np.zeros((self.taken.shape[1], CHOICES), dtype=bool)
        right[:, 0] = True
        return TakenChoices(self.taken, right)


def honest(people: int, items: int, rng: np.random.Generator, *, ability: float = 0.0) -> Sat:
    """Have so many people sit a paper honestly; `ability` is their mean."""
    theta = rng.normal(ability, 1, people)[:, None]
    slope = np.exp(rng.normal(0, 0.3, items))
    hard = rng.normal(-0.7, 1, items)
    chance = 1 / (1 + np.exp(-slope * (theta - hard)))
    right = rng.random((people, items)) < chance
    # Attraction of the wrong choices, and how it changes with ability.
    pull = rng.normal(0, 0.8, (items, CHOICES - 1))
    turn = rng.normal(0, 0.4, (items, CHOICES - 1))
    wish = pull + turn * theta[:, :, None] + rng.gumbel(size=(people, items, CHOICES - 1))
    taken = np.where(right, 0, 1 + wish.argmax(axis=2)).astype(np.int16)
    pace = rng.normal(0, 0.25, people)[:, None]
    seconds = np.exp(rng.normal(3.2, 0.4, items) + pace + rng.normal(0, 0.45, (people, items)))
    return Sat(taken, seconds)


def copy(sat: Sat, copier: int, source: int, share: float, rng: np.random.Generator) -> None:
    """Have one have the other's answers of a share of the items."""
    items = sat.taken.shape[1]
    copied = rng.choice(items, round(share * items), replace=False)
    sat.taken[copier, copied] = sat.taken[source, copied]


def foreknow(sat: Sat, people: NDArray[np.intp], items: NDArray[np.intp], rng: np.random.Generator) -> None:
    """Have people know items beforehand."""
    where = np.ix_(people, items)
    sat.taken[where] = 0
    sat.seconds[where] = np.exp(rng.normal(1.4, 0.3, (len(people), len(items))))


def area_under_curve(dishonest: NDArray[np.float64], honest_ones: NDArray[np.float64]) -> float:
    """Return how likely a dishonest one has the higher figure than an honest one; equal figures count half."""
    ordered = np.sort(honest_ones)
    below = np.searchsorted(ordered, dishonest, side="left")
    upto = np.searchsorted(ordered, dishonest, side="right")
    return float(((below + upto) / 2).mean() / len(ordered))
