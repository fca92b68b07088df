"""Chromium for the journeys: watched pages, and looks at every state."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Playwright, Response, expect

from tests.browser import find_chromium, find_shell
from tests.journeys.centre import Centre
from tests.journeys.hands import Hand, Mouse
from tests.journeys.looks import THEMES, violations

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
    "--disable-component-update", "--disable-sync", "--disable-quic", "--disable-dev-shm-usage",
    "--in-process-gpu", "--disable-lcd-text",  # nobody sees it: one process less, and letters of one shade
    "--js-flags=--no-opt --no-maglev --no-concurrent-recompilation",  # no page lives long enough to gain by it
]  # fmt: skip
SHOTS = "CBT_TEST_SHOTS"
DESK = {"width": 1366, "height": 768}
WIDE = {"width": 1920, "height": 1080}
ZOOMED = {"width": 683, "height": 384}
PATIENCE_MS = 30_000  # spent only where a journey fails
SHOWN = 600
NO_WORKER = "Service Worker registration blocked by Playwright"
"""A journey sees every request itself: no worker takes any but where a journey is about that."""

expect.set_options(timeout=PATIENCE_MS)

_CSP_WATCH = """document.addEventListener("securitypolicyviolation",
    (event) => window.journeyViolation(`${event.violatedDirective} ${event.blockedURI}`));"""


def chromium_path(find: Callable[[], str | None] = find_chromium) -> str:
    """Return the Chromium to use; without one the journeys fail in CI and are skipped, aloud, elsewhere."""
    path = find()
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Chromium is missing: run `python -m tests.browser`")
        pytest.skip("Chromium is missing: no journey ran (python -m tests.browser installs one)")
    return path


@dataclass
class Watch:
    """What went wrong on the pages of one browser; `expected` are patterns of what may."""

    name: str
    seen: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=lambda: [NO_WORKER])

    def on(self, context: BrowserContext) -> None:
        """Watch every page of `context`, those to come too."""
        context.expose_binding("journeyViolation", lambda _source, text: self.note(f"CSP: {text}"))
        context.add_init_script(_CSP_WATCH)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.note(f"page error: {error.error}"))
        context.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.note(f"{message.text} @ {message.location.get('url', '')}")

    def _response(self, response: Response) -> None:
        if response.status >= 500 or ("/static/" in response.url and response.status >= 400):
            self.note(f"{response.status} @ {response.url}")

    def note(self, text: str) -> None:
        """Keep what went wrong; the journey fails for it at its end."""
        self.seen.append(text)

    def allow(self, *patterns: str) -> None:
        """Allow what matches one of `patterns`."""
        self.expected.extend(patterns)

    def faults(self) -> list[str]:
        """Return what nobody expected."""
        return [text for text in self.seen if not any(re.search(one, text) for one in self.expected)]


class Browser:
    """One machine: a context, one page, what went wrong on it, and the hand that uses it."""

    def __init__(self, context: BrowserContext, centre: Centre, watch: Watch, *, hand: Hand) -> None:
        self.context = context
        self.centre = centre
        self.watch = watch
        self.hand = hand
        self.page: Page = context.pages[0] if context.pages else context.new_page()

    def go(self, path: str) -> None:
        """Open a page of the product."""
        self.page.goto(self.centre.url + path)

    def find(self, selector: str) -> Locator:
        """Return what `selector` names on the page."""
        return self.page.locator(selector)

    def look(self, name: str, *, zoom: bool = False) -> None:
        """Hold the page to WCAG 2.2 AA by axe in both themes, and take its pictures when CBT_TEST_SHOTS is set."""
        self.page.wait_for_load_state()
        for theme, violation in violations(self.page):
            self.watch.note(f"axe, {name} ({theme}): {violation}")
        if os.environ.get(SHOTS):
            self._shoot(name, zoom=zoom)

    def _shoot(self, name: str, *, zoom: bool) -> None:
        folder = Path(os.environ[SHOTS])
        folder.mkdir(parents=True, exist_ok=True)
        sizes = {"1366": DESK, "1920": WIDE} | ({"zoom": ZOOMED} if zoom else {})
        put = "(theme) => { document.documentElement.dataset.theme = theme }"
        was = self.page.evaluate("document.documentElement.dataset.theme")
        for theme in THEMES:
            self.page.evaluate(put, theme)
            for label, size in sizes.items():
                self.page.set_viewport_size(size)  # type: ignore[arg-type]  # Playwright's own dict type
                self.page.screenshot(path=folder / f"{self.watch.name}-{name}-{theme}-{label}.png")
        self.page.evaluate(put, was)
        self.page.set_viewport_size(DESK)  # type: ignore[arg-type]  # Playwright's own dict type


class Browsers:
    """Opens the machines of one journey and checks at its end that nothing went wrong on any."""

    def __init__(self, playwright: Playwright, shared: Chromium, centre: Centre, folder: Path) -> None:
        self._playwright = playwright
        self._shared = shared
        self._centre = centre
        self._folder = folder
        self._watches: list[Watch] = []
        self._addresses = 0

    def open(
        self,
        name: str,
        *,
        hand: Hand | None = None,
        record: str = "",
        workers: Literal["allow", "block"] = "block",
    ) -> Browser:
        """Open a fresh machine with its own address, cookies and storage."""
        self._addresses += 1
        context = self._shared.new_context(
            viewport=DESK,  # type: ignore[arg-type]  # Playwright's own dict type
            reduced_motion="reduce", extra_http_headers=self._headers(record), service_workers=workers,
        )  # fmt: skip
        return self.watched(context, name, hand)

    def open_machine(self, name: str, *, hand: Hand | None = None, record: str = "") -> Machine:
        """Open a machine whose profile is on disk, so that its browser can be killed and started again."""
        self._addresses += 1
        return Machine(self, name, self._folder / f"profile-{name}", hand, self._headers(record))

    def _headers(self, record: str) -> dict[str, str]:
        headers = {"X-Journey-Address": f"10.0.0.{self._addresses}"}
        return headers | ({"X-Journey-Record": record} if record else {})

    def launch(self, profile: Path, headers: dict[str, str]) -> BrowserContext:
        """Start a browser of its own on `profile`."""
        return self._playwright.chromium.launch_persistent_context(
            profile, executable_path=chromium_path(find_shell), args=ARGUMENTS, viewport=DESK,  # type: ignore[arg-type]  # Playwright's own dict type
            reduced_motion="reduce", extra_http_headers=headers, service_workers="block",
        )  # fmt: skip

    def watched(
        self, context: BrowserContext, name: str, hand: Hand | None, watch: Watch | None = None
    ) -> Browser:
        """Watch a context and put its clock to the server's time."""
        if watch is None:
            watch = Watch(name)
            self._watches.append(watch)
        watch.on(context)
        context.set_default_timeout(PATIENCE_MS)
        context.clock.install(time=self._centre.now())
        self._centre.contexts.append(context)
        return Browser(context, self._centre, watch, hand=hand or Mouse())

    def pages(self) -> str:
        """Return where each open page is and how its text begins: what a journey that failed was looking at."""
        told = []
        for page in (page for context in self._centre.contexts for page in context.pages):
            with contextlib.suppress(Exception):
                text = " ".join(
                    str(page.evaluate("(document.querySelector('main') ?? document.body).innerText")).split()
                )
                told.append(f"{page.url}\n  {text[:SHOWN]}")
        return "\n".join(told)

    def close(self) -> None:
        """Close what is open and tell what went wrong."""
        for context in self._centre.contexts:
            with contextlib.suppress(Exception):
                context.close()
        self._centre.contexts.clear()
        faults = [f"{watch.name}: {fault}" for watch in self._watches for fault in watch.faults()]
        assert not faults, "\n".join(faults)


class Machine:
    """A machine whose browser can die."""

    def __init__(
        self, browsers: Browsers, name: str, profile: Path, hand: Hand | None, headers: dict[str, str]
    ) -> None:
        self._browsers = browsers
        self._profile = profile
        self._headers = headers
        self._cookies: list[Any] = []
        self.browser = browsers.watched(browsers.launch(profile, headers), name, hand)

    def kill(self) -> None:
        """Kill the browser as a power cut would: nothing gets to run any more."""
        context = self.browser.context
        self._cookies = context.cookies()
        self.browser.centre.contexts.remove(context)
        for number in self._processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        with contextlib.suppress(Exception):
            context.close()

    def restart(self) -> None:
        """Start the browser again on what was on disk.

        Chromium writes cookies down within half a minute; a journey is faster than an exam, so they are
        put back where that had not happened yet.
        """
        for lock in self._profile.glob("Singleton*"):
            lock.unlink()
        watch, hand = self.browser.watch, self.browser.hand
        context = self._browsers.launch(self._profile, self._headers)
        context.add_cookies(self._cookies)
        self.browser = self._browsers.watched(context, watch.name, hand, watch)

    def _processes(self) -> list[int]:
        """The processes whose command line names this profile, the main one first."""
        found = []
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                words = (folder / "cmdline").read_bytes().split(b"\0")
                if f"--user-data-dir={self._profile}".encode() in words:
                    found.append(int(folder.name))
        return sorted(found)
