"""The line of every item, part and field of a text bank's file: the TOML reader gives none."""

from __future__ import annotations

import re
from collections.abc import Mapping

_HEADER = re.compile(r"^\s*\[\[?\s*([A-Za-z_.]+)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_-]+)\s*=")
_MULTILINE = ('"""', "'''")

Lines = Mapping[str, int]


def table_lines(text: str) -> list[tuple[str, dict[str, int]]]:
    """Return the tables of a file in order: the name of each and the line of its header ("") and keys."""
    tables: list[tuple[str, dict[str, int]]] = []
    inside = ""
    for number, line in enumerate(text.splitlines(), 1):
        if inside:
            inside = "" if inside in line else inside
        elif header := _HEADER.match(line):
            tables.append((header[1], {"": number}))
        elif tables and (key := _KEY.match(line)):
            tables[-1][1].setdefault(key[1], number)
            inside = next((mark for mark in _MULTILINE if line.count(mark) == 1), "")
    return tables


def item_lines(text: str) -> list[dict[str, int]]:
    """Return for each `[[item]]` the lines of its fields, those of its parts as `parts.2.answer`."""
    items: list[dict[str, int]] = []
    part = 0
    for name, lines in table_lines(text):
        if name == "item":
            items.append(lines)
            part = 0
        elif name == "item.part" and items:
            part += 1
            items[-1] |= {f"parts.{part}.{key}".rstrip("."): number for key, number in lines.items()}
    return items
