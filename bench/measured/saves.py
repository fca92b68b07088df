"""Saves as fast as they are taken: as served, by the Flask way alone, on a disk whose COMMIT takes 5 ms longer."""

from __future__ import annotations

from contextlib import ExitStack
from statistics import median

from bench import rows
from bench.figures import CONNECTIONS, MANY_CONNECTIONS, Figure
from bench.measured.declaring import Bound, Group, Stage, Stand, Target, most
from bench.servers.serve import BY_VIEWS, SLOW, serving
from bench.servers.views import ALL, VIEWS_VARIABLE

FLASK_WAY = "save_flask"
SLOW_ROWS = {"save_5ms": CONNECTIONS, "save_5ms_400": MANY_CONNECTIONS}


def measure(stand: Stand) -> list[Figure]:
    """Measure saves into full journals beside those of the Flask way and of a slow disk."""
    bench, slow = stand.bench, [name for name in SLOW_ROWS if name in stand.names]
    stand.tell("saves")
    with ExitStack() as stack:
        runs = {"save": bench.saves(stand.port, CONNECTIONS)}
        if FLASK_WAY in stand.names:
            environ = {**bench.built.environ, VIEWS_VARIABLE: ALL}
            runs[FLASK_WAY] = bench.saves(stack.enter_context(serving(BY_VIEWS, environ)), CONNECTIONS)
        if slow:
            port = stack.enter_context(serving(SLOW, bench.built.environ))
            runs |= {name: bench.saves(port, SLOW_ROWS[name]) for name in slow}
        figures = bench.together(runs)
    for one in (figure for figure in figures if figure.name in SLOW_ROWS):
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
                FLASK_WAY,
                "saves by the Flask way alone",
                "保存，只走 Flask 视图",
                (Bound("ratio", 0.33, None),),
                checked=True,
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
