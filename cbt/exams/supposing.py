"""What is wrong with a blueprint beside what could not be read: its rules are asked as well.

Where a key cannot be read, two different values are supposed for it, one after the other. What is found with both
of them, in the same words, holds whatever the key is meant to say; all else is left unsaid.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from cbt.exams import spec
from cbt.exams.keys import SCHEMA_VERSION, Field, KeyKind, Table
from cbt.rules.exam.blueprint import Flaw, Path

SUPPOSED = (7, 11)

Read = Callable[[Table], list[Flaw] | None]
Shape = Field | str | None
"""What stands at a path: a key, "table", "rows", or nothing that is known."""


def flaws_beside(data: Table, unread: list[Flaw], rules: Read) -> list[Flaw]:
    """Return what the `rules` find in `data` whatever its unread keys say; None of theirs is nothing to say."""
    try:
        first, second = (rules(_mended(data, unread, size)) for size in SUPPOSED)
    except RecursionError:  # tables within tables without end are told as what they are: keys there are not
        return []
    if first is None or second is None:
        return []
    papers = any(flaw.path[:1] == ("papers",) and len(flaw.path) <= 2 for flaw in unread)
    return [flaw for flaw in first if flaw in second and not (papers and flaw.path == ("papers",))]


def _mended(data: Table, unread: list[Flaw], size: int) -> dict[str, Any]:
    mended: dict[str, Any] = copy.deepcopy(dict(data))
    for flaw in unread:
        around, key = _holder(mended, flaw.path), flaw.path[-1] if flaw.path else ""
        if around is None or not isinstance(key, str):
            continue
        shape = shape_at(flaw.path)
        if shape is None:
            around.pop(key, None)
            near = str(flaw.params.get("near", ""))
            # A key that is only misspelt says something nobody could read.
            meant = shape_at((*flaw.path[:-1], near))
            if flaw.code == "blueprint.key_unknown" and meant is not None and near not in around:
                around[near] = _value(meant, (*flaw.path[:-1], near), size)
        else:
            around[key] = _value(shape, flaw.path, size)
    return mended


def _holder(data: dict[str, Any], path: Path) -> dict[str, Any] | None:
    """Return the table in which the key at the end of a path stands; None where there is none."""
    here: Any = data
    for step in path[:-1]:
        try:
            here = here[step]
        except (KeyError, IndexError, TypeError):
            return None
    return here if isinstance(here, dict) else None


def shape_at(path: Path) -> Shape:
    """Return what a blueprint has at a path."""
    match path:
        case (str(key),):
            return _kind_at_top(key) or _field(spec.TOP, key)
        case ("papers", _):
            return None
        case ("papers", _, str(key)):
            kinds = {**dict.fromkeys(spec.PAPER_TABLES, "table"), **dict.fromkeys(spec.PAPER_LISTS, "rows")}
            return kinds.get(key) or _field(spec.PAPER, key)
        case ("papers", _, str(table), str(key)):
            return _field(spec.PAPER_TABLES.get(table, ()), key)
        case ("papers", _, str(rows), int(), str(key)):
            return _field(spec.PAPER_LISTS.get(rows, ()), key)
        case (str(rows), int(), str(key)):
            return _field(spec.LISTS.get(rows, ()), key)
        case (str(table), str(key)):
            return _field(spec.TABLES.get(table, ()), key)
    return None


def _kind_at_top(key: str) -> str:
    if key in (*spec.TABLES, "papers"):
        return "table"
    return "rows" if key in spec.LISTS else ""


def _field(fields: tuple[Field, ...], key: str) -> Field | None:
    return next((field for field in fields if field.key == key), None)


def _value(shape: Shape, path: Path, size: int) -> object:
    if isinstance(shape, Field):
        return _of_kind(shape, size)
    key = str(path[-1])
    if shape == "rows":
        return [_table({**spec.LISTS, **spec.PAPER_LISTS}[key], size)]
    fields = spec.TABLES.get(key) or spec.PAPER_TABLES.get(key, ())
    return _table(fields, size)


def _table(fields: tuple[Field, ...], size: int) -> dict[str, object]:
    return {field.key: _of_kind(field, size) for field in fields}


def _of_kind(field: Field, size: int) -> object:
    if field.key == "schema":
        return SCHEMA_VERSION
    values: Mapping[KeyKind, object] = {
        KeyKind.TEXT: field.allowed[size % len(field.allowed)] if field.allowed else f"x{size}",
        KeyKind.TEXTS: list(field.allowed[:1]) or [f"x{size}"],
        KeyKind.WHOLES: [1, 2, 4, 2, 1],
        KeyKind.SWITCH: size == SUPPOSED[0],
        KeyKind.MINUTES_LIST: [],
        KeyKind.CREDITS: {},
    }
    return values.get(field.kind, size)
