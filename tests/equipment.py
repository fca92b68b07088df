"""`python -m tests.equipment` gets what the tests need and can be had here, and says what cannot be tried."""

from __future__ import annotations

import shutil

from tests import browser
from tests.databases import find_binaries

NEEDED = {
    "pdftotext": "poppler-utils: nothing printed is looked at",
    "promtool": "promtool: alert rules are judged by the tests' own reading of them alone",
}
"""Programs of the system's, and what is left out without them."""


def lacking() -> list[str]:
    """Return one line for everything that cannot be tried on this machine."""
    lines = [] if browser.find_chromium() else ["Chromium: no page is opened in a browser"]
    if find_binaries() is None:
        lines.append("PostgreSQL: every test runs on the embedded database alone")
    lines += [what for program, what in NEEDED.items() if shutil.which(program) is None]
    return lines


def main() -> None:
    """Find or install a browser, then say what is missing."""
    browser.main()
    for line in lacking():
        print(f"MISSING  {line}")


if __name__ == "__main__":
    main()
