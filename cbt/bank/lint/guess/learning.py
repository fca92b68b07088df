"""A conditional logit: which of some options is picked, by what each of them has.

Learned in one fixed order with a step for each feature that grows smaller as it is seen more often (AdaGrad).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

Row = Mapping[str, float]
EPOCHS = 6
STEP = 0.1
DECAY = 5e-3


def learn(trials: Sequence[tuple[Sequence[Row], int]]) -> dict[str, float]:
    """Return the weight of each feature; a trial is its options and the place of the one that was right."""
    weights: defaultdict[str, float] = defaultdict(float)
    grown: defaultdict[str, float] = defaultdict(lambda: 1e-3)
    for _ in range(EPOCHS):
        for options, right in trials:
            for place, (row, share) in enumerate(zip(options, chances(options, weights), strict=True)):
                off = (place == right) - share
                for name, value in row.items():
                    slope = off * value - DECAY * weights[name]
                    grown[name] += slope * slope
                    weights[name] += STEP * slope / math.sqrt(grown[name])
    return dict(weights)


def chances(options: Sequence[Row], weights: Mapping[str, float]) -> list[float]:
    """Return how likely each option is the one."""
    scores = [sum(weights.get(name, 0.0) * value for name, value in row.items()) for row in options]
    top = max(scores)
    grown = [math.exp(score - top) for score in scores]
    total = sum(grown)
    return [value / total for value in grown]
