"""The dry run of an import: what is in the file, what is wrong with it, what it would do to the bank."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cbt.bank.imports.plan import (
    Action,
    ImportedItem,
    ItemSection,
    KnownItem,
    Near,
    plan,
    sections_without,
    stem_of,
    tally,
    with_points,
)
from cbt.bank.lint.check import NO_UNITS, CheckedItems, UnitPlan, check_items, untold
from cbt.items.draft import Inferred, ItemDraft, Reading
from cbt.items.taxonomy import Taxonomy
from cbt.rules.items.content import ItemType
from cbt.spreadsheets.columns import ColumnUse
from cbt.spreadsheets.file_checks import FindingKind, Stretch, by_kind
from cbt.spreadsheets.findings import Finding, Place, Severity

NO_POINTS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Review:
    """What one file would do to the bank of `revision`; `entries` are the items that can be stored.

    `sections` are where items stand whose file names no 鉴定点.
    """

    reading: Reading
    taxonomy: Taxonomy
    findings: list[Finding]
    entries: list[ImportedItem]
    revision: str
    sections: list[ItemSection] = field(default_factory=list)

    @property
    def added(self) -> int:
        """How many items are new."""
        return tally(self.entries)[Action.ADD]

    @property
    def changed(self) -> int:
        """How many items say something else than in the bank."""
        return tally(self.entries)[Action.CHANGE]

    @property
    def skipped(self) -> int:
        """How many items are in the bank already."""
        return tally(self.entries)[Action.SKIP]

    @property
    def rows(self) -> int:
        """How many items or rows the file has, readable or not."""
        return len(self.reading.items) + len({found.item for found in self.reading.findings if found.item})

    @property
    def errors(self) -> list[Finding]:
        """The findings that block their items."""
        return self.of(Severity.ERROR)

    @property
    def blocked(self) -> int:
        """How many rows or items cannot be stored."""
        return len({found.item or str(found.place) for found in self.errors})

    def of(self, severity: Severity) -> list[Finding]:
        """Return the findings of one severity."""
        return [found for found in self.findings if found.severity is severity]


def review(
    reading: Reading,
    *,
    taxonomy: Taxonomy,
    known: Sequence[KnownItem],
    revision: str,
    units: Mapping[int, UnitPlan] = NO_UNITS,
    points: Mapping[str, str] = NO_POINTS,
    tell: Callable[[int], None] = untold,
) -> Review:
    """Check a reading against the bank it is for; `points` are for the items that have none.

    Stems are compared with those of the bank's other items; checks of the bank as a whole are made only for
    a form that brings the whole bank, with its own 细目表. `tell` hears how many items are checked.
    """
    used = [item for item in known if not item.retired]
    sections = sections_without(reading.items)
    items = with_points(reading.items, points, used)
    beside = _other_stems(items, used)
    checked = check_items(
        items,
        taxonomy,
        where=Place(reading.file_name),
        units=units,
        known_refs=frozenset(item.ref for item in used),
        beside=beside,
        whole=reading.taxonomy is not None,
        tell=tell,
    )
    found = [*reading.findings, *checked.findings]
    if reading.columns and all(use.field != "explanation" for use in reading.columns):
        # The 国标 columns have none, so a hint at every row would only hide the others.
        found = [one for one in found if one.code != "no_explanation"]
    findings = sorted(found, key=lambda one: one.place)
    entries = plan(checked.items, known, _near(checked, beside))
    return Review(reading, taxonomy, findings, entries, revision, sections)


def with_entries(made: Review, entries: list[ImportedItem]) -> Review:
    """Return the same dry run with what was chosen of it."""
    return replace(made, entries=entries)


def _other_stems(drafts: Sequence[ItemDraft], used: Sequence[KnownItem]) -> dict[str, str]:
    """The stems of the bank's items that these drafts will not replace: by ref, and by the very same stem."""
    refs = {draft.ref for draft in drafts}
    stems = {str(draft.data.get("stem", "")) for draft in drafts}
    return {
        item.ref: item.stem
        for item in used
        if item.type != ItemType.CASE and item.ref not in refs and item.stem not in stems
    }


def _near(checked: CheckedItems, beside: Mapping[str, str]) -> dict[int, Near]:
    """Say which of the items is much like another, by its place among them."""
    said = {found.item: found.params for found in checked.findings if found.code == "near_duplicate"}
    stems = {**beside, **{str(draft.known_as): stem_of(draft.data) for draft in checked.items}}
    near = {}
    for place, draft in enumerate(checked.items):
        if params := said.get(draft.label):
            other, percent = params["other"], int(str(params["percent"]))
            stem = stems.get(str(other), "")
            at = other if isinstance(other, Place) else Place()
            near[place] = Near("" if isinstance(other, Place) else str(other), percent, stem, at)
    return near


ENTRIES = "entry"
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
