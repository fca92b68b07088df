"""Forms of a paper held against each other by the items they have in common: what the child does of R-100.

An item is in common where everybody of both groups was asked it, in one version, and where both were scored by one
key: what people have of an item that was corrected or void in one of the sittings says nothing of how able they
are. Where in a form it stands, and in which order its choices, does not matter.

Source: R-100.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from cbt.results.analysis.figures import (
    COMMON_ITEMS,
    COMMON_SHARE,
    FEWEST_TAKERS,
    METHODS,
    MOST_FORMS,
    CommonGroup,
    EquatedForm,
    Equating,
    Equivalent,
    EquivalentRow,
    FormPair,
    PaperAnswers,
)
from cbt.statistics.classical import Floats, Responses
from cbt.statistics.equating import Anchored, all_methods

_SAME = 1e-6


@dataclass(frozen=True)
class _Takers:
    """The people of one form whose answers are told.

    `shares` (of an item's points) and `chosen` are people × items: NaN and -1 are what was not asked. `worths` are
    the items' points.
    """

    form: EquatedForm
    scores: Floats
    shares: Floats
    worths: Floats
    chosen: NDArray[np.int32]

    @property
    def asked(self) -> NDArray[np.bool_]:
        """Which items everybody was asked."""
        everybody: NDArray[np.bool_] = ~np.isnan(self.shares).any(axis=0)
        return everybody


def equating_of(answers: PaperAnswers, given: Responses) -> Equating | None:
    """Return each two of the forms that most people had, held against each other; None of an only form."""
    forms = np.array(answers.forms)
    if len(set(answers.forms)) < 2:
        return None
    told = np.bincount(given.person, minlength=given.people) > 0
    counts = np.bincount(forms[told], minlength=int(forms.max()) + 1)
    order = np.argsort(-counts, kind="stable")[:MOST_FORMS]
    enough = [int(number) for number in order if counts[number] >= FEWEST_TAKERS]
    takers = [_takers(answers, given, number, told & (forms == number)) for number in enough]
    pairs = [_pair(answers, new, old) for old in takers for new in takers if new is not old]
    return Equating([own.form for own in takers], pairs)


def _takers(answers: PaperAnswers, given: Responses, number: int, there: NDArray[np.bool_]) -> _Takers:
    kept = there[given.person]
    rows = (np.cumsum(there) - 1)[given.person[kept]]
    items, people = given.item[kept], int(there.sum())
    shares = np.full((people, given.items), np.nan)
    shares[rows, items] = given.shares[kept]
    chosen = np.full((people, given.items), -1, np.int32)
    chosen[rows, items] = np.frombuffer(answers.chosen, np.int32)[kept]
    asked = np.bincount(items, minlength=given.items)
    worths = np.bincount(items, given.worth[kept], given.items) / np.maximum(asked, 1)
    scores = np.array(answers.scores)[there]
    form = EquatedForm(
        number,
        answers.form_names.get(number, ""),
        people,
        float(scores.mean()),
        float(scores.std(ddof=1)),
    )
    return _Takers(form, scores, shares, worths, chosen)


def _pair(answers: PaperAnswers, new: _Takers, old: _Takers) -> FormPair:
    common = [int(item) for item in np.flatnonzero(new.asked & old.asked) if _one_key(new, old, int(item))]
    points = float(old.worths[common].sum())
    new_anchor, old_anchor = (own.shares[:, common] @ old.worths[common] for own in (new, old))
    pair = FormPair(
        new.form.number,
        old.form.number,
        common,
        points,
        _common(new, common, new_anchor, answers.points),
        _common(old, common, old_anchor, answers.points),
    )
    return _equated(answers, pair, Anchored(new.scores, new_anchor), Anchored(old.scores, old_anchor))


def _common(own: _Takers, common: Sequence[int], anchor: Floats, whole: float) -> CommonGroup:
    share = float(own.worths[common].sum()) / whole
    return CommonGroup(float(anchor.mean()), float(anchor.std(ddof=1)), share)


def _one_key(new: _Takers, old: _Takers, item: int) -> bool:
    """Return whether the same choices earned both groups the same, and not whatever was chosen everybody the same.

    Where an item has no choices, nothing speaks against it.
    """
    if np.ptp(np.concatenate([new.shares[:, item], old.shares[:, item]])) < _SAME:
        return False
    earned: dict[int, float] = {}
    for own in (new, old):
        choices, first = np.unique(own.chosen[:, item], return_index=True)
        for choice, person in zip(choices, first, strict=True):
            share = float(own.shares[person, item])
            if choice >= 0 and abs(earned.setdefault(int(choice), share) - share) > _SAME:
                return False
    return True


def _equated(answers: PaperAnswers, pair: FormPair, new: Anchored, old: Anchored) -> FormPair:
    shares = [group.share for group in (pair.new_group, pair.old_group) if group is not None]
    if len(pair.items) < COMMON_ITEMS:
        return replace(pair, why_not="items")
    if min(shares) < COMMON_SHARE - _SAME:
        return replace(pair, why_not="share")
    at = sorted({answers.points * tenth / 10 for tenth in range(11)} | {answers.pass_points})
    told = all_methods(new, old, at, most=(answers.points, answers.points))
    if told is None:
        return replace(pair, why_not="flat")
    methods = [told[method] for method in METHODS]
    rows = [
        EquivalentRow(
            points, [Equivalent(float(own.points[place]), float(own.errors[place])) for own in methods]
        )
        for place, points in enumerate(at)
    ]
    return replace(pair, rows=rows)
