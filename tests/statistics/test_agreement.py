"""κ and ICC of two who mark equal psych::cohen.kappa and psych::ICC to 1e-9 (agreement.R made agreement.json)."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cbt.statistics.agreement import differences, intraclass, kappa

VECTORS: dict[str, Any] = json.loads(Path(__file__).with_name("agreement.json").read_text())
ORDER = ("one_way", "agreement", "consistency", "one_way_mean", "agreement_mean", "consistency_mean")


@pytest.mark.parametrize("name", VECTORS)
def test_agreement_equals_that_of_r(name: str) -> None:
    wanted = VECTORS[name]
    cells = Counter((first, second) for first, second in wanted["pairs"])
    told, icc = kappa(cells), intraclass(cells)
    assert [told.plain, told.weighted] == pytest.approx(wanted["kappa"], rel=1e-9, abs=1e-9)
    assert [getattr(icc, one) for one in ORDER] == pytest.approx(wanted["icc"], rel=1e-9, abs=1e-9)


SHROUT_FLEISS = ((9, 2, 5, 8), (6, 1, 3, 2), (8, 4, 6, 8), (7, 1, 2, 6), (10, 5, 6, 9), (6, 2, 4, 7))
"""Table 2 of Shrout and Fleiss (1979): four judges, six targets."""


def test_the_published_example_of_four_judges_comes_out_as_published() -> None:
    icc = intraclass(Counter(SHROUT_FLEISS))
    assert [round(getattr(icc, one), 2) for one in ORDER] == [0.17, 0.29, 0.71, 0.44, 0.62, 0.91]
    psych = [0.1657418, 0.2897638, 0.7148407, 0.4427971, 0.6200505, 0.9093155]
    assert [getattr(icc, one) for one in ORDER] == pytest.approx(psych, abs=1e-7)


def test_what_nothing_can_be_said_of_is_no_number() -> None:
    for cells in ({}, {(3.0, 3.0): 5}):
        assert math.isnan(kappa(cells).weighted)
        assert math.isnan(intraclass(cells).agreement)
    assert math.isnan(intraclass({(1.0, 2.0): 1}).agreement)
    assert math.isnan(differences({}).mean)
    off = differences({(3.0, 2.0): 3, (1.0, 2.0): 1})
    assert (off.n, off.mean, off.absolute) == (4, 0.5, 1.0)
