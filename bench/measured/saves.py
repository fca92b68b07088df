"""Saves as fast as they are taken, on this disk and on one whose COMMIT takes 5 ms longer."""

from __future__ import annotations

from contextlib import ExitStack
from statistics import median

from bench import rows
from bench.figures import CONNECTIONS, MANY_CONNECTIONS, Figure
from bench.measured.declaring import Bound, Group, Stage, Stand, Target, most
from bench.servers.serve import SLOW, serving

SLOW_ROWS = {"save_5ms": CONNECTIONS, "save_5ms_400": MANY_CONNECTIONS}


def measure(stand: Stand) -> list[Figure]:
    """Measure saves into full journals beside those of a slow disk."""
    bench, slow = stand.bench, [name for name in SLOW_ROWS if name in stand.names]
    stand.tell("saves")
    with ExitStack() as stack:
        runs = {"save": bench.saves(stand.port, CONNECTIONS)}
        if slow:
            port = stack.enter_context(serving(SLOW, bench.built.environ))
            runs |= {name: bench.saves(port, SLOW_ROWS[name]) for name in slow}
        figures = bench.together(runs)
    for one in figures[1:]:
        pairs = zip(one.rates, figures[0].rates, strict=True)
        one.facts["of_save"] = round(median(rate / save for rate, save in pairs), 3)
    figures[0].lost = rows.lost_answers(bench.ledger.saved)
    return figures


GROUPS = (
    Group(
        (
            Target(
                "save",
                "saves, 100 connections",
                "保存，100 个连接",
                (Bound("ratio", 0.34, 0.40), most("p99_ms", 60, 45)),
                checked=True,
                twin=(Bound("ratio", 0.29, 0.36),),
            ),
            Target(
                "save_5ms",
                "saves, COMMIT + 5 ms",
                "保存，提交慢 5 毫秒",
                (Bound("of_save", 0.75, 0.85),),
                checked=True,
            ),
            Target(
                "save_5ms_400",
                "saves, COMMIT + 5 ms, 400 connections",
                "保存，提交慢 5 毫秒，400 个连接",
                (Bound("of_save", 0.90, 0.95),),
                checked=True,
            ),
        ),
        Stage.OPEN,
        measure,
        people=lambda size: size.of(1000, 100),
    ),
)
