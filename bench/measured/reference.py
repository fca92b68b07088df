"""REF behind the product's own front, where it stood until 2026-11-30: results from before compare by this row."""

from __future__ import annotations

from bench.figures import Figure
from bench.measured.declaring import Ground, Group, Stage, Target
from bench.servers.serve import REF_BEHIND_FRONT, serving

PAIRS = 5


def measure(ground: Ground) -> list[Figure]:
    """Measure REF on plain granian and behind the front in turn."""
    ground.tell("REF behind the product's own front")
    figure, ref = Figure("ref_front"), ground.ref
    with serving(REF_BEHIND_FRONT, ref.environ) as port:
        ref.load(port)
        for _ in range(ground.size.of(PAIRS, 1)):
            figure.add(ref.load(port), ref.per_s())
    return [figure]


GROUPS = (
    Group(
        (Target("ref_front", "REF behind the product's own front", "REF，经本系统自己的前端"),),
        Stage.OWN,
        measure,
    ),
)
