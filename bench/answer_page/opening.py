"""The answer page in a real browser: bytes over the wire and the first item in sight on a slow machine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from statistics import median
from typing import Any

from playwright.sync_api import BrowserContext, sync_playwright
from playwright.sync_api import TimeoutError as BrowserTimeout

from bench.figures import Figure
from bench.installation import Sitter
from bench.traffic.client import HOST
from tests.browser import find_chromium

LOADS = 5
THROTTLING = 4
PATIENCE_MS = 90_000
QUIET_MS = 700
"""How long nothing comes any more once the page is there."""
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
_SEEN = "cbtFirstItem"
"""By this name the page says when its first item is in sight. It is not asked: what a tool puts into a page to look
for an element takes a slow machine's time as the page itself does."""
_WATCH = """(() => {
    const look = () => {
        const stem = document.querySelector("#view .stem");
        if (stem && stem.getClientRects().length) window.cbtFirstItem(String(performance.now()));
        else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
})()"""


def measure_runner_page(port: int, sitters: Sequence[Sitter]) -> Figure | None:
    """Open the answer page with an empty cache as each sitter; None on a machine without Chromium.

    The first item counts as visible in the first frame that lays its stem out, from the start of the
    navigation, with the processor slowed down by four.
    """
    path = find_chromium()
    if path is None:
        return None
    figure = Figure("runner_page")
    sizes, times, files = [], [], []
    with ExitStack() as closing:
        playwright = closing.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        closing.callback(browser.close)
        for sitter in sitters:
            with browser.new_context(viewport={"width": 1366, "height": 768}, locale="zh-CN") as context:
                received, milliseconds = _load(context, port, sitter)
                sizes.append(sum(received))
                files.append(len(received))
                times.append(milliseconds)
    figure.latencies = [milliseconds / 1000 for milliseconds in times]
    figure.facts = {
        "wire_kb": round(median(sizes) / 1000, 1),
        "files": median(files),
        "first_item_ms": round(median(times)),
    }
    return figure


def _load(context: BrowserContext, port: int, sitter: Sitter) -> tuple[list[int], float]:
    """Return the bytes of each file the page fetched until it was quiet, and when its first item was seen."""
    base = f"http://{HOST}:{port}"
    pairs = [pair.split("=", 1) for pair in sitter.cookie.split("; ")]
    context.add_cookies([{"name": name, "value": value, "url": base} for name, value in pairs])
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.add_init_script(_WATCH)
    wire = context.new_cdp_session(page)
    received: list[int] = []
    seen: list[float] = []

    def finished(event: dict[str, Any]) -> None:
        received.append(int(event["encodedDataLength"]))

    def called(event: dict[str, Any]) -> None:
        if event["name"] == _SEEN:
            seen.append(float(event["payload"]))

    wire.on("Network.loadingFinished", finished)
    wire.on("Runtime.bindingCalled", called)
    wire.send("Network.enable")
    wire.send("Runtime.enable")
    wire.send("Runtime.addBinding", {"name": _SEEN})
    wire.send("Emulation.setCPUThrottlingRate", {"rate": THROTTLING})
    page.goto(f"{base}/exam/{sitter.attempt_ref}")
    began, fetched = time.monotonic(), -1
    while not seen or fetched != len(received):  # one request of the page always waits: for news
        if time.monotonic() - began > PATIENCE_MS / 1000:
            raise BrowserTimeout("the answer page shows no item")
        fetched = len(received)
        page.wait_for_timeout(QUIET_MS)
    return received, seen[0]
