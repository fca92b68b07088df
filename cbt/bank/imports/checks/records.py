"""What a check found, as pieces that are sealed one by one: a page opens the summary and the lines it shows."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import msgspec

from cbt.bank.imports.drafts import Inferred
from cbt.bank.imports.outcome import Action, ImportedItem
from cbt.bank.imports.points import ItemSection
from cbt.bank.imports.review import Review
from cbt.db.private.sealing import open_bytes, seal_bytes
from cbt.sheets.columns import ColumnUse
from cbt.sheets.findings import Finding, Place, Severity

BLOCK = 50
"""So many lines make a piece, and a page."""
FINDINGS, ENTRIES, SUMMARY, MARKED = "finding", "entry", "summary", "marked"
LISTS = ("near", "change", "add", "skip")
"""The lists of a dry run, in the order in which they lie: 近似重复, 有改动, 新题, 相同."""
_PURPOSE = "bank-check"
_WORST = (Severity.ERROR, Severity.HINT, Severity.FIXED)
_PLACE = frozenset(Place.__dataclass_fields__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stretch:
    """Lines that lie together: the first, and how many."""

    start: int
    count: int


@dataclass(frozen=True, slots=True)
class FindingKind:
    """Findings of one kind, the first of them, and where they lie."""

    severity: Severity
    code: str
    lines: Stretch
    first: Finding


@dataclass(frozen=True, slots=True)
class CheckSummary:
    """What a dry run says as a whole; `lists` say where the entries of each list lie.

    `kept` tells whose adjustments of an earlier file were used ("" for none), `marked` which files can come
    back with their findings marked.
    """

    form: str
    files: list[str]
    layout: str
    revision: str
    rows: int
    blocked: int
    kinds: list[FindingKind]
    lists: dict[str, Stretch]
    inferred: list[Inferred] = field(default_factory=list)
    columns: list[ColumnUse] = field(default_factory=list)
    sections: list[ItemSection] = field(default_factory=list)
    kept: str = ""
    adjusted: dict[str, str] = field(default_factory=dict)

    def total(self, *names: str) -> int:
        """Return how many entries some lists have."""
        return sum(self.lists[name].count for name in names)

    def of(self, severity: Severity) -> int:
        """Return how many findings there are of one severity."""
        return sum(kind.lines.count for kind in self.kinds if kind.severity == severity)


def list_of(entry: ImportedItem) -> str:
    """Return the list of a dry run in which an entry stands."""
    return "near" if entry.near is not None and entry.action is Action.ADD else entry.action.value


def arranged(made: Review) -> tuple[list[Finding], list[FindingKind], list[ImportedItem], dict[str, Stretch]]:
    """Return findings and entries in the order in which they are kept, and what lies where."""
    of_kind: dict[tuple[Severity, str], list[Finding]] = {}
    for found in made.findings:
        of_kind.setdefault((found.severity, found.code), []).append(found)
    findings: list[Finding] = []
    kinds = []
    for severity, code in sorted(
        of_kind, key=lambda kind: (_WORST.index(kind[0]), -len(of_kind[kind]), kind[1])
    ):
        own = of_kind[severity, code]
        kinds.append(FindingKind(severity, code, Stretch(len(findings), len(own)), own[0]))
        findings += own
    entries: list[ImportedItem] = []
    lists = {}
    for name in LISTS:
        some = [entry for entry in made.entries if list_of(entry) == name]
        lists[name] = Stretch(len(entries), len(some))
        entries += some
    return findings, kinds, entries, lists


def blocks(lines: Sequence[T]) -> Iterator[tuple[int, Sequence[T]]]:
    """Yield the pieces of lines with their numbers."""
    for number, start in enumerate(range(0, len(lines), BLOCK)):
        yield number, lines[start : start + BLOCK]


def page_of(
    lines: Stretch, page: int, kind: type[T], piece: Callable[[int], bytes], size: int = BLOCK
) -> list[T]:
    """Return the lines of one page (from 1) of a stretch; `piece` gives the sealed piece of a number."""
    first = lines.start + (page - 1) * size
    last = min(first + size, lines.start + lines.count)
    if first >= last:
        return []
    numbers = range(first // BLOCK, (last - 1) // BLOCK + 1)
    lines_of = list[kind]  # type: ignore[valid-type]  # what a piece is decoded as, known only when it is asked for
    found = [line for number in numbers for line in opened(piece(number), lines_of)]
    skip = first - numbers.start * BLOCK
    return found[skip : skip + last - first]


def sealed(value: object) -> bytes:
    """Return a piece as it is kept: sealed, for it holds keys."""
    body = msgspec.msgpack.encode(value, enc_hook=str)
    return seal_bytes(zlib.compress(body, 1), _PURPOSE)


def opened(body: bytes, kind: type[T]) -> T:
    """Return what was sealed; raise Unavailable as `open_bytes` does."""
    return msgspec.msgpack.decode(zlib.decompress(open_bytes(body, _PURPOSE)), type=kind)


def whole(found: Finding) -> Finding:
    """Return a finding that was kept, with the places in its parameters as what they were."""
    params = {
        name: Place(**value) if isinstance(value, dict) and value.keys() == _PLACE else value
        for name, value in found.params.items()
    }
    return replace(found, params=params)
