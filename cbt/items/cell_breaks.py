"""Where the lines of a table's cells may break: between words of Chinese, as far as these are known.

A browser breaks Chinese after any character, so a narrow column reads 支持过/程. The pages that show items keep
a run of Chinese together (`word-break: keep-all`); here a run that is too long for its column gets places at which
it may break (`<wbr>`): after a particle where there is one, else after two characters, for most words have two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

LONGEST = 8
"""Characters of a run that are kept together where the table has the room."""
WIDTH = 36
"""Characters side by side that a table has room for on paper, and beside a case."""
_TABLE = re.compile(r"<table>.*?</table>", re.DOTALL)
_ROW = re.compile(r"<tr>(.*?)</tr>", re.DOTALL)
_CELL = re.compile(r"<(t[hd])>(.*?)</\1>", re.DOTALL)
_PIECE = re.compile(r"(<math\b.*?</math>|<[^>]*>)", re.DOTALL)
_RUN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+")
_PHRASES = re.compile(
    r"(?<=[的和或])|(?<=了)(?!解)|(?<=(?<!参)与)|(?<=及)(?![时格早])|(?<=(?<!合)并)|(?<=已)(?!经)"
)
_BREAK = "<wbr>"


def with_breaks(html: str) -> str:
    """Return safe HTML of ours with breaks in the cells of its tables."""
    return _TABLE.sub(lambda table: _broken(table[0]), html) if "<table>" in html else html


def _broken(table: str) -> str:
    rows = [[cell[2] for cell in _CELL.finditer(row[1])] for row in _ROW.finditer(table)]
    longest = next((most for most in range(LONGEST, 2, -1) if _width(rows, most) <= WIDTH), 2)

    def cell(found: re.Match[str]) -> str:
        parts = _PIECE.split(found[2])
        text = "".join(part if place % 2 else _RUN.sub(_parted, part) for place, part in enumerate(parts))
        return f"<{found[1]}>{text}</{found[1]}>"

    def _parted(run: re.Match[str]) -> str:
        return _BREAK.join(_words(run[0], longest))

    return _CELL.sub(cell, table)


def _width(rows: list[list[str]], longest: int) -> int:
    """Return how many characters the columns of a table are wide, side by side, at the least."""
    columns: dict[int, int] = {}
    for row in rows:
        for place, cell in enumerate(row):
            texts = _PIECE.split(cell)[::2]
            words = [word for text in texts for run in _RUN.findall(text) for word in _words(run, longest)]
            columns[place] = max([columns.get(place, 2), *map(len, words)])
    return sum(columns.values())


def _words(run: str, longest: int) -> Iterator[str]:
    """Yield what is kept together of a run of Chinese: all of it, what its particles part, else two by two."""
    if len(run) <= longest:
        yield run
        return
    for phrase in filter(None, _PHRASES.split(run)):
        if len(phrase) <= longest:
            yield phrase
        else:
            # What is left over of an odd number stays with the last two.
            ends = [*range(2, len(phrase) - 1, 2), len(phrase)]
            yield from (phrase[start:end] for start, end in zip([0, *ends], ends, strict=False))
