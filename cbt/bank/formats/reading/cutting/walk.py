"""What a walk over the lines of a document knows: where numbers stand, and what is under way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from cbt.bank.formats.reading.choices import begins_choice, last_letter
from cbt.bank.formats.reading.cutting.headings import SectionHeading, heading_of
from cbt.bank.formats.reading.cutting.numbers import start_of, style_of
from cbt.bank.formats.reading.cutting.parts import FoundQuestion, FoundSection, KeyGroup, Parts
from cbt.bank.formats.reading.lines import Line


class Walk:
    """The state of one walk; `parts` is what comes of it."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.lines = [line for line in lines if line.text or line.pictures or line.formulas]
        self._spaced = _after_blank(lines)
        self.headings = [heading_of(line) for line in self.lines]
        self.styles = _styles(self.lines, self.headings)
        self.starts = [
            start_of(line.text, style) if style else None
            for line, style in zip(self.lines, self.styles, strict=True)
        ]
        self.starts = [None if self._is_choice(place) else start for place, start in enumerate(self.starts)]
        self._following = [place for place, start in enumerate(self.starts) if start]
        self._cursor = 0
        self.section = FoundSection("")
        self.parts = Parts([self.section], [])
        self.question: FoundQuestion | None = None
        self.group: KeyGroup | None = None
        self._open: list[Line] | None = None
        self._last = self._listed = 0
        self._kind = ""
        self._unclosed = False
        self._beside = ""
        self._alone_last = False
        self._material = ""
        self._style = ""
        self._short: list[Line] | None = None
        self._numbers: list[int] | None = None

    def _is_choice(self, place: int) -> bool:
        """Say whether what looks like a key before a number (`（D）1.5`) is a choice among its like."""
        start = self.starts[place]
        if start is None or not start.led:
            return False
        text = self.lines[place].text
        letter = begins_choice(text)
        for near, step, side in ((place - 1, -1, last_letter), (place + 1, 1, begins_choice)):
            if (
                letter
                and 0 <= near < len(self.lines)
                and side(self.lines[near].text) == chr(ord(letter) + step)
            ):
                beside = self.starts[near]
                counts_on = beside is not None and beside.number - step == start.number
                return not counts_on or text[start.at : start.at + 1].isdigit()
        return False

    def _after(self, place: int) -> Iterator[int]:
        """Yield the numbers that follow."""
        while self._cursor < len(self._following) and self._following[self._cursor] <= place:
            self._cursor += 1
        for one in range(self._cursor, len(self._following)):
            if (start := self.starts[self._following[one]]) is not None:
                yield start.number

    def _end_question(self) -> None:
        self.question = self._open = None
        self._listed = 0


def _after_blank(lines: Sequence[Line]) -> set[int]:
    """Return the places, among the lines that say something, of those after an empty one; none where few are."""
    found, count, empty = set(), 0, True
    for line in lines:
        if line.text or line.pictures or line.formulas:
            if empty:
                found.add(count)
            count, empty = count + 1, False
        else:
            empty = True
    return found if len(found) > 1 else set()


def _styles(lines: Sequence[Line], headings: Sequence[SectionHeading | None]) -> list[str]:
    """Return for each line the way its section numbers questions, "" where it does not."""
    usual = style_of(lines)
    cuts = [0, *(place for place, heading in enumerate(headings) if heading and place), len(lines)]
    styles: list[str] = []
    for start, end in pairwise(cuts):
        styles += [style_of(lines[start:end], usual=usual) or usual] * (end - start)
    return styles
