"""The answer page."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from playwright.sync_api import Error as BrowserError

from bench.answer_page.opening import LOADS, measure_runner_page
from bench.figures import CONNECTIONS, Figure
from bench.measured.declaring import NONE_REFUSED, Bound, Group, Stage, Stand, Target, most
from bench.traffic.client import Load, run_load
from bench.traffic.pages import answer_pages

PEOPLE = 400


def shell(stand: Stand) -> list[Figure]:
    """Measure the answer page as the server sends it: the shell with the person at its end, packed."""
    bench = stand.bench
    stand.tell(f"the answer page, {CONNECTIONS} connections")
    sitters = bench.built.sitters[:PEOPLE]

    def run() -> Load:
        sources = [
            answer_pages(sitters[index::CONNECTIONS]) for index in range(min(CONNECTIONS, len(sitters)))
        ]
        return run_load(stand.port, sources, seconds=bench.seconds)

    run()
    return [bench.measure("page", [run] * bench.pairs)]


def in_a_browser(stand: Stand) -> list[Figure]:
    """Measure the answer page in Chromium; nothing on a machine without it."""
    if not stand.size.page:
        return []
    stand.tell("the answer page in a browser")
    try:
        # In a thread of its own: whoever else holds a browser in this process has the loop of this thread.
        with ThreadPoolExecutor(1) as pool:
            sitters = stand.bench.built.sitters[:LOADS]
            figure = pool.submit(measure_runner_page, stand.port, sitters).result()
    except BrowserError as error:  # the other figures do not depend on a browser
        stand.tell(f"not measured: {error.message.splitlines()[0]}")
        return []
    if figure is None:
        stand.tell("no Chromium here: not measured")
        return []
    return [figure]


GROUPS = (
    Group(
        (
            Target(
                "page",
                "answer page, 100 connections",
                "答题页，100 个连接",
                (Bound("ratio", 0.30, 0.60), most("p99_ms", 100, None), NONE_REFUSED),
                checked=True,
                twin=(Bound("of_embedded", 0.7, None),),
            ),
        ),
        Stage.BEGUN,
        shell,
        people=lambda size: size.of(PEOPLE, 100),
    ),
    Group(
        (
            Target(
                "runner_page",
                "answer page, first item, CPU ÷ 4",
                "答题页首题可见，CPU 降到 1/4",
                (most("first_item_ms", 1000, 700), most("wire_kb", 90, 60)),
            ),
        ),
        Stage.BEGUN,
        in_a_browser,
        people=lambda _size: LOADS,
    ),
)
