"""From checked items to what an import will do: which are new, which say something else, which are known.

Pure: it reads no database. `known` is the bank as it stands.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from cbt.bank.imports.drafts import ItemDraft
from cbt.bank.items.types.registry import AUTHORING
from cbt.bank.lint.words import normal
from cbt.rules.canonical import canonical_json, digest
from cbt.sheets.findings import Place


class Action(StrEnum):
    """What an import does with one item."""

    ADD = "add"
    CHANGE = "change"
    SKIP = "skip"


class Mode(StrEnum):
    """What becomes of items that the bank has: 更新已有, 全部新增, 只导入新题."""

    UPDATE = "update"
    ADD = "add"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class KnownItem:
    """An item of the bank as an import meets it: the version its authors work on, and what identifies that."""

    ref: str
    current: int
    sha: str
    type: str
    point: str
    stem: str
    retired: bool = False

    @property
    def identity(self) -> tuple[str, str, str]:
        """Return by what an item without a ref is known again."""
        return self.point, self.type, normal(self.stem)


@dataclass(frozen=True, slots=True)
class Near:
    """An item that a new one is much like: its ref ("" for none) or its place in the file, how much in per cent."""

    other: str
    percent: int
    stem: str
    place: Place = field(default_factory=Place)


@dataclass(frozen=True, slots=True)
class ImportedItem:
    """One item an import will store, or skip; `base` is the version of the bank it was held against, 0 for none."""

    ref: str
    action: Action
    text: str
    sha: str
    type: str
    point: str
    unit: int | None
    difficulty: int
    base: int = 0
    place: Place = field(default_factory=Place)
    near: Near | None = None

    @property
    def data(self) -> dict[str, Any]:
        """Return the content as its author wrote it."""
        found: dict[str, Any] = json.loads(self.text)
        return found


def plan(
    drafts: Sequence[ItemDraft], known: Iterable[KnownItem], near: Mapping[int, Near] | None = None
) -> list[ImportedItem]:
    """Return what becomes of each item; `near` says by its place among the drafts what a new one is much like.

    An item without a ref is the one of the bank with the same point, type and stem, else a new one that
    takes the next free number of its point. The same content is skipped, also within the file; a withdrawn item is
    added again.
    """
    by_ref = {item.ref: item for item in known}
    by_stem = {item.identity: item.ref for item in by_ref.values()}
    numbers, met = Numbers(by_ref), dict[str, str]()
    entries: list[ImportedItem] = []
    for place, draft in enumerate(drafts):
        ref = draft.ref or by_stem.get(_identity(draft.data), "") or numbers.take(draft.data)
        by_stem.setdefault(_identity(draft.data), ref)
        entry = _entry(ref, draft, by_ref.get(ref))
        if met.get(ref, entry.sha) != entry.sha:  # the file asks the same twice, and not with the same words
            entry = _entry(numbers.take(draft.data), draft, None)
        elif ref in met:
            entry = replace(entry, action=Action.SKIP)
        met.setdefault(entry.ref, entry.sha)
        if near and place in near and entry.action is Action.ADD:
            entry = replace(entry, near=near[place])
        entries.append(entry)
    return entries


def chosen(
    entries: Sequence[ImportedItem], mode: Mode, taken: Iterable[str] = (), *, near: bool = True
) -> list[ImportedItem]:
    """Return what is stored of a plan under `mode`; `taken` are the refs of the bank, which 全部新增 numbers on.

    Without `near` the new items that are much like another are left out.
    """
    wanted = [entry for entry in entries if near or entry.near is None]
    if mode is Mode.ADD:
        numbers = Numbers([*taken, *(entry.ref for entry in wanted)])
        return [
            entry
            if entry.action is Action.ADD
            else replace(entry, ref=numbers.next(entry), action=Action.ADD, base=0)
            for entry in wanted
        ]
    allowed = {Action.ADD} if mode is Mode.NEW else {Action.ADD, Action.CHANGE}
    return [entry for entry in wanted if entry.action in allowed]


def tally(entries: Iterable[ImportedItem]) -> dict[Action, int]:
    """Return how many items are added, changed and skipped."""
    found = Counter(entry.action for entry in entries)
    return {action: found[action] for action in Action}


def stem_of(data: Mapping[str, Any]) -> str:
    """Return the words an item is known by: its stem, or a case's title."""
    return str(data.get("stem") or data.get("title") or "")


def _entry(ref: str, draft: ItemDraft, before: KnownItem | None) -> ImportedItem:
    data = draft.data
    text = canonical_json(dict(data))
    sha = digest(text)
    action = Action.ADD
    if before is not None and not before.retired:
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
        base=before.current if before else 0,
        place=draft.place(""),
    )


def _identity(data: Mapping[str, Any]) -> tuple[str, str, str]:
    return str(data["point"]), str(data["type"]), normal(stem_of(data))


class Numbers:
    """The next free running number of each point and type."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)
        self._last: Counter[str] = Counter()

    def take(self, data: Mapping[str, Any]) -> str:
        """Return the next free ref for a content."""
        head = f"{data['point']}-{AUTHORING[data['type']].letter}"
        while True:
            self._last[head] += 1
            ref = f"{head}{self._last[head]}"
            if ref not in self._taken:
                self._taken.add(ref)
                return ref

    def next(self, entry: ImportedItem) -> str:
        """Return the next free ref for what another ref stands for already."""
        return self.take({"point": entry.point, "type": entry.type})
