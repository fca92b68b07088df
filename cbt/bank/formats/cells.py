"""What a cell of a sheet says, however it is written."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence


def plain(text: str) -> str:
    """Return a cell for reading codes: NFKC, capitals, no spaces."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).upper()


def scale_of(cell: str) -> int | None:
    """Return the 1 to 5 of a cell such as `3`, `3.0` or `3（中等）`, or None."""
    found = re.fullmatch(r"([1-5])(?:\.0+)?(?:\(.*\))?", plain(cell))
    return int(found[1]) if found else None


def blank_marks(stem: str, marks: re.Pattern[str]) -> tuple[str, int]:
    """Return the stem with its empty brackets as {{1}}, {{2}}, …, and how many there are."""
    pieces: Sequence[str] = marks.split(stem)
    numbered = [piece for n, text in enumerate(pieces, 1) for piece in (text, f"{{{{{n}}}}}")]
    return "".join(numbered[:-1]), len(pieces) - 1
