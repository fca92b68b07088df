"""Keeps every browser busy, whatever happens to the server."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from torture.browsers.client import Browser
from torture.sites.waiting import PATIENCE_SECONDS, wait_for


class Load:
    """One thread per browser; each does its next exchange `pause` seconds after the last."""

    def __init__(self, browsers: Sequence[Browser], *, pause: float) -> None:
        self.browsers = browsers
        self._pause = pause
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(browser,), daemon=True) for browser in browsers
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def _run(self, browser: Browser) -> None:
        while not browser.over and not self._stop.is_set():
            wait = browser.step()
            self._stop.wait(max(wait, self._pause))

    @property
    def saved(self) -> int:
        """Return how many entries were acknowledged so far."""
        return self.browsers[0].ledger.acknowledgements

    def wait_for_saves(self, count: int, seconds: float = PATIENCE_SECONDS) -> bool:
        """Wait until `count` more entries were acknowledged; return whether they were."""
        goal = self.saved + count
        return wait_for(lambda: self.saved >= goal, seconds)

    def hand_in(self, browsers: Sequence[Browser], seconds: float = PATIENCE_SECONDS) -> bool:
        """Let these hand in once everything of theirs is delivered; return whether all got their receipt."""
        for browser in browsers:
            browser.closing = True
        return wait_for(lambda: all(browser.over for browser in browsers), seconds)

    def stop(self) -> None:
        """Let each browser end its exchange, and stop."""
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)
        for browser in self.browsers:
            browser.hang_up()
