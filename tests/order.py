"""In which order the files of a whole run are taken: journeys one after another among everything else.

A journey waits for pages most of its time, other cases compute. While all workers are on journeys half of the
processor is idle; while one is, the others have all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import pytest

JOURNEYS = Path(__file__).with_name("journeys")
UNTIL = 0.85
"""The part of all other cases among which journeys begin: none is left to one worker alone at the end."""


def journeys_spread(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Return cases with the files of journeys evenly among the others; each file stays whole, in its order."""
    files = [list(some) for _, some in groupby(items, key=lambda item: item.path)]
    journeys = [one for one in files if JOURNEYS in one[0].path.parents]
    others = [one for one in files if JOURNEYS not in one[0].path.parents]
    step = UNTIL * sum(map(len, others)) / max(1, len(journeys))
    spread: list[pytest.Item] = []
    taken = begun = 0
    for file in others:
        while begun < len(journeys) and taken >= step * begun:
            spread += journeys[begun]
            begun += 1
        spread += file
        taken += len(file)
    return spread + [item for file in journeys[begun:] for item in file]
