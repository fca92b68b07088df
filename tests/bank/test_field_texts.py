"""Banks as texts, as people keep them: read as they were written, or said to be otherwise."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.bank.field_texts.direct import without_children
from tests.bank.field_texts.making import FLAGGED, REFUSED, RIGHT, WRONG, cases, outcome

SAMPLE = range(0, 1200, 30)
"""Every thirtieth of the files that `python -m tests.bank.field_texts --all` reads."""


def test_banks_of_every_layout_come_in_as_they_were_written() -> None:
    with without_children():
        became = Counter(outcome(one)[0] for one in cases(SAMPLE))
    assert became[WRONG] == 0
    assert became[RIGHT] * 100 >= 90 * became.total(), became
    assert set(became) <= {RIGHT, FLAGGED, REFUSED}


@pytest.mark.parametrize("container", ["docx", "html", "json"])
def test_a_child_reads_as_its_parent_would(container: str) -> None:
    one = next(one for one in cases(range(200)) if one.name.endswith(container) and one.second is None)
    assert outcome(one) == (RIGHT, "")
