"""Pages held to WCAG 2.2 AA by axe: each structure and each colour on its ground once in a run.

axe takes longer for a page than the page itself does, and most of what a journey passes was judged before: the
other language, the next seat, a dialog over the same board. A page whose structure axe has judged and found right
is not given to it again, and of its colours only those that are new are. What the journeys of one process have
found right those of the others do not ask again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import FloatRect, Page

_HERE = Path(__file__).parent
AXE = _HERE / "vendor" / "axe.min.js"
_SHAPE = (_HERE / "looks.js").read_text("utf-8")
_JUDGING = (_HERE / "judging.js").read_text("utf-8")
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_COLOURS = ["color-contrast", "link-in-text-block"]
THEMES = ("dark", "light")
"""A theme changes colours and nothing else: the structure is judged in the last one."""


class Right:
    """Structures (with the window they were seen in) and colours that axe found nothing wrong with.

    Kept in a file that all processes of a run add to, whole lines at once, as soon as they share one.
    """

    def __init__(self) -> None:
        self._file: Path | None = None
        self._read = 0
        self._known: set[str] = set()

    def share(self, file: Path) -> None:
        """Keep in `file` what is found right from now on, and take from it what others found."""
        self._file, self._read = file, 0

    def lacks(self, keys: Iterable[str]) -> list[str]:
        """Return those that nobody has found right yet."""
        asked = list(keys)
        if self._file is not None and self._file.exists():
            with self._file.open("rb") as file:
                file.seek(self._read)
                told = file.read()
            told = told[: told.rfind(b"\n") + 1]  # another may be writing
            self._read += len(told)
            self._known.update(told.decode("ascii").split())
        return [key for key in asked if key not in self._known]

    def add(self, keys: Iterable[str]) -> None:
        """Keep what was found right."""
        found = set(keys) - self._known
        self._known |= found
        if self._file is not None and found:
            with self._file.open("ab", buffering=0) as file:
                file.write("".join(f"{key}\n" for key in found).encode("ascii"))


right = Right()


def violations(page: Page) -> Iterator[tuple[str, str]]:
    """Tell what axe finds wrong, each with the theme that it was found in."""
    shape: dict[str, Any] = page.evaluate(_SHAPE, THEMES)
    size = page.viewport_size or {"width": 0, "height": 0}
    structure = f"{shape['structure']}:{size['width']}x{size['height']}"
    asked = {
        theme: {
            "structure": theme == THEMES[-1] and bool(right.lacks([structure])),
            "colours": [int(key) for key in right.lacks(map(str, shape["colours"][theme]))],
        }
        for theme in THEMES
    }
    asked = {theme: one for theme, one in asked.items() if one["structure"] or one["colours"]}
    if not asked:
        return
    _bring_axe(page)
    verdicts: dict[str, dict[str, Any]] = page.evaluate(_JUDGING, [_TAGS, _COLOURS, asked])
    for theme, found in verdicts.items():
        yield from ((theme, one) for one in [*found["structure"], *found["colours"]])
        if asked[theme]["structure"] and not found["structure"]:
            right.add([structure])
        if not found["colours"]:
            right.add(map(str, found["sure"]))


def _bring_axe(page: Page) -> None:
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text("utf-8") + ";null")


def apart(one: FloatRect, other: FloatRect) -> bool:
    """Return whether two boxes have no point in common."""
    return any(
        low[side] + low[span] <= high[side]
        for side, span in (("x", "width"), ("y", "height"))
        for low, high in ((one, other), (other, one))
    )
