"""The answer page."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from playwright.sync_api import Error as BrowserError

from bench.answer_page.opening import LOADS, measure_runner_page
from bench.figures import Figure
from bench.measured.declaring import Group, Stage, Stand, Target, most


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
