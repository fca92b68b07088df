"""From checked items to what an import will do: which are new, which say something else, which are known.

Pure: it reads no database. `known` is the bank as it stands.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cbt.bank.imports.drafts import ItemDraft
from cbt.bank.items.types.registry import AUTHORING
from cbt.bank.lint.words import normal
from cbt.rules.canonical import canonical_json, digest


class Action(StrEnum):
    """What an import does with one item."""

    ADD = "add"
    CHANGE = "change"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class KnownItem:
    """An item of the bank: its published version (0 = withdrawn) and what its last version says."""

    ref: str
    version: int
    sha: str
    text: str

    @property
    def data(self) -> dict[str, Any]:
        """Return the content as its author wrote it."""
        found: dict[str, Any] = json.loads(self.text)
        return found


@dataclass(frozen=True, slots=True)
class ImportedItem:
    """One item an import will store, or skip."""

    ref: str
    action: Action
    text: str
    sha: str
    type: str
    point: str
    unit: int | None
    difficulty: int


def plan(drafts: Sequence[ItemDraft], known: Iterable[KnownItem]) -> list[ImportedItem]:
    """Return what becomes of each item.

    An item without a ref is the one of the bank with the same point, type and stem, else a new one that
    takes the next free number of its point. The same content is skipped; a withdrawn item is added again.
    """
    by_ref = {item.ref: item for item in known}
    by_stem = {_identity(item.data): item.ref for item in by_ref.values()}
    numbers = _Numbers(by_ref)
    entries: list[ImportedItem] = []
    for draft in drafts:
        ref = draft.ref or by_stem.get(_identity(draft.data), "") or numbers.take(draft.data)
        by_stem.setdefault(_identity(draft.data), ref)
        entries.append(_entry(ref, draft.data, by_ref.get(ref)))
    return entries


def tally(entries: Iterable[ImportedItem]) -> dict[Action, int]:
    """Return how many items are added, changed and skipped."""
    found = Counter(entry.action for entry in entries)
    return {action: found[action] for action in Action}


def _entry(ref: str, data: Mapping[str, Any], before: KnownItem | None) -> ImportedItem:
    text = canonical_json(dict(data))
    sha = digest(text)
    if before is None or before.version == 0:
        action = Action.ADD
    else:
        action = Action.SKIP if before.sha == sha else Action.CHANGE
    return ImportedItem(
        ref=ref,
        action=action,
        text=text,
        sha=sha,
        type=str(data["type"]),
        point=str(data["point"]),
        unit=data.get("unit"),
        difficulty=int(data.get("difficulty", 3)),
    )


def _identity(data: Mapping[str, Any]) -> tuple[str, str, str]:
    stem = str(data.get("stem") or data.get("title") or "")
    return str(data["point"]), str(data["type"]), normal(stem)


class _Numbers:
    """The next free running number of each point and type."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)

    def take(self, data: Mapping[str, Any]) -> str:
        letter = AUTHORING[data["type"]].letter
        number = 1
        while (ref := f"{data['point']}-{letter}{number}") in self._taken:
            number += 1
        self._taken.add(ref)
        return ref
