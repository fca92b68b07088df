"""Likeness of answers (雷同): how much alike two people answered, and how likely that is between honest ones.

Everything hangs on how likely somebody of a score takes each choice of an item (`ChoiceModel`). The nominal
response model has two parameters for each choice and needs hundreds of answers for each; papers here are taken
by 30 people as by 10,000, and where a form is drawn for each person an item was asked of few. So the shares are
smoothed over scores by a kernel, as in Ramsay's nonparametric option curves (1991): the same method for any
number of people, which cannot fail to converge, and narrow where people are many. They are then moved until the
mean share of right answers of each score is that score: a kernel alone draws the best and the weakest towards
the middle, and makes them look alike.

What nobody answered is never the same answer. Items are compared by item and choice, in whatever order they were
shown, and only those that both were asked.

Statistics: ω (Wollack 1997), the generalised binomial test (van der Linden and Sotaridona 2006), M4 (Maynes
2014), K and K2 (Holland 1996; Sotaridona and Meijer 2002).

Source: R-98.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
Codes = NDArray[np.int16]
Pairs = NDArray[np.int32]
"""Two columns: places of people, the smaller first."""

NOT_ASKED, NO_ANSWER = -2, -1
BANDS = 50
"""Scores are told apart in so many bands, of two per cent of the items."""
BLOCK = 512
"""So many people are compared with so many at a time."""
LEAST_OMEGA = 3.5
"""A pair among all is one of interest from this ω on. It is a part of what is asked of a pair and no short cut: the
exact test of a pair below it, at a bound for many pairs, would hang on what the normal curve knows nothing of."""
_SHRINKAGE = 1.0
_EDGE = 1e-4


@dataclass(frozen=True)
class TakenChoices:
    """Which choice each of the people took of each item: a place in the item's choices, NO_ANSWER or NOT_ASKED.

    `right` says which choices of an item are right: items × the most choices an item has.
    """

    taken: Codes
    right: NDArray[np.bool_]

    @property
    def people(self) -> int:
        return len(self.taken)

    @property
    def items(self) -> int:
        return int(self.taken.shape[1])

    @property
    def choices(self) -> int:
        return int(self.right.shape[1])

    @cached_property
    def asked(self) -> NDArray[np.bool_]:
        asked: NDArray[np.bool_] = self.taken != NOT_ASKED
        return asked

    @cached_property
    def everybody_was_asked(self) -> bool:
        return bool(self.asked.all())

    @cached_property
    def is_right(self) -> NDArray[np.bool_]:
        """People × items: whether what was taken is right."""
        places = np.maximum(self.taken, 0)
        return self.right[np.arange(self.items), places] & (self.taken >= 0)

    @cached_property
    def wrong(self) -> NDArray[np.intp]:
        """How many answers of each person are wrong."""
        return ((self.taken >= 0) & ~self.is_right).sum(axis=1)

    @cached_property
    def shares(self) -> Floats:
        """The share of right answers among what each person was asked."""
        return self.is_right.sum(axis=1) / np.maximum(self.asked.sum(axis=1), 1)


@dataclass(frozen=True)
class ChoiceModel:
    """How likely people of a band of scores take each choice: bands × items × choices, and each person's band.

    What is missing from 1 is no answer.
    """

    chances: Floats
    band: NDArray[np.intp]


def choice_model(given: TakenChoices) -> ChoiceModel:
    """Return how likely each choice is at each score, from these answers themselves.

    The width of the kernel is 1.1 n^(-1/5) of a normal score (Ramsay 1991); an item that few of a score were asked
    leans on the item's shares over all. Nobody is left out of the answers that their own chances are made of, so
    that two who copied make each other look a little more usual than they are: it errs on the side of honesty.
    """
    number = np.minimum((given.shares * BANDS + 1e-9).astype(int), BANDS)
    bands, band = np.unique(number, return_inverse=True)
    counts, asked = _counts(given, band, len(bands))
    sizes = np.bincount(band)
    ranks = (np.cumsum(sizes) - sizes / 2) / given.people
    scores = special.ndtri(np.clip(ranks, _EDGE, 1 - _EDGE))
    width = 1.1 * given.people ** (-1 / 5)
    weights = np.exp(-0.5 * ((scores[:, None] - scores) / width) ** 2)
    usual = counts.sum(axis=0) / np.maximum(asked.sum(axis=0), 1)[:, None]
    smooth = np.tensordot(weights, counts, axes=1) + _SHRINKAGE * usual
    chances = smooth / (weights @ asked + _SHRINKAGE)[:, :, None]
    return ChoiceModel(_centred(chances, given, band, asked), band)


def _counts(given: TakenChoices, band: NDArray[np.intp], bands: int) -> tuple[Floats, Floats]:
    """Return how many people of each band took each choice of each item, and how many were asked it."""
    shape = (bands, given.items, given.choices)
    counts, asked = np.zeros(shape), np.zeros(shape[:2])
    for choice in range(given.choices):
        np.add.at(counts[:, :, choice], band, given.taken == choice)
    np.add.at(asked, band, given.asked)
    return counts, asked


def _centred(chances: Floats, given: TakenChoices, band: NDArray[np.intp], asked: Floats) -> Floats:
    """Shift the chances of right answers of each band on the logit scale until their mean is the band's."""
    right = np.clip((chances * given.right).sum(axis=2), _EDGE, 1 - _EDGE)
    weights = asked / np.maximum(asked.sum(axis=1), 1)[:, None]
    sizes = np.bincount(band)
    items = np.maximum(asked.sum(axis=1) / sizes, 1)
    means = np.bincount(band, given.shares) / sizes
    wanted = np.clip(means, 0.5 / items, 1 - 0.5 / items)
    logits = special.logit(right)
    low, high = np.full(len(sizes), -12.0), np.full(len(sizes), 12.0)
    for _step in range(40):
        middle = (low + high) / 2
        below = (special.expit(logits + middle[:, None]) * weights).sum(axis=1) < wanted
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    moved = special.expit(logits + ((low + high) / 2)[:, None])
    scale = np.where(given.right, (moved / right)[:, :, None], ((1 - moved) / (1 - right))[:, :, None])
    centred: Floats = chances * scale
    return centred


# Every pair: ω of both directions, by products of matrices.


@dataclass(frozen=True)
class Screened:
    """The pairs that the screen lets through, and how many there are in all."""

    pairs: Pairs
    looked_at: int


def screen(given: TakenChoices, model: ChoiceModel, *, least: float = LEAST_OMEGA) -> Screened:
    """Return every pair whose ω is at least `least` in either direction.

    ω of all pairs is worked out here, with the seven digits of a float32: the number of same answers of a block of
    people with another is one product of matrices, with a column for each choice that somebody took, and its
    expectation and variance are others (where all were asked the same, a number for each band and person). So
    nothing is lost to a bound: what is not let through has an ω below `least`. Memory is that of two blocks.
    """
    blocks = list(_blocks(model.band))
    taken = _one_hot(given)
    expectation = _Expectation(given, model)
    found: list[Pairs] = []
    for first, rows in enumerate(blocks):
        own = taken[rows].astype(np.float32)
        for second in range(first, len(blocks)):
            columns = blocks[second]
            same = own @ taken[columns].astype(np.float32).T
            hits = same >= expectation.bound(rows, columns, least)
            hits |= same >= expectation.bound(columns, rows, least).T
            if first == second:
                hits &= np.triu(np.ones(hits.shape, dtype=bool), 1)
            at, to = np.nonzero(hits)
            found.append(np.stack([rows[at], columns[to]], axis=1).astype(np.int32))
    pairs = np.sort(np.concatenate(found), axis=1) if found else np.empty((0, 2), np.int32)
    return Screened(pairs, given.people * (given.people - 1) // 2)


def _blocks(band: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    """Yield people in blocks of one band each."""
    order = np.argsort(band, kind="stable")
    for own in np.split(order, np.cumsum(np.bincount(band))[:-1]):
        for start in range(0, len(own), BLOCK):
            yield own[start : start + BLOCK]


def _one_hot(given: TakenChoices) -> NDArray[np.int8]:
    """Return a column for each choice of each item that somebody took: whether each person did."""
    columns = [
        given.taken[:, item] == choice
        for item in range(given.items)
        for choice in range(given.choices)
        if (given.taken[:, item] == choice).any()
    ]
    return np.stack(columns, axis=1).astype(np.int8) if columns else np.zeros((given.people, 1), np.int8)


class _Expectation:
    """From how many same answers on a pair's ω reaches a value: of somebody of a band with the answers of
    another."""

    def __init__(self, given: TakenChoices, model: ChoiceModel) -> None:
        self._given, self._model = given, model
        self._whole = given.everybody_was_asked
        self._asked = given.asked.astype(np.float32)
        if self._whole:
            everybody = np.arange(given.people)
            chances = [self._chances(band, everybody) for band in range(len(model.chances))]
            self._means = np.stack([one.sum(axis=1) for one in chances])
            self._variances = np.stack([(one * (1 - one)).sum(axis=1) for one in chances])

    def _chances(self, band: int, people: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return how likely somebody of a band takes what each of these people took, of each item."""
        return _chances_of(self._given, self._model, band, people).astype(np.float32)

    def bound(
        self, copiers: NDArray[np.intp], sources: NDArray[np.intp], omega: float
    ) -> NDArray[np.float32]:
        """Return the number of same answers at which ω is `omega`: copiers (of one band) × sources."""
        band = int(self._model.band[copiers[0]])
        if self._whole:
            mean, variance = self._means[band, sources][None, :], self._variances[band, sources][None, :]
        else:
            chances = self._chances(band, sources)
            asked = self._asked[copiers]
            mean, variance = asked @ chances.T, asked @ (chances * (1 - chances)).T
        # A hair less: what lies on the bound is let through, whatever a float32 makes of it.
        bound: NDArray[np.float32] = mean + omega * np.sqrt(np.maximum(variance, 0)) - np.float32(1e-3)
        return np.maximum(bound, np.float32(0.5))


def _chances_of(
    given: TakenChoices, model: ChoiceModel, band: int | NDArray[np.intp], people: NDArray[np.intp]
) -> Floats:
    """Return how likely people of a band (one, or one for each) take what each of `people` took; 0 for nothing."""
    taken = given.taken[people]
    places = np.maximum(taken, 0)
    items = np.arange(given.items)
    chances = (
        model.chances[band][items, places]
        if np.isscalar(band)
        else (model.chances[np.asarray(band)[:, None], items[None, :], places])
    )
    return np.where(taken >= 0, chances, 0.0)


# Some pairs: the dear statistics.

_BATCH = 64
"""So many pairs at a time."""


@dataclass(frozen=True)
class Matches:
    """What some pairs have in common: items that both were asked, same answers, right and wrong ones."""

    common: NDArray[np.intp]
    same: NDArray[np.intp]
    same_right: NDArray[np.intp]
    same_wrong: NDArray[np.intp]


def matches(given: TakenChoices, pairs: Pairs) -> Matches:
    """Count what pairs have in common."""
    parts = [_matches(given, pairs[start : start + 4096]) for start in range(0, len(pairs), 4096)]
    if not parts:
        none = np.zeros(0, np.intp)
        return Matches(none, none, none, none)
    return Matches(*(np.concatenate([part[place] for part in parts]) for place in range(4)))


def _matches(given: TakenChoices, pairs: Pairs) -> tuple[NDArray[np.intp], ...]:
    one, other = given.taken[pairs[:, 0]], given.taken[pairs[:, 1]]
    same = (one == other) & (one >= 0)
    right = same & given.is_right[pairs[:, 0]]
    common = (one != NOT_ASKED) & (other != NOT_ASKED)
    return tuple(counted.sum(axis=1) for counted in (common, same, right, same & ~right))


def omega(given: TakenChoices, model: ChoiceModel, pairs: Pairs) -> Floats:
    """Return ω of each pair in both directions: pairs × 2, the first as if its first had the second's answers.

    The same answers of the two less as many as somebody of the first's score would have had with the second's
    answers, in standard deviations; of honest pairs it is about standard normal. Source: Wollack (1997).
    """
    values = np.zeros((len(pairs), 2))
    for start in range(0, len(pairs), 4096):
        own = pairs[start : start + 4096]
        same = matches(given, own).same
        for direction, (copier, source) in enumerate(((0, 1), (1, 0))):
            chances = _chances_of(given, model, model.band[own[:, copier]], own[:, source].astype(np.intp))
            chances = np.where(given.asked[own[:, copier]], chances, 0.0)
            deviation = np.sqrt((chances * (1 - chances)).sum(axis=1))
            with np.errstate(invalid="ignore", divide="ignore"):
                told = (same - chances.sum(axis=1)) / deviation
            values[start : start + 4096, direction] = np.where(deviation > 0, told, 0.0)
    return values


def _pair_chances(given: TakenChoices, model: ChoiceModel, pairs: Pairs) -> tuple[Floats, Floats]:
    """Return how likely each pair has the same right, and the same wrong, answer to each item: pairs × items."""
    both = model.chances[model.band[pairs[:, 0]]] * model.chances[model.band[pairs[:, 1]]]
    common = given.asked[pairs[:, 0]] & given.asked[pairs[:, 1]]
    right = np.where(common, (both * given.right).sum(axis=2), 0.0)
    wrong = np.where(common, (both * ~given.right).sum(axis=2), 0.0)
    return right, wrong


def generalised_binomial_test(given: TakenChoices, model: ChoiceModel, pairs: Pairs) -> Floats:
    """Return how likely honest pairs of these scores have as many same answers: the exact tail.

    Source: van der Linden and Sotaridona (2006).
    """
    counted = matches(given, pairs).same
    tails = np.zeros(len(pairs))
    for start in range(0, len(pairs), 1024):
        own = slice(start, start + 1024)
        right, wrong = _pair_chances(given, model, pairs[own])
        tails[own] = poisson_binomial_tail(right + wrong, counted[own])
    return tails


def poisson_binomial_tail(chances: Floats, least: NDArray[np.intp]) -> Floats:
    """Return how likely at least so many of independent events happen; a row of chances for each."""
    rows, events = chances.shape
    ways = np.zeros((rows, events + 1))
    ways[:, 0] = 1
    for event in range(events):
        happens = chances[:, event, None]
        ways[:, 1 : event + 2] = ways[:, 1 : event + 2] * (1 - happens) + ways[:, : event + 1] * happens
        ways[:, :1] *= 1 - happens
    tails = np.cumsum(ways[:, ::-1], axis=1)[:, ::-1]
    return np.minimum(tails[np.arange(rows), np.minimum(least, events)], 1.0)


def m4(given: TakenChoices, model: ChoiceModel, pairs: Pairs) -> Floats:
    """Return how likely honest pairs of these scores have a pair of counts as extreme as theirs, by M4.

    The counts of same right and of same wrong answers follow a generalised trinomial distribution. One pair of
    counts is as extreme as another where at least as many of both are as unlikely. Source: Maynes (2014).
    """
    counted = matches(given, pairs)
    tails = np.zeros(len(pairs))
    for start in range(0, len(pairs), _BATCH):
        own = slice(start, start + _BATCH)
        right, wrong = _pair_chances(given, model, pairs[own])
        tails[own] = trinomial_tail(right, wrong, counted.same_right[own], counted.same_wrong[own])
    return tails


def trinomial_tail(
    first: Floats, second: Floats, firsts: NDArray[np.intp], seconds: NDArray[np.intp]
) -> Floats:
    """Return the chance of counts at least as extreme, where each event is a first, a second or neither.

    `first` and `second` are the chances of each event, a row for each. The order of counts is by the chance of at
    least as many firsts and at least as many seconds.
    """
    rows, events = first.shape
    ways = np.zeros((rows, events + 1, events + 1))
    ways[:, 0, 0] = 1
    for event in range(events):
        most = event + 2
        kept = ways[:, :most, :most]
        one, other = first[:, event, None, None], second[:, event, None, None]
        further = kept * (1 - one - other)
        further[:, 1:, :] += kept[:, :-1, :] * one
        further[:, :, 1:] += kept[:, :, :-1] * other
        ways[:, :most, :most] = further
    upper = np.cumsum(np.cumsum(ways[:, ::-1, ::-1], axis=1), axis=2)[:, ::-1, ::-1]
    observed = upper[np.arange(rows), firsts, seconds]
    # Equal sums differ in their last digits by the order of their terms.
    extreme = upper <= observed[:, None, None] * (1 + 1e-12)
    tails: Floats = np.minimum((ways * extreme).sum(axis=(1, 2)), 1.0)
    return tails


LEAST_GROUP = 5
"""Where fewer people have as many wrong answers as the copier, K tells nothing but the copier's own count."""


@dataclass(frozen=True)
class KIndex:
    """How likely a copier's wrong answers equal a source's as often, by K and by K2; None where too few tell."""

    k: float | None
    k2: float | None


def k_index(given: TakenChoices, copier: int, source: int) -> KIndex:
    """Return K (Holland 1996) and K2 (Sotaridona and Meijer 2002) of one direction.

    The share of a source's wrong answers that others have, too, is the mean of those with as many wrong answers as
    the copier (K, the copier among them), or that of a parabola through the means of all such groups (K2, which
    few people in a group sway less). Both count among people who were asked the same items as the source; the
    binomial tail follows. None without a wrong answer of the source, or where no such people are.
    """
    items = np.flatnonzero(given.taken[source] != NOT_ASKED)
    if given.everybody_was_asked:
        same_form = np.ones(given.people, dtype=bool)
    else:
        same_form = (given.asked == given.asked[source]).all(axis=1)
    wrong_items = items[~given.is_right[source, items] & (given.taken[source, items] >= 0)]
    if not same_form[copier] or not len(wrong_items):
        return KIndex(None, None)
    own = given.taken[source, wrong_items]
    there = np.flatnonzero(same_form)
    shared = (given.taken[np.ix_(there, wrong_items)] == own).sum(axis=1)
    count = int(shared[np.searchsorted(there, copier)])
    wrongs = given.wrong[there]
    group = wrongs == given.wrong[copier]
    chance = float(shared[group].mean()) / len(wrong_items)
    return KIndex(
        _binomial_tail(count, len(wrong_items), chance) if group.sum() >= LEAST_GROUP else None,
        _k2(wrongs[there != source], shared[there != source], given.wrong[copier], count, len(wrong_items)),
    )


def _k2(wrongs: NDArray[np.intp], shared: NDArray[np.intp], at: int, count: int, most: int) -> float | None:
    groups, place = np.unique(wrongs, return_inverse=True)
    if len(groups) < 4:
        return None
    means = np.bincount(place, shared) / np.bincount(place) / most
    curve = np.polynomial.Polynomial.fit(groups, means, 2)
    return _binomial_tail(count, most, min(max(float(curve(at)), 0.001), 0.999))


def _binomial_tail(least: int, events: int, chance: float) -> float:
    return 1.0 if least <= 0 else float(special.bdtrc(least - 1, events, chance))


# The corrections for all pairs looked at.

BOUND = 0.05
"""Of so many papers one, at most, shows an honest pair at all."""


def holm(chances: Floats, among: int) -> Floats:
    """Return chances corrected for `among` pairs by Holm (1979): those given are the least of them."""
    order = np.argsort(chances, kind="stable")
    steps = np.maximum.accumulate(chances[order] * (among - np.arange(len(chances))))
    corrected = np.empty(len(chances))
    corrected[order] = np.minimum(steps, 1.0)
    return corrected


def corrected_in_two(chances: Floats, beside: NDArray[np.bool_], *, among: int, among_beside: int) -> Floats:
    """Return chances corrected for all pairs, where those who sat beside each other are a family of their own.

    Each family gets half of the bound (a weighted Bonferroni of two Holm procedures): fifty million pairs of whom
    nearly all sat in other rooms do not hide two neighbours, and honest pairs are shown as seldom.
    """
    if not among_beside:
        return holm(chances, among)
    corrected = np.minimum(2 * holm(chances, among), 1.0)
    near = np.minimum(2 * holm(chances[beside], among_beside), 1.0)
    corrected[beside] = np.minimum(corrected[beside], near)
    return corrected
