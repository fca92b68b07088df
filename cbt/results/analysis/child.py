"""The child's side: the answers to one paper in, its figures out.

Only `cbt.confined` runs this, in a process of its own that goes behind everybody else: nothing but such a child
loads numpy, and exams are sat on the same machine.

Source: R-96, R-97.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from cbt.results.analysis.equated import equating_of
from cbt.results.analysis.figures import (
    EXCELLENT,
    FEW,
    FLAGS,
    ChoiceFigures,
    DifFigures,
    DifGroup,
    Estimate,
    GroupFigures,
    ItemColumn,
    ItemReport,
    PaperAnswers,
    PaperReport,
    PlaceDifference,
    ReliabilityFigures,
    TableCell,
)
from cbt.statistics.classical import (
    Bounds,
    Floats,
    ItemFigures,
    OuterGroups,
    Responses,
    chosen_shares,
    item_figures,
    mean_interval,
    outer_groups,
    reliability,
    share_interval,
)
from cbt.statistics.comparison import holm, mean_difference
from cbt.statistics.decision import decision_at
from cbt.statistics.differential import logistic_dif, mantel_haenszel

EASY, HARD = 0.95, 0.05
"""Beyond these an item tells nobody from anybody."""
COMPARED = 100
"""Two groups are compared where each has so many people."""
MOST_PLACES = 12
"""So many places are compared with all others: the largest."""
STRATA = 20
"""People of about the same points are compared in so many strata, where their points are no whole numbers."""


def examine(body: bytes) -> bytes:
    """Return the PaperReport, as JSON, about the PaperAnswers in MessagePack."""
    return msgspec.json.encode(report_of(msgspec.msgpack.decode(body, type=PaperAnswers)))


def report_of(answers: PaperAnswers) -> PaperReport:
    """Return the figures of a paper that somebody took."""
    return _Paper(answers).report()


class _Paper:
    """The answers to one paper, and what several figures are made of."""

    def __init__(self, answers: PaperAnswers) -> None:
        self.answers = answers
        self.scores = np.array(answers.scores)
        self.given = Responses(
            len(answers.scores),
            len(answers.items),
            np.frombuffer(answers.person, np.int32),
            np.frombuffer(answers.item, np.int32),
            np.frombuffer(answers.earned, np.float64),
            np.frombuffer(answers.worth, np.float64),
        )
        self.strata = np.frombuffer(answers.stratum, np.int32)
        self.groups: OuterGroups = outer_groups(self.given.totals)
        self.figures: ItemFigures = item_figures(self.given, self.groups)
        self.items = self._items()

    def report(self) -> PaperReport:
        answers, scores = self.answers, self.scores
        compared, dif = self._differential()
        return PaperReport(
            title=answers.title,
            points=answers.points,
            pass_points=answers.pass_points,
            n=len(scores),
            mean=_mean_of(scores),
            sd=float(scores.std(ddof=1)) if len(scores) > 1 else None,
            best=float(scores.max()),
            worst=float(scores.min()),
            median=float(np.median(scores)),
            passed=_share(scores >= answers.pass_points),
            excellent=_share(scores >= EXCELLENT * answers.points),
            bands=_bands(scores, answers.points),
            difficulty=_mean_of(self.given.totals / answers.points) if answers.items else Estimate(None),
            discrimination=_mean(self.figures.discrimination),
            forms=len(set(answers.forms)),
            reliability=self._reliability(),
            items=self.items,
            by_type=self._by_items(lambda column: column.type),
            by_group=self._by_items(lambda column: column.group),
            by_range=self._by_items(lambda column: column.range),
            by_point=self._by_items(lambda column: column.point),
            by_form=self._by_form(),
            by_place=self._by_place(),
            table=self._table(),
            compared=compared,
            dif=dif,
            names=answers.names,
            weights=answers.weights,
            equating=equating_of(answers, self.given),
        )

    def _items(self) -> list[ItemReport]:
        answers, given, figures = self.answers, self.given, self.figures
        answered = np.frombuffer(answers.answered, np.int8)
        omitted = 1 - given.means(answered)
        choices = self._choices()
        reports = []
        for place, column in enumerate(answers.items):
            difficulty = _estimate(place, figures.difficulty, figures.difficulty_bounds)
            discrimination = _estimate(place, figures.discrimination, figures.discrimination_bounds)
            correlation = _estimate(place, figures.correlation, figures.correlation_bounds)
            taken = choices.get(place, [])
            n = int(figures.n[place])
            flags = flags_of(column.type, difficulty.value, discrimination.value, correlation.value, taken)
            reports.append(
                ItemReport(
                    column,
                    n,
                    difficulty,
                    discrimination,
                    correlation,
                    float(omitted[place]),
                    taken,
                    flags if n >= FEW else [],
                )
            )
        return reports

    def _choices(self) -> dict[int, list[ChoiceFigures]]:
        """Return, of each item that has choices, who took which."""
        chosen = np.frombuffer(self.answers.chosen, np.int32)
        kept = chosen >= 0
        most = max((column.choices for column in self.answers.items), default=0)
        if not most or not kept.any():
            return {}
        cells, item, person = chosen[kept], self.given.item[kept], self.given.person[kept]
        everybody = np.ones(self.given.people)
        parts = [
            chosen_shares(cells, item, self.given.items, weights[person], most)
            for weights in (self.groups.top, self.groups.middle, self.groups.bottom, everybody)
        ]
        return {
            place: [
                ChoiceFigures(
                    bool(column.key >> choice & 1),
                    top=_known(parts[0][place, choice]),
                    middle=_known(parts[1][place, choice]),
                    bottom=_known(parts[2][place, choice]),
                    all=float(parts[3][place, choice]),
                )
                for choice in range(column.choices)
            ]
            for place, column in enumerate(self.answers.items)
            if column.choices and not math.isnan(float(parts[3][place, 0]))
        }

    def _reliability(self) -> ReliabilityFigures | None:
        told = reliability(self.given, self.strata) if self.given.items else None
        if told is None:
            return None
        variance = float(self.given.totals.var(ddof=1))
        sure = decision_at(
            self.answers.pass_points,
            mean=float(self.given.totals.mean()),
            variance=variance,
            reliability=told.value,
            most=self.answers.points,
        )
        return ReliabilityFigures(
            told.method,
            Estimate(told.value, told.low, told.high),
            told.error,
            consistency=sure.consistency if sure else None,
            kappa=sure.kappa if sure else None,
            accuracy=sure.accuracy if sure else None,
        )

    def _by_items(self, name_of: Callable[[ItemColumn], str]) -> list[GroupFigures]:
        """Return the figures of items that belong together, in the order of their names."""
        places: defaultdict[str, list[int]] = defaultdict(list)
        for place, column in enumerate(self.answers.items):
            places[name_of(column)].append(place)
        earned = self.given.of_item(self.given.earned)
        worth = self.given.of_item(self.given.worth)
        return [
            GroupFigures(
                name,
                len(own),
                difficulty=_ratio(earned[own], worth[own]),
                discrimination=_mean(self.figures.discrimination[own]),
            )
            for name, own in sorted(places.items())
        ]

    def _by_form(self) -> list[GroupFigures]:
        """Return the figures of each form that enough people had, with its reliability; none of an only form."""
        own = np.array(self.answers.forms)
        counts = np.bincount(own)
        if len(counts) == 1:
            return []
        figures = []
        for number in np.flatnonzero(counts >= FEW):
            there = own == number
            alone = self.given.among(there)
            told = reliability(alone) if alone.items and alone.is_complete else None
            figures.append(self._people(str(number), there, told.value if told else None))
        return figures

    def _by_place(self) -> list[GroupFigures]:
        """Return the figures of people at each place, by the places' names, each held against all others."""
        own, names = np.array(self.answers.places), self.answers.place_names
        figures = [self._people(name, own == number) for number, name in enumerate(names)]
        apart = {
            number: mean_difference(self.scores[own == number], self.scores[own != number])
            for number, place in enumerate(figures)
            if min(place.n, len(own) - place.n) >= FEW
        }
        told = {number: one for number, one in apart.items() if one is not None}
        chances = holm([one.p for one in told.values()])
        for (number, one), p in zip(told.items(), chances, strict=True):
            difference = PlaceDifference(Estimate(one.value, one.low, one.high), one.effect, float(p))
            figures[number] = msgspec.structs.replace(figures[number], apart=difference)
        return figures

    def _people(self, name: str, there: NDArray[np.bool_], reliable: float | None = None) -> GroupFigures:
        """Return the figures of some people; of fewer than `FEW` how many they are, and nothing else."""
        scores = self.scores[there]
        if len(scores) < FEW:
            return GroupFigures(name, len(scores))
        return GroupFigures(
            name,
            len(scores),
            mean=float(scores.mean()),
            interval=_mean_of(scores),
            sd=float(scores.std(ddof=1)) if len(scores) > 1 else None,
            pass_rate=_share(scores >= self.answers.pass_points),
            reliability=reliable,
        )

    def _table(self) -> list[TableCell]:
        """Return the 双向细目表 as it was met: a mean paper's items and points by range, importance and type."""
        places: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
        for place, column in enumerate(self.answers.items):
            places[column.range, column.importance, column.type].append(place)
        earned, worth = self.given.of_item(self.given.earned), self.given.of_item(self.given.worth)
        asked, people = self.given.asked, self.given.people
        experts = np.array([column.expert for column in self.answers.items])
        return [
            TableCell(
                *names,
                items=float(asked[own].sum()) / people,
                points=float(worth[own].sum()) / people,
                expert=float((experts[own] * asked[own]).sum() / max(int(asked[own].sum()), 1)),
                difficulty=_ratio(earned[own], worth[own]),
            )
            for names, own in sorted(places.items())
        ]

    def _differential(self) -> tuple[list[DifGroup], list[DifFigures]]:
        """Compare groups of enough people, and return which, and the items that work unlike in them."""
        comparisons: list[tuple[str, str, str, NDArray[np.bool_], NDArray[np.bool_]]] = []
        genders = np.array(self.answers.genders)
        comparisons.append(("gender", "female", "male", genders == "female", genders == "male"))
        own = np.array(self.answers.places)
        sizes = np.bincount(own, minlength=len(self.answers.place_names))
        for place in np.argsort(-sizes, kind="stable")[:MOST_PLACES]:
            there = own == place
            comparisons.append(("place", self.answers.place_names[place], "", there, ~there))
        order = np.argsort(self.given.item, kind="stable")
        cells_of = np.split(order, np.cumsum(self.given.asked)[:-1]) if self.given.items else []
        groups, found = [], []
        for kind, focal, reference, there, others in comparisons:
            if min(int(there.sum()), int(others.sum())) < COMPARED:
                continue
            items, unlike = self._compared(focal, reference, there, others, cells_of)
            groups.append(DifGroup(kind, focal, reference, int(there.sum()), int(others.sum()), items))
            found += unlike
        return groups, found

    def _compared(
        self,
        focal: str,
        reference: str,
        there: NDArray[np.bool_],
        others: NDArray[np.bool_],
        cells_of: Sequence[NDArray[np.intp]],
    ) -> tuple[int, list[DifFigures]]:
        given, points = self.given, self.given.totals
        strata = _strata(points)
        compared, unlike = 0, []
        for place, asked in enumerate(cells_of):
            cells = asked[(there | others)[given.person[asked]]]
            people = given.person[cells]
            inside = there[people]
            if min(int(inside.sum()), int((~inside).sum())) < COMPARED:
                continue
            shares = given.shares[cells]
            right = shares == 1
            if ((shares != 0) & ~right).any():
                continue  # both methods are for items that are right or wrong
            table = mantel_haenszel(right, inside, strata[people])
            if table is None:
                continue
            compared += 1
            if table.size == "A":
                continue
            fit = logistic_dif(right, inside, points[people])
            unlike.append(
                DifFigures(
                    place,
                    focal,
                    reference,
                    int(inside.sum()),
                    table.delta,
                    table.error,
                    table.size,
                    table.p,
                    fit.crossing_p if fit else None,
                    fit.gain if fit else None,
                )
            )
        return compared, unlike


def flags_of(
    kind: str,
    difficulty: float | None,
    discrimination: float | None,
    correlation: float | None,
    choices: Sequence[ChoiceFigures],
) -> list[str]:
    """Return what is to be looked at of an item, the gravest first.

    Source: R-97, R-99.
    """
    keys = [choice.top for choice in choices if choice.key and choice.top is not None]
    others = [choice for choice in choices if not choice.key]
    best_other = max((choice.top for choice in others if choice.top is not None), default=0.0)
    facts = {
        "negative": any(value is not None and value < 0 for value in (discrimination, correlation)),
        # Of several right choices each is taken by those who know it: the one least taken counts.
        "distractor_over_key": bool(keys) and best_other > min(keys),
        "key_missed": bool(keys) and min(keys) < 0.5,
        "too_hard": difficulty is not None and difficulty <= HARD,
        "too_easy": difficulty is not None and difficulty >= EASY,
        "unused": kind != "true_false" and any(choice.all == 0 for choice in others),
    }
    return [flag for flag in FLAGS if facts[flag]]


def _strata(points: Floats) -> NDArray[np.intp]:
    """Return in which stratum each person is: of the same points, or of about the same where few have the same."""
    values, place = np.unique(points, return_inverse=True)
    if len(values) <= STRATA * 5:
        return place
    edges = np.quantile(points, np.linspace(0, 1, STRATA + 1)[1:-1])
    return np.searchsorted(edges, points, side="right")


def _bands(scores: Floats, points: float) -> list[int]:
    # A hair is added: 29.999999 tenths of a point are the third band.
    place = np.minimum((scores / points * 10 + 1e-9).astype(int), 9)
    return [int(count) for count in np.bincount(place, minlength=10)]


def _share(holds: NDArray[np.bool_]) -> Estimate:
    n = np.array([float(len(holds))])
    share = np.array([float(holds.mean())])
    low, high = share_interval(share, n)
    return Estimate(float(share[0]), float(low[0]), float(high[0]))


def _mean_of(values: Floats) -> Estimate:
    mean, n = np.array([values.mean()]), np.array([len(values)])
    if len(values) < 2:
        return Estimate(float(mean[0]))
    return _estimate(0, mean, mean_interval(mean, np.array([values.var(ddof=1)]), n))


def _ratio(earned: Floats, worth: Floats) -> float | None:
    whole = float(worth.sum())
    return float(earned.sum()) / whole if whole else None


def _mean(values: Floats) -> float | None:
    told = values[~np.isnan(values)]
    return float(told.mean()) if len(told) else None


def _estimate(place: int, values: Floats, bounds: Bounds) -> Estimate:
    return Estimate(_known(values[place]), _known(bounds[0][place]), _known(bounds[1][place]))


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
