"""What a check found, as pieces that are sealed one by one: a page opens the summary and the lines it shows."""

from __future__ import annotations

from dataclasses import dataclass, field

from cbt.bank.imports.drafts import Inferred
from cbt.bank.imports.outcome import Action, ImportedItem
from cbt.bank.imports.points import ItemSection
from cbt.bank.imports.review import Review
from cbt.sheets.checks.pieces import FindingKind, Stretch, by_kind
from cbt.sheets.columns import ColumnUse
from cbt.sheets.findings import Finding, Severity

FINDINGS, ENTRIES, SUMMARY, MARKED = "finding", "entry", "summary", "marked"
LISTS = ("near", "change", "add", "skip")
"""The lists of a dry run, in the order in which they lie: 近似重复, 有改动, 新题, 相同."""


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
    findings, kinds = by_kind(made.findings)
    entries: list[ImportedItem] = []
    lists = {}
    for name in LISTS:
        some = [entry for entry in made.entries if list_of(entry) == name]
        lists[name] = Stretch(len(entries), len(some))
        entries += some
    return findings, kinds, entries, lists
