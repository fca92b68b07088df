"""A whole day of examinations: none waits long, none is refused, nothing is lost."""

from __future__ import annotations

import asyncio
import gc
import time
from functools import partial

from bench import rows
from bench.exam_day.driving import Driving, Played, Times
from bench.exam_day.hall import build_day
from bench.figures import Figure
from bench.measured.declaring import NONE_LOST, NONE_REFUSED, Ground, Group, Stage, Target, most
from bench.servers.serve import PRODUCT, running
from bench.traffic.client import Load
from bench.traffic.paced import allow_files
from cbt.config import read_settings
from cbt.ops.preparation import in_child
from cbt.rehearsal.commands import judge

try:
    from uvloop import new_event_loop
except ImportError:  # Windows has none
    from asyncio import new_event_loop

PEOPLE, FEW = 2000, 40
PER_SECOND = 12.5
"""So many candidates come to their seats in a second: 750 a minute."""


def measure(ground: Ground) -> list[Figure]:
    """Measure the day."""
    size = ground.size
    people = size.candidates or size.of(PEOPLE, FEW)
    arriving = people / size.of(PER_SECOND, 20.0)
    times = size.of(Times(arriving, 5.0, 80.0, 8.0, 80.0), Times(arriving, 0.5, 4.0, 0.5, 120.0))
    per_room = size.of(40, 10)
    ground.tell(f"an exam day of {people}: building")
    environ = {
        "CBT_DATA_DIR": str(ground.folder / "data"),
        "CBT_KEY_DIR": str(ground.folder / "keys"),
        "CBT_SLOW_MS": "60000",
    }
    settings = read_settings(environ)
    allow_files(people * 2 + 500)
    building = partial(
        build_day, people=people, per_room=per_room, seconds=times.lasts, arriving=times.arriving
    )
    day = in_child(building, settings)
    ground.tell(f"an exam day of {people}: {len(day.desks)} rooms, {times.all:.0f} s")
    with running(PRODUCT, environ) as server:
        gc.collect()
        gc.disable()  # a search through all that two thousand browsers hold stops every one of them
        cpu_before = time.process_time()
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            played = runner.run(Driving(day, server, times).run())
        load = _load(played, time.process_time() - cpu_before)
        gc.enable()
        judgement = in_child(partial(judge, accounts=played.accounts), settings)
    figure = Figure("exam_day")
    figure.add(load, None)
    receipts = {one.attempt_id: one.receipt for one in played.accounts if one.receipt}
    figure.lost = judgement.lost + in_child(partial(rows.lost_receipts_of, receipts=receipts), settings)
    figure.facts = _facts(played, people, len(day.desks))
    figure.facts |= {"wrong": judgement.wrong, "unscored": people - judgement.scored}
    for line in _table(played):
        ground.tell(line)
    return [figure]


def _load(played: Played, cpu_seconds: float) -> Load:
    latencies = played.tally.all()
    return Load(len(latencies), played.seconds, latencies, len(played.refused), cpu_seconds)


def _facts(played: Played, people: int, rooms: int) -> dict[str, object]:
    kind, worst = played.tally.worst()
    return {
        "candidates": people,
        "rooms": rooms,
        "seconds": round(played.seconds),
        "worst_kind": kind,
        "worst_p99_ms": round(worst, 1),
        "moved": played.moved,
        "killed": len(set(played.killed)),
        "broken": played.tally.broken,
        "acknowledged": sum(len(one.acknowledged) for one in played.accounts),
        "handed_in": sum(bool(one.receipt) for one in played.accounts),
        "closed": sum(one.closed for one in played.accounts),
        "refusals": sorted(set(played.refused)),
        "kinds": played.tally.by_kind(),
    }


def _table(played: Played) -> list[str]:
    found = played.tally.by_kind()
    wide = max(map(len, found), default=0)
    return [
        f"    {kind:<{wide}}  " + "  ".join(f"{name} {value:>8}" for name, value in figures.items())
        for kind, figures in found.items()
    ]


GROUPS = (
    Group(
        (
            Target(
                "exam_day",
                "exam day: 2,000 candidates, 50 rooms",
                "考试日全程：2000 名考生，50 个考场",
                (
                    most("worst_p99_ms", 250, None, ("every p99 {:.0f} ms", "每类请求 p99 {:.0f} 毫秒")),
                    NONE_REFUSED,
                    NONE_LOST,
                    most("wrong", 0, 0, ("{:.0f} scored wrong", "评错 {:.0f}")),
                    most("unscored", 0, 0, ("{:.0f} unscored", "未评 {:.0f}")),
                ),
                paced=True,
            ),
        ),
        Stage.OWN,
        measure,
    ),
)
