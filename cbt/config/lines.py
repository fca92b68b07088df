"""A settings file: `KEY=value` lines, read as systemd's `EnvironmentFile=` reads them, or refused.

What two readers could take differently (a comment behind a value, a quote in the middle, a backslash without
quotes, a name that stands twice) is refused with its line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from cbt.errors import InvalidInput

_LINE = re.compile(r"\s*([^\s=]+)\s*=\s*(.*?)\s*")
_SINGLE = re.compile(r"'([^']*)'")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r'\\(["\\`$])')
_NEEDS_QUOTES = re.compile(r"[\"'\\]|\s[#;]")


@dataclass(frozen=True, slots=True)
class SettingsLine:
    """A value, and the number of the line it stands on."""

    value: str
    line: int


def read_lines(text: str, path: Path) -> dict[str, SettingsLine]:
    """Return the entries of a settings file by their names.

    Raise InvalidInput naming file and line when a line cannot be read in one way only.
    """
    found: dict[str, SettingsLine] = {}
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), start=1):
        if not line.strip() or line.lstrip().startswith(("#", ";")):
            continue
        where = f"{path}:{number}"
        matched = _LINE.fullmatch(line)
        if matched is None:
            raise InvalidInput("config.line", where=where)
        name, value = matched.groups()
        if name in found:
            raise InvalidInput("config.twice", where=where, name=name, line=found[name].line)
        found[name] = SettingsLine(_unquoted(value, name, where), number)
    return found


def quoted(value: str) -> str:
    """Return `value` as a settings file holds it: `read_lines` gives it back, systemd too."""
    if not _NEEDS_QUOTES.search(value) and value == value.strip():
        return value
    if "'" not in value:
        return f"'{value}'"
    return '"' + re.sub(r'(["\\`$])', r"\\\1", value) + '"'


def _unquoted(raw: str, name: str, where: str) -> str:
    if any(not character.isprintable() for character in raw):
        raise InvalidInput("config.control", where=where, name=name)
    if single := _SINGLE.fullmatch(raw):
        return single[1]
    if double := _DOUBLE.fullmatch(raw):
        return _ESCAPE.sub(r"\1", double[1])
    if _NEEDS_QUOTES.search(raw):
        raise InvalidInput("config.quotes", where=where, name=name)
    return raw
