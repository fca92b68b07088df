"""The line of every item, part and field of a text bank's files."""

from __future__ import annotations

from collections.abc import Sequence

from cbt.exams.lines import lines_of


def row_lines(text: str, name: str) -> list[int]:
    """Return the line of each `[[name]]`."""
    return [line for path, line in lines_of(text).items() if len(path) == 2 and _is_row(path, name)]


def item_lines(text: str) -> list[dict[str, int]]:
    """Return for each `[[item]]` its line ("") and those of its fields, of its parts as `parts.2.answer`."""
    items: dict[int | str, dict[str, int]] = {}
    for path, line in lines_of(text).items():
        if _is_row(path, "item"):
            items.setdefault(path[1], {})[_field(path[2:])] = line
    return list(items.values())


def _is_row(path: Sequence[int | str], name: str) -> bool:
    return len(path) > 1 and path[0] == name and isinstance(path[1], int)


def _field(path: Sequence[int | str]) -> str:
    if len(path) > 1 and path[0] == "part" and isinstance(path[1], int):
        path = ("parts", path[1] + 1, *path[2:])
    return ".".join(map(str, path))
