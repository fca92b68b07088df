"""The dry run of an import: what is in the file, what is wrong with it, what it would do to the bank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cbt.bank.imports.drafts import ItemDraft, Reading
from cbt.bank.imports.outcome import Action, ImportedItem, KnownItem, plan, tally
from cbt.bank.lint.case import UnitPlan
from cbt.bank.lint.check import NO_UNITS, check_items
from cbt.bank.taxonomy import Taxonomy
from cbt.rules.items.values import ItemType
from cbt.sheets.findings import Finding, Place, Severity


@dataclass(frozen=True, slots=True)
class Review:
    """What one file would do to the bank of `revision`; `entries` are the items that can be stored."""

    reading: Reading
    taxonomy: Taxonomy
    findings: list[Finding]
    entries: list[ImportedItem]
    revision: str

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
) -> Review:
    """Check a reading against the bank it is for.

    Stems are compared with those of the bank's other items; checks of the bank as a whole are made only for
    a form that brings the whole bank, with its own 细目表.
    """
    published = [item for item in known if item.version > 0]
    checked = check_items(
        reading.items,
        taxonomy,
        where=Place(reading.file_name),
        units=units,
        known_refs=frozenset(item.ref for item in published),
        beside=_other_stems(reading.items, published),
        whole=reading.taxonomy is not None,
    )
    found = [*reading.findings, *checked.findings]
    if reading.columns and all(use.field != "explanation" for use in reading.columns):
        # The 国标 columns have none, so a hint at every row would only hide the others.
        found = [one for one in found if one.code != "no_explanation"]
    findings = sorted(found, key=lambda one: one.place)
    return Review(reading, taxonomy, findings, plan(checked.items, known), revision)


def _other_stems(drafts: Sequence[ItemDraft], published: Sequence[KnownItem]) -> dict[str, str]:
    """The stems of the bank's items that these drafts will not replace: by ref, and by the very same stem."""
    refs = {draft.ref for draft in drafts}
    stems = {str(draft.data.get("stem", "")) for draft in drafts}
    found = {}
    for item in published:
        data = item.data
        if data["type"] != ItemType.CASE and item.ref not in refs and data["stem"] not in stems:
            found[item.ref] = str(data["stem"])
    return found
