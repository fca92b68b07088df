"""Columns of a terminal, where a Chinese character takes two."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

Row = Sequence[str]
_NOT_FIRST = frozenset("，。；：、！？）》】”’…,.;:!?)")
"""What must not stand at the beginning of a line."""


def width(text: str) -> int:
    """Return how many columns a terminal gives `text`: wide characters take two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def align(rows: Sequence[Row], right: frozenset[int] = frozenset()) -> list[str]:
    """Return the rows as lines with columns two spaces apart; the columns of `right` end together."""
    if not rows:
        return []
    widths = [max(width(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            _pad(cell, widths[column], right=column in right) for column, cell in enumerate(row)
        ).rstrip()
        for row in rows
    ]


def _pad(cell: str, target: int, *, right: bool) -> str:
    space = " " * (target - width(cell))
    return space + cell if right else cell + space


def fold(text: str, columns: int) -> list[str]:
    """Return `text` as lines of at most `columns`: broken at spaces and between Chinese characters."""
    lines, line = [], ""
    for piece in _pieces(text):
        if line and width(line + piece.rstrip()) > columns:
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
    return [*lines, line.rstrip()]


def _pieces(text: str) -> Iterator[str]:
    """Yield what stays together: a word and the space after it, a wide character, each with its closing mark."""
    piece = ""
    for char in text:
        wide = unicodedata.east_asian_width(char) in "WF"
        after = piece[-1:]
        parts = after == " " or wide or (after != "" and unicodedata.east_asian_width(after) in "WF")
        if piece and parts and char not in _NOT_FIRST and char != " ":
            yield piece
            piece = ""
        piece += char
    yield piece
