"""Makes sure that a Chromium is there: `python -m tests.browser` before the tests.

The system's is used when there is one, else Debian's package (as root), else Playwright's own download.
What could not be had is said aloud; the journeys then fail in CI and are skipped elsewhere.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

SHELL = "chromium-headless-shell"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str | None:
    """Return the path of a Chromium, or None; CBT_TEST_CHROMIUM names one."""
    named = os.environ.get("CBT_TEST_CHROMIUM")
    if named:
        return named
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return found
    return _playwrights_own()


def find_shell() -> str | None:
    """Return the path of a Chromium without a desktop's window, which takes a quarter less time, or else of any."""
    named = os.environ.get("CBT_TEST_CHROMIUM")
    return named or shutil.which(SHELL) or find_chromium()


def _playwrights_own() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def _install() -> None:
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-noto-cjk"]
        if subprocess.run(command, check=False).returncode == 0:
            return
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)


def main() -> None:
    """Find or install a Chromium and say which."""
    if find_chromium() is None:
        _install()
    found = find_chromium()
    print(f"Chromium: {found or 'MISSING - the browser journeys cannot run'}")


if __name__ == "__main__":
    main()
