"""The child's side: the answers to one paper in, the pairs that are too much alike out.

Source: R-98.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import special

from cbt.results.analysis.figures import PaperAnswers
from cbt.results.likeness.figures import (
    BOUND,
    LEAST_PEOPLE,
    MOST_PACED,
    MOST_PAIRS,
    LikenessOrder,
    PaceFigures,
    PairFigures,
    PaperLikeness,
)
from cbt.statistics.likeness import (
    LEAST_OMEGA,
    NO_ANSWER,
    NOT_ASKED,
    Pairs,
    TakenChoices,
    choice_model,
    corrected_in_two,
    generalised_binomial_test,
    holm,
    k_index,
    m4,
    matches,
    omega,
    screen,
)
from cbt.statistics.pace import Pace, paces

_WHOLE = 1 - 1e-9
"""From that part of its points on an answer is right; what earned a part of them is not."""


def examine(body: bytes) -> bytes:
    """Return the PaperLikeness, as JSON, of a LikenessOrder in MessagePack."""
    return msgspec.json.encode(likeness_of(msgspec.msgpack.decode(body, type=LikenessOrder)))


def likeness_of(order: LikenessOrder) -> PaperLikeness:
    """Return the pairs of a paper that are under the bound, the most alike first."""
    answers = order.answers
    given = taken_choices(answers)
    beside = np.frombuffer(order.beside, np.int32).reshape(-1, 2)
    n = len(answers.scores)
    if n < LEAST_PEOPLE or not given.items:
        return PaperLikeness(answers.title, n, given.items, 0, 0, 0, [], [])
    model = choice_model(given)
    screened = screen(given, model)
    pairs, is_beside = _joined(screened.pairs, beside, given.people)
    omegas = omega(given, model, pairs)
    chances = generalised_binomial_test(given, model, pairs)
    corrected = corrected_in_two(chances, is_beside, among=screened.looked_at, among_beside=len(beside))
    shown = np.flatnonzero((corrected <= BOUND) & (omegas.max(axis=1) >= LEAST_OMEGA))
    shown = shown[np.lexsort((chances[shown], corrected[shown]))]
    kept = shown[:MOST_PAIRS]
    paced = _PacedPeople(answers, given)
    towards = np.where((omegas[kept, 0] >= omegas[kept, 1])[:, None], pairs[kept], pairs[kept][:, ::-1])
    counted, extremes = matches(given, pairs[kept]), m4(given, model, pairs[kept])
    found = []
    for place, at in enumerate(kept):
        one, other = (int(person) for person in towards[place])
        k = k_index(given, one, other)
        greater = float(omegas[at].max())
        found.append(
            PairFigures(
                one=answers.attempts[one],
                other=answers.attempts[other],
                beside=bool(is_beside[at]),
                common=int(counted.common[place]),
                same=int(counted.same[place]),
                same_wrong=int(counted.same_wrong[place]),
                omega=greater,
                omega_back=float(omegas[at].min()),
                omega_chance=float(special.ndtr(-greater)),
                gbt=float(chances[at]),
                m4=float(extremes[place]),
                k=k.k,
                k2=k.k2,
                corrected=float(corrected[at]),
                paces=paced.figures([one, other]),
            )
        )
    return PaperLikeness(
        answers.title,
        n,
        given.items,
        screened.looked_at,
        len(beside),
        len(shown),
        found,
        paced.figures(paced.under_bound),
    )


def _joined(screened: Pairs, beside: Pairs, people: int) -> tuple[Pairs, NDArray[np.bool_]]:
    """Return the pairs that the screen let through and those who sat beside each other, and which those are."""
    numbers = beside[:, 0].astype(np.int64) * people + beside[:, 1]
    others = screened[:, 0].astype(np.int64) * people + screened[:, 1]
    far = screened[~np.isin(others, numbers)]
    return np.concatenate([beside, far]), np.arange(len(beside) + len(far)) < len(beside)


def taken_choices(answers: PaperAnswers) -> TakenChoices:
    """Return who took which choice of each item that has choices; several taken at once are a choice of their own.

    So choices are told apart as their authors wrote them, in whatever order a form showed them. Items without
    choices (typed answers, tasks, whatever people mark) are left out. An answer is right that earned all its
    points.
    """
    chosen = np.frombuffer(answers.chosen, np.int32)
    kept = chosen >= 0
    items, item = np.unique(np.frombuffer(answers.item, np.int32)[kept], return_inverse=True)
    person, mask = np.frombuffer(answers.person, np.int32)[kept], chosen[kept]
    worth = np.frombuffer(answers.worth, np.float64)[kept]
    earned = np.frombuffer(answers.earned, np.float64)[kept]
    answered = mask > 0
    taken_as = (item.astype(np.int64) << 32) + mask
    known, number = np.unique(taken_as[answered], return_inverse=True)
    owner = known >> 32
    place = np.arange(len(known)) - np.searchsorted(owner, owner)
    most = int(place.max(initial=0)) + 1
    right = np.zeros((len(items), most), dtype=bool)
    whole = (worth > 0) & (earned >= worth * _WHOLE)
    correct = np.unique(number[whole[answered]])
    right[owner[correct], place[correct]] = True
    taken = np.full((len(answers.scores), len(items)), NOT_ASKED, np.int16)
    taken[person, item] = NO_ANSWER
    taken[person[answered], item[answered]] = place[number]
    return TakenChoices(taken, right)


class _PacedPeople:
    """How rapid each person was, where times are known."""

    def __init__(self, answers: PaperAnswers, given: TakenChoices) -> None:
        self._attempts = answers.attempts
        self._pace: Pace | None = None
        self.under_bound: list[int] = []
        seconds = _seconds(answers)
        if seconds is None:
            return
        pace = self._pace = paces(seconds, _right_answers(answers))
        self._corrected = holm(pace.chance, len(pace.chance))
        order = np.argsort(pace.chance, kind="stable")[:MOST_PACED]
        self.under_bound = [int(person) for person in order if self._corrected[person] <= BOUND]

    def figures(self, people: list[int]) -> list[PaceFigures]:
        pace = self._pace
        if pace is None:
            return []
        return [
            PaceFigures(
                self._attempts[person],
                int(pace.items[person]),
                int(pace.rapid_right[person]),
                int(pace.rapid_wrong[person]),
                float(pace.expected[person]),
                float(pace.chance[person]),
                float(self._corrected[person]),
            )
            for person in people
        ]


def _seconds(answers: PaperAnswers) -> NDArray[np.float64] | None:
    """Return how long each person took for each item, NaN where nobody knows."""
    if not answers.seconds:
        return None
    table = np.full((len(answers.scores), len(answers.items)), np.nan)
    at = np.frombuffer(answers.person, np.int32), np.frombuffer(answers.item, np.int32)
    table[at] = np.frombuffer(answers.seconds, np.float32)
    return table


def _right_answers(answers: PaperAnswers) -> NDArray[np.bool_]:
    """Return which answers of which person earned all their points."""
    table = np.zeros((len(answers.scores), len(answers.items)), dtype=bool)
    worth, earned = np.frombuffer(answers.worth, np.float64), np.frombuffer(answers.earned, np.float64)
    at = np.frombuffer(answers.person, np.int32), np.frombuffer(answers.item, np.int32)
    table[at] = (worth > 0) & (earned >= worth * _WHOLE)
    return table
