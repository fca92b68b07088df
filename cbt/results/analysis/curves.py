"""The child's side of the curves of items: answers to a paper in, Rasch's and the two-parameter model out.

Only `cbt.confined` runs this, in a process of its own, like child.py.

Source: R-96.
"""

from __future__ import annotations

import msgspec
import numpy as np

from cbt.results.analysis.figures import CurveReport, ItemCurve, PaperAnswers
from cbt.statistics.rasch import LEAST_PEOPLE, Floats, rasch
from cbt.statistics.two_parameter import two_parameter

NEAR = 1e-4
"""Steps end where nothing moves by more: it is a small part of any error."""


def estimate(body: bytes) -> bytes:
    """Return the CurveReport, as JSON, about the PaperAnswers in MessagePack."""
    return msgspec.json.encode(curves_of(msgspec.msgpack.decode(body, type=PaperAnswers)))


def curves_of(answers: PaperAnswers) -> CurveReport:
    """Return both models of the items that are right or wrong and were asked of enough people.

    Who was asked none of them has no part in it.
    """
    table = _table(answers)
    asked = (~np.isnan(table)).sum(axis=0)
    with np.errstate(invalid="ignore"):
        shares = np.nansum(table, axis=0) / np.maximum(asked, 1)
    partial = ((table > 0) & (table < 1)).any(axis=0)
    fits = ~partial & (asked >= LEAST_PEOPLE) & (shares > 0) & (shares < 1)
    chosen = np.flatnonzero(fits)
    own = table[:, chosen]
    own = own[(~np.isnan(own)).any(axis=1)] if len(chosen) else own[:0]
    simple, double = (rasch(own, near=NEAR), two_parameter(own, near=NEAR)) if len(chosen) else (None, None)
    if simple is None or double is None:
        return CurveReport(answers.title, len(answers.scores), LEAST_PEOPLE, len(own), [])
    return CurveReport(
        answers.title,
        len(answers.scores),
        LEAST_PEOPLE,
        len(own),
        [
            ItemCurve(
                answers.items[place].ref,
                answers.items[place].part,
                int(asked[place]),
                float(shares[place]),
                float(simple.difficulties[number]),
                float(simple.errors[number]),
                float(double.slopes[number]),
                float(double.slope_errors[number]),
                float(double.locations[number]),
                float(double.location_errors[number]),
            )
            for number, place in enumerate(chosen)
        ],
        simple.spread,
        simple.spread_error,
        simple.log_likelihood,
        double.log_likelihood,
    )


def _table(answers: PaperAnswers) -> Floats:
    """Return people × items: the part of the points that each earned, NaN for what was not asked."""
    table = np.full((len(answers.scores), len(answers.items)), np.nan)
    worth = np.frombuffer(answers.worth, np.float64)
    asked = worth > 0
    person, item = np.frombuffer(answers.person, np.int32), np.frombuffer(answers.item, np.int32)
    earned = np.frombuffer(answers.earned, np.float64)
    table[person[asked], item[asked]] = earned[asked] / worth[asked]
    return table
