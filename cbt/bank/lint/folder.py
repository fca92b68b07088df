"""Checks between the banks of one folder: no level repeats a stem of the other."""

from __future__ import annotations

from collections.abc import Sequence

from cbt.bank.imports.drafts import ItemDraft
from cbt.bank.lint.whole import check_repeats
from cbt.rules.items.values import ItemType
from cbt.sheets.findings import Finding


def across_levels(banks: Sequence[Sequence[ItemDraft]]) -> list[Finding]:
    """Return the stems of each bank that nearly repeat one of a bank before it."""
    findings: list[Finding] = []
    before: dict[str, str] = {}
    for own in banks:
        if before:
            within = {found.item for found in check_repeats(own, {})}
            findings += [found for found in check_repeats(own, before) if found.item not in within]
        theory = (draft for draft in own if draft.data["type"] != ItemType.CASE)
        before |= {str(draft.place("")): str(draft.data["stem"]) for draft in theory}
    return findings
