"""What an earlier lint found out, by what it was found of: texts that are as they were are not looked at again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any

import msgspec

from cbt.items.draft import ItemDraft
from cbt.rules.canonical import canonical_json
from cbt.spreadsheets.findings import Finding, Severity

MOST_RATIOS = 60_000
"""Pairs of texts that are kept: some megabytes."""

Remark = tuple[Severity, str, str, dict[str, Any]]
"""A finding about an item, without its place and whose it is: severity, code, value, params."""


class ItemRemarks(msgspec.Struct, frozen=True):
    """What is said of an item by itself; `data` is how it is put right, None for as it was."""

    remarks: list[Remark]
    data: dict[str, Any] | None = None


class KnownLint(msgspec.Struct, frozen=True):
    """Remarks by the digest of an item's content, and how alike two texts are by the digests of both.

    It holds for as long as `mark` is the same: that of the table of points and of the product.
    """

    mark: str = ""
    items: dict[str, ItemRemarks] = {}
    ratios: dict[str, float] = {}


class LintMemory:
    """What is known, and what of it was asked for or found out in this lint."""

    def __init__(self, known: KnownLint | None = None) -> None:
        self._known = known or KnownLint()
        self._items: dict[str, ItemRemarks] = {}
        self._ratios: dict[str, float] = {}

    def remarks_of(self, draft: ItemDraft) -> tuple[ItemDraft, list[Finding]] | None:
        """Return an item as it was put right and what was said of it; None for one that is new."""
        key = _digest(canonical_json(draft.data))
        found = self._known.items.get(key)
        if found is None:
            return None
        self._items[key] = found
        return (draft if found.data is None else draft.with_data(found.data)), list(_findings(draft, found))

    def keep(self, draft: ItemDraft, done: ItemDraft, findings: list[Finding]) -> None:
        """Keep what was said of an item, where that can be said again as it was."""
        remarks = [(found.severity, found.code, found.value, dict(found.params)) for found in findings]
        if all(_is_plain(value) for *_rest, params in remarks for value in params.values()):
            data = None if done.data == draft.data else dict(done.data)
            self._items[_digest(canonical_json(draft.data))] = ItemRemarks(remarks, data)

    def ratio(self, first: str, other: str) -> float | None:
        """Return how alike two texts are, None where nobody knows."""
        key = _digest(first) + _digest(other)
        ratio = self._known.ratios.get(key)
        if ratio is not None:
            self._ratios[key] = ratio
        return ratio

    def keep_ratio(self, first: str, other: str, ratio: float) -> None:
        """Keep how alike two texts are."""
        if len(self._ratios) < MOST_RATIOS:
            self._ratios[_digest(first) + _digest(other)] = ratio

    def fresh(self, mark: str) -> KnownLint:
        """Return what the next lint is to know."""
        return KnownLint(mark, self._items, self._ratios)


def _findings(draft: ItemDraft, found: ItemRemarks) -> Iterator[Finding]:
    for severity, code, value, params in found.remarks:
        named: Mapping[str, Any] = {name: given for name, given in params.items() if name != "field"}
        yield draft.find(severity, code, params["field"], value, **named)


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float) or (
        isinstance(value, list) and all(isinstance(one, str) for one in value)
    )


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=8).hexdigest()
