"""What pages that show a room in one way have been sent, part by part, each with the version in which it changed.

A page names the version it shows and gets the parts that are newer. A version is this process's own: a page that
comes with another's gets everything.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass, field

MOST_SHEETS = 512
Numbers = tuple[int, int | None, int | None]
"""Of a seat: how many are answered, when its page was heard and when it saved (whole seconds), None for never."""
Draw = Callable[[Collection[str]], Mapping[str, str]]
"""Draws the parts of these names."""
Parts = Callable[[], tuple[object, Mapping[str, object]]]
"""Says which parts there are and how they stand (the frame), and what each of them shows."""


@dataclass(slots=True)
class BoardPart:
    """One element of the page: what it was drawn of, what was drawn, since which version."""

    drawn_of: object
    html: str
    version: int


@dataclass(slots=True)
class Changes:
    """What is newer than a version: parts, and the numbers of those that are seats, each by its name."""

    parts: dict[str, str]
    numbers: dict[str, Numbers]


@dataclass(slots=True, eq=False)
class Sheet:
    """A room as one kind of page shows it; whoever brings it up to date holds its lock."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    name: str = field(default_factory=lambda: secrets.token_hex(6))
    version: int = 0
    parts: dict[str, BoardPart] = field(default_factory=dict)
    numbers: dict[str, tuple[Numbers, int]] = field(default_factory=dict)
    _of: object = None
    _frame: object = None
    _framed: int = 0
    """Since which version the parts stand as they do: an older page is sent everything."""

    @property
    def tag(self) -> str:
        """What a page says it shows."""
        return f"{self.name}-{self.version}"

    def bring(self, of: object, numbers: Mapping[str, Numbers], parts: Parts, draw: Draw | None) -> bool:
        """Bring it up to date: where `of`, all that its `parts` show, is what it was, nothing but numbers differs.

        Return whether it is: without `draw` it stays as it was where a part has to be drawn.
        """
        frame, wanted = (self._frame, {}) if of == self._of else parts()
        stale = [
            name
            for name, shown in wanted.items()
            if name not in self.parts or self.parts[name].drawn_of != shown
        ]
        if stale and draw is None:
            return False
        drawn = draw(stale) if stale and draw is not None else {}
        newer = {
            name: values
            for name, values in numbers.items()
            if name not in self.numbers or self.numbers[name][0] != values
        }
        self.version += bool(stale or newer or frame != self._frame)
        if frame != self._frame:
            self._frame, self._framed = frame, self.version
            self.parts = {name: part for name, part in self.parts.items() if name in wanted}
            self.numbers = {name: one for name, one in self.numbers.items() if name in numbers}
        for name in stale:
            self.parts[name] = BoardPart(wanted[name], drawn[name], self.version)
        for name, values in newer.items():
            self.numbers[name] = (values, self.version)
        self._of = of
        return True

    def since(self, tag: str) -> Changes | None:
        """Return what a page lacks that shows `tag`; None when it needs everything."""
        name, _, version = tag.partition("-")
        if name != self.name or not version.isdigit() or not self._framed <= int(version) <= self.version:
            return None
        seen = int(version)
        parts = {name: part.html for name, part in self.parts.items() if part.version > seen}
        return Changes(
            parts,
            # A seat that is drawn anew lacks its numbers.
            {name: values for name, (values, of) in self.numbers.items() if of > seen or name in parts},
        )


class Sheets:
    """The sheets of a process: those asked for last."""

    def __init__(self, most: int = MOST_SHEETS) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: dict[Hashable, Sheet] = {}

    def of(self, way: Hashable) -> Sheet:
        """Return the sheet of a way to show a room."""
        with self._lock:
            sheet = self._kept.pop(way, None) or Sheet()
            self._kept[way] = sheet
            while len(self._kept) > self._most:
                self._kept.pop(next(iter(self._kept)))
            return sheet
