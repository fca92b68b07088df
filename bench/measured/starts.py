"""Papers that are opened: each candidate once, with a form of their own."""

from __future__ import annotations

from bench import rows
from bench.figures import Figure
from bench.measured.declaring import Bound, Group, Stage, Stand, Target, most
from bench.sizes import WARM_UP_STARTS
from bench.traffic import loads
from bench.traffic.client import run_load


def measure(stand: Stand) -> list[Figure]:
    """Measure starts of those whose papers are not open yet."""
    size, sitters = stand.size, stand.bench.built.sitters
    stand.tell(f"starts: {size.pairs} × {size.starts}")
    run_load(stand.port, [loads.starts([one]) for one in sitters[:WARM_UP_STARTS]])  # caches fill
    shared = sitters[WARM_UP_STARTS : size.started]
    start = stand.bench.measure("start", stand.bench.shares(stand.port, shared, loads.starts))
    start.lost = rows.lost_starts(sitters)
    return [start]


GROUPS = (
    Group(
        (
            Target(
                "start",
                "starts, 100-item paper",
                "开卷，100 题",
                (Bound("per_s", 1500, 2000), most("p99_ms", 100, 60)),
                checked=True,
            ),
        ),
        Stage.BEGUN,
        measure,
        people=lambda size: size.started,
    ),
)
