"""All checks over one file or folder, in the order an author meets them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cbt.bank.imports.drafts import ItemDraft
from cbt.bank.lint.case import UnitPlan, check_cases
from cbt.bank.lint.item import check_item
from cbt.bank.lint.tidy import tidy
from cbt.bank.lint.whole import check_repeats, check_whole
from cbt.bank.taxonomy import Taxonomy
from cbt.sheets.findings import Finding, Place, Severity

NO_UNITS: Mapping[int, UnitPlan] = {}
NOTHING: Mapping[str, str] = {}
TOLD_EVERY = 20
"""After so many items somebody hears how far the checks are."""


def untold(*_told: object) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class CheckedItems:
    """What lint says: the items that can be stored, put right, and all findings in the order of places."""

    items: list[ItemDraft]
    findings: list[Finding]


def check_items(
    drafts: Sequence[ItemDraft],
    taxonomy: Taxonomy,
    *,
    where: Place,
    units: Mapping[int, UnitPlan] = NO_UNITS,
    known_refs: frozenset[str] = frozenset(),
    beside: Mapping[str, str] = NOTHING,
    whole: bool = True,
    tell: Callable[[int], None] = untold,
) -> CheckedItems:
    """Put right and check items together.

    `units` is what the blueprint gives each unit, `known_refs` are items of the bank that may be named as
    enemies, `beside` (label → stem) are stems that must not be repeated, `whole` asks for the checks that
    only make sense on a complete bank; `tell` hears how many items are done.
    """
    findings: list[Finding] = []
    sound: list[ItemDraft] = []
    seen: dict[str, ItemDraft] = {}
    for number, draft in enumerate(drafts):
        if number % TOLD_EVERY == 0:
            tell(number)
        done, fixed = tidy(draft, taxonomy)
        found = [*fixed, *_repeated(done, seen), *check_item(done, taxonomy)]
        findings += found
        if not _blocked(found):
            sound.append(done)
    sound = _without_blocked(sound, _known_enemies(sound, known_refs), findings)
    sound = _without_blocked(sound, list(check_cases(sound, units)), findings)
    findings += check_repeats(sound, beside)
    if whole:
        findings += check_whole(sound, taxonomy, where)
    return CheckedItems(sound, sorted(findings, key=lambda found: found.place))


def _blocked(findings: Sequence[Finding]) -> bool:
    return any(found.severity is Severity.ERROR for found in findings)


def _repeated(draft: ItemDraft, seen: dict[str, ItemDraft]) -> list[Finding]:
    if not draft.ref:
        return []
    first = seen.setdefault(draft.ref, draft)
    if first is draft:
        return []
    return [draft.find(Severity.ERROR, "ref_repeated", "ref", draft.ref, other=str(first.place("")))]


def _known_enemies(drafts: Sequence[ItemDraft], known_refs: frozenset[str]) -> list[Finding]:
    refs = known_refs | {draft.ref for draft in drafts}
    return [
        draft.find(Severity.ERROR, "enemy_unknown", "enemies", enemy)
        for draft in drafts
        for enemy in draft.data.get("enemies", ())
        if enemy not in refs
    ]


def _without_blocked(
    drafts: list[ItemDraft], found: list[Finding], findings: list[Finding]
) -> list[ItemDraft]:
    findings += found
    stopped = {entry.item for entry in found if entry.severity is Severity.ERROR}
    return [draft for draft in drafts if draft.label not in stopped]
