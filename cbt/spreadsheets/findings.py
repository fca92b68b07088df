"""What is found in a file that somebody brought: how severe, where, what the cell says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """错误 keeps its item (of a roster: the whole file) out, 自动修正 was done already, 提示 never blocks."""

    ERROR = "error"
    FIXED = "fixed"
    HINT = "hint"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something stands: a line of a text file, or a row of a sheet and the letter and header of a column."""

    file: str = ""
    sheet: str = ""
    line: int = 0
    column: str = ""
    header: str = field(default="", compare=False)

    def __str__(self) -> str:
        """Return `file:line`, or `file!sheet:E12` for a cell, as editors and spreadsheets write it."""
        if not self.sheet:
            return f"{self.file}:{self.line}" if self.line else self.file
        return f"{self.file}!{self.sheet}:{self.column}{self.line or ''}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know about a file; `code` names two catalogue entries, `item` the item it is about."""

    severity: Severity
    code: str
    place: Place
    value: str = ""
    item: str = ""
    params: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Note:
    """A finding as a person reads it: how severe, where, what stands there, why it matters, what to do."""

    severity: Severity
    severity_label: str
    place: Place
    value: str
    why: str
    fix: str


def counts(findings: list[Finding]) -> dict[Severity, int]:
    return {level: sum(found.severity is level for found in findings) for level in Severity}


def spans(lines: Iterable[int]) -> str:
    """Return the numbers of lines as people write them: `3–7, 12`."""
    ranges: list[list[int]] = []
    for line in sorted(set(lines)):
        if ranges and ranges[-1][1] == line - 1:
            ranges[-1][1] = line
        else:
            ranges.append([line, line])
    return ", ".join(f"{first}–{last}" if last > first else str(first) for first, last in ranges)
