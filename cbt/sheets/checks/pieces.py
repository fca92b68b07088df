"""Lines in pieces that are sealed one by one: a page opens the lines it shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from cbt.sheets.findings import Finding, Place, Severity, spans

BLOCK = 50
"""So many lines make a piece, and a page."""
T = TypeVar("T")
_WORST = (Severity.ERROR, Severity.HINT, Severity.FIXED)
_PLACE = frozenset(Place.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Lines that lie together: the first, and how many."""

    start: int
    count: int


@dataclass(frozen=True, slots=True)
class FindingKind:
    """Findings of one kind, the first of them, and where they lie; `rows` are their lines, sheet by sheet."""

    severity: Severity
    code: str
    lines: Stretch
    first: Finding
    rows: list[tuple[str, str]] = field(default_factory=list)


def by_kind(found: Sequence[Finding]) -> tuple[list[Finding], list[FindingKind]]:
    """Return findings in the order in which they are kept, the worst first, and which kinds lie where."""
    of_kind: dict[tuple[Severity, str], list[Finding]] = {}
    for one in found:
        of_kind.setdefault((one.severity, one.code), []).append(one)
    findings: list[Finding] = []
    kinds = []
    for severity, code in sorted(
        of_kind, key=lambda kind: (_WORST.index(kind[0]), -len(of_kind[kind]), kind[1])
    ):
        own = of_kind[severity, code]
        kinds.append(FindingKind(severity, code, Stretch(len(findings), len(own)), own[0], rows_of(own)))
        findings += own
    return findings, kinds


def rows_of(found: Sequence[Finding]) -> list[tuple[str, str]]:
    """Return the sheets of findings and, of each, the lines they stand in, as `spans` says them."""
    sheets: dict[str, list[int]] = {}
    for one in found:
        if one.place.line:
            sheets.setdefault(one.place.sheet, []).append(one.place.line)
    return [(sheet, spans(lines)) for sheet, lines in sheets.items()]


def shown(kinds: Sequence[FindingKind], name: str) -> Stretch:
    """Return where the findings of a kind, or of a severity, or ("") all of them lie."""
    own = [kind for kind in kinds if name in ("", kind.severity, kind.code)]
    if not own:
        return Stretch(0, 0)
    return Stretch(own[0].lines.start, sum(kind.lines.count for kind in own))


def blocks(lines: Sequence[T]) -> Iterator[tuple[int, Sequence[T]]]:
    """Yield the pieces of lines with their numbers."""
    for number, start in enumerate(range(0, len(lines), BLOCK)):
        yield number, lines[start : start + BLOCK]


def page_of(lines: Stretch, page: int, piece: Callable[[int], Sequence[T]], size: int = BLOCK) -> list[T]:
    """Return the lines of one page (from 1) of a stretch; `piece` gives the lines of a piece."""
    first = lines.start + (page - 1) * size
    last = min(first + size, lines.start + lines.count)
    if first >= last:
        return []
    numbers = range(first // BLOCK, (last - 1) // BLOCK + 1)
    found = [line for number in numbers for line in piece(number)]
    skip = first - numbers.start * BLOCK
    return found[skip : skip + last - first]


def whole(found: Finding) -> Finding:
    """Return a finding that was kept, with the places in its parameters as what they were."""
    params = {
        name: Place(**value) if isinstance(value, dict) and value.keys() == _PLACE else value
        for name, value in found.params.items()
    }
    return replace(found, params=params)
