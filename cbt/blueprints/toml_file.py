"""The keys of a TOML file that a centre edits: what each may hold, how it is read, on which line it is.

One table of keys serves the reader of a file and its JSON Schema, so that the two cannot differ.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

from cbt.rules.exam import Flaw, Path
from cbt.rules.items.content import ItemType, PartialCredit
from cbt.rules.items.inputs import number as item_number

Table = Mapping[str, Any]

LONGEST = timedelta(days=1)
"""Spans of a blueprint are minutes and seconds of one sitting; a longer one is a slip of the pen."""


class KeyKind(StrEnum):
    """What a key holds."""

    TEXT = "text"
    TEXTS = "texts"
    WHOLE = "whole"
    WHOLES = "wholes"
    DAYS = "days"
    POINTS = "points"
    MONEY = "money"
    SWITCH = "switch"
    MINUTES = "minutes"
    MINUTES_LIST = "minutes_list"
    SECONDS = "seconds"
    CREDITS = "credits"


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a table: `key` in the file, `name` in the value it becomes."""

    key: str
    kind: KeyKind
    note: str
    name: str = ""
    required: bool = False
    allowed: tuple[str, ...] = ()

    @property
    def target(self) -> str:
        return self.name or self.key


def needed(key: str, kind: KeyKind, note: str, name: str = "", allowed: tuple[str, ...] = ()) -> Field:
    return Field(key, kind, note, name=name, required=True, allowed=allowed)


SCHEMA_VERSION = 1
SCHEMA = needed("schema", KeyKind.WHOLE, "本文件格式的版本，目前为 1")


def check_version(values: Mapping[str, Any], findings: list[Flaw]) -> None:
    if values.get("schema", SCHEMA_VERSION) != SCHEMA_VERSION:
        params = {"value": values["schema"], "known": SCHEMA_VERSION}
        findings.append(Flaw(("schema",), "blueprint.schema", params))


def parse(text: str) -> tuple[Table | None, list[Flaw]]:
    try:
        return tomllib.loads(text, parse_float=Decimal), []
    except (ValueError, RecursionError) as error:  # 5,000 digits, or brackets, are no TOML error
        return None, [Flaw((), "blueprint.unreadable", {"detail": str(error)})]


def read_table(data: Table, name: str, path: Path, findings: list[Flaw], *, required: bool = False) -> Table:
    """Return a table of a table; what is none, or missing where it is required, becomes a finding."""
    value = data.get(name)
    if isinstance(value, Mapping):
        return value
    if value is not None:
        findings.append(wrong_value((*path, name), value, "table"))
    elif required:
        findings.append(Flaw((*path, name), "blueprint.key_missing", {"key": name}))
    return {}


def read_rows(data: Table, name: str, path: Path, findings: list[Flaw]) -> Sequence[Table]:
    """Return an array of tables, empty where it is not written; anything else becomes a finding."""
    value = data.get(name, [])
    if isinstance(value, list) and all(isinstance(row, Mapping) for row in value):
        return value
    findings.append(wrong_value((*path, name), value, "tables"))
    return []


def read_values(
    data: Table,
    fields: tuple[Field, ...],
    path: Path,
    findings: list[Flaw],
    tables: Sequence[str] = (),
) -> dict[str, Any]:
    """Read the keys of one table; every unknown, missing or unreadable key becomes a finding."""
    by_key = {field.key: field for field in fields}
    for key in data:
        if key not in by_key and key not in tables:
            near = get_close_matches(key, [*by_key, *tables], n=1)
            params = {"key": key, "near": near[0] if near else ", ".join(by_key)}
            findings.append(Flaw((*path, key), "blueprint.key_unknown", params))
    values: dict[str, Any] = {}
    for key, field in by_key.items():
        if key not in data:
            if field.required:
                findings.append(Flaw((*path, key), "blueprint.key_missing", {"key": key}))
            continue
        value = _READERS[field.kind](data[key])
        if value is None:
            findings.append(wrong_value((*path, key), data[key], field.kind.value))
        elif outside := _outside(value, field):
            params = {"value": outside, "allowed": ", ".join(field.allowed)}
            findings.append(Flaw((*path, key), "blueprint.value_unknown", params))
        else:
            values[field.target] = value
    return values


def _outside(value: object, field: Field) -> str:
    """Return the value that is none of the allowed ones, or ""."""
    if not field.allowed or field.kind is KeyKind.CREDITS:
        return ""
    values = value if isinstance(value, tuple) else (value,)
    return next((str(entry) for entry in values if entry not in field.allowed), "")


def wrong_value(path: Path, value: object, kind: str) -> Flaw:
    return Flaw(path, "blueprint.value_type", {"key": path[-1], "value": value, "kind": kind})


def _text(value: object) -> str | None:
    return value.strip() if isinstance(value, str) and value.strip() else None


def _texts(value: object) -> tuple[str, ...] | None:
    return _tuple(value, _text)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _points(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return item_number(value)


def _money(value: object) -> int | None:
    """Return an amount of 元 in 分; what is a part of one cannot be paid."""
    amount = _points(value)
    return int(amount * 100) if amount is not None and amount * 100 == int(amount * 100) else None


def _switch(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _minutes(value: object) -> timedelta | None:
    return _span(value, timedelta(minutes=1))


def _seconds(value: object) -> timedelta | None:
    return _span(value, timedelta(seconds=1))


def _span(value: object, unit: timedelta) -> timedelta | None:
    amount = _points(value)
    return unit * float(amount) if amount is not None and abs(amount) < LONGEST / unit else None


def _credits(value: object) -> dict[ItemType, PartialCredit] | None:
    if not isinstance(value, Mapping):
        return None
    try:
        return {ItemType(kind): PartialCredit(credit) for kind, credit in value.items()}
    except ValueError:
        return None


def _tuple(value: object, read_one: Callable[[object], Any]) -> tuple[Any, ...] | None:
    if not isinstance(value, list):
        return None
    entries = tuple(read_one(entry) for entry in value)
    return None if None in entries else entries


_READERS: Mapping[KeyKind, Callable[[object], Any]] = {
    KeyKind.TEXT: _text,
    KeyKind.TEXTS: _texts,
    KeyKind.WHOLE: _whole,
    KeyKind.DAYS: _whole,
    KeyKind.WHOLES: lambda value: _tuple(value, _whole),
    KeyKind.POINTS: _points,
    KeyKind.MONEY: _money,
    KeyKind.SWITCH: _switch,
    KeyKind.MINUTES: _minutes,
    KeyKind.MINUTES_LIST: lambda value: _tuple(value, _minutes),
    KeyKind.SECONDS: _seconds,
    KeyKind.CREDITS: _credits,
}


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


def line_of(flaw: Flaw, text: str, lines: dict[Path, int]) -> int:
    """Return the line of a finding in a text with these lines; one that cannot be read says its line itself."""
    if flaw.code == "blueprint.unreadable":
        place = _TOML_LINE.search(str(flaw.params["detail"]))
        return int(place[1]) if place else max(1, len(text.splitlines()))
    return line_at(lines, flaw.path)


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
