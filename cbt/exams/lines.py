"""Where a key stands in a TOML file: the standard reader gives no line numbers, this scanner does."""

from __future__ import annotations

import re

from cbt.rules.exam.blueprint import Flaw, Path

_NAME = r"(?:[A-Za-z0-9_-]+|\"[^\"]*\")"
# A header begins with a bare name: a row of an array, such as ["甲"], stands alone on a line as well.
_HEADER = re.compile(rf"^\s*(\[\[?)\s*([A-Za-z_][A-Za-z0-9_-]*(?:\s*\.\s*{_NAME})*)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_-]+|\"[^\"]*\")\s*=")
_TOML_LINE = re.compile(r"at line (\d+)")
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
                counts = {other: last for other, last in counts.items() if not _is_below(other, names)}
            table = _placed(names, counts)
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault((*table, key[1].strip('"')), number)
            inside = next((mark for mark in _QUOTES if line.count(mark) == 1), "")
    return lines


def line_of(found: Flaw, text: str, lines: dict[Path, int]) -> int:
    """Return the line of a finding in a text with these lines; one that cannot be read says its line itself."""
    if found.code == "blueprint.unreadable":
        place = _TOML_LINE.search(str(found.params["detail"]))
        return int(place[1]) if place else max(1, len(text.splitlines()))
    return line_at(lines, found.path)


def line_at(lines: dict[Path, int], path: Path) -> int:
    """Return the line of `path`, or of the nearest thing around it; 1 when nothing around it is written.

    An array of tables stands where its first table does.
    """
    while path:
        for place in (path, (*path, 0)):
            if place in lines:
                return lines[place]
        path = path[:-1]
    return 1


def _is_below(names: tuple[str, ...], above: tuple[str, ...]) -> bool:
    """Say whether one array of tables stands in a row of another; in each next row it is counted anew."""
    return len(names) > len(above) and names[: len(above)] == above


def _placed(names: tuple[str, ...], counts: dict[tuple[str, ...], int]) -> Path:
    placed: Path = ()
    for length, name in enumerate(names, 1):
        placed = (*placed, name)
        if names[:length] in counts:
            placed = (*placed, counts[names[:length]])
    return placed
