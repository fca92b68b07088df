"""Where a key stands in a TOML file: the standard reader gives no line numbers, this scanner does."""

from __future__ import annotations

import re

from cbt.rules.exam.blueprint import Path

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_-]+|\"[^\"]*\")\s*=")
_QUOTES = ('"""', "'''")


def lines_of(text: str) -> dict[Path, int]:
    """Return the line (from 1) of every table header and key of a TOML text that can be read.

    A path is the keys and the 0-based places in arrays of tables, as in `("papers", "skills", "units", 2)`.
    """
    lines: dict[Path, int] = {}
    counts: dict[tuple[str, ...], int] = {}
    table: Path = ()
    inside = ""
    for number, line in enumerate(text.splitlines(), 1):
        if inside:
            inside = "" if inside in line else inside
            continue
        if header := _HEADER.match(line):
            names = tuple(name.strip().strip('"') for name in header[2].split("."))
            if header[1] == "[[":
                counts[names] = counts.get(names, -1) + 1
            table = _placed(names, counts)
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault((*table, key[1].strip('"')), number)
            inside = next((mark for mark in _QUOTES if line.count(mark) == 1), "")
    return lines


def line_at(lines: dict[Path, int], path: Path) -> int:
    """Return the line of `path`, or of the nearest thing around it; 1 when nothing around it is written."""
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return 1


def _placed(names: tuple[str, ...], counts: dict[tuple[str, ...], int]) -> Path:
    placed: Path = ()
    for length, name in enumerate(names, 1):
        placed = (*placed, name)
        if names[:length] in counts:
            placed = (*placed, counts[names[:length]])
    return placed
