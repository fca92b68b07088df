"""The plan of an import: which items are new, which say something else, which are known; and its terms.

Pure: it reads no database. `known` is the bank as it stands.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import msgspec

from cbt.items.draft import ItemDraft
from cbt.items.exam_prose import normal
from cbt.items.types.registry import AUTHORING
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.states.item import ItemState
from cbt.spreadsheets.findings import Place


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


class ImportTerms(msgspec.Struct, frozen=True):
    """How a file is to be read (`adjust`, `points`, what was `kept` of an earlier one), and what is stored of it.

    `locale` is the language in which a copy is marked; `partial` leaves out what has errors, `near` brings in
    what is much like another item.
    """

    adjust: dict[str, str] = {}
    points: dict[str, str] = {}
    kept: bool = True
    locale: str = "zh"
    mode: Mode = Mode.UPDATE
    state: ItemState = ItemState.IN_REVIEW
    partial: bool = False
    near: bool = True


PLAINLY = ImportTerms(state=ItemState.REVIEWED)
"""As commands bring a bank: what it has is brought up to date, and drawn."""


def written(asked: ImportTerms) -> str:
    """Return it as it is stored."""
    return msgspec.json.encode(asked).decode()


def asked_of(text: str) -> ImportTerms:
    """Return what was stored."""
    return msgspec.json.decode(text, type=ImportTerms)


EVERYWHERE = ""
"""The section that stands for the whole of what was brought."""


@dataclass(frozen=True, slots=True)
class ItemSection:
    """A part of a file and how many items without a 鉴定点 stand in it; `name` is what the choice is sent under."""

    name: str
    file: str
    sheet: str
    count: int


def sections_without(items: Iterable[ItemDraft]) -> list[ItemSection]:
    """Return the sheets or files that hold items without a 鉴定点, in their order."""
    found = Counter((draft.place("").file, draft.place("").sheet) for draft in items if not has_point(draft))
    return [ItemSection(_name(file, sheet), file, sheet, count) for (file, sheet), count in found.items()]


def has_point(draft: ItemDraft) -> bool:
    """Return whether a file names the 鉴定点 of an item."""
    return bool(str(draft.data.get("point") or "").strip())


def with_points(
    items: Sequence[ItemDraft], points: Mapping[str, str], known: Iterable[KnownItem]
) -> list[ItemDraft]:
    """Return the items with a 鉴定点 where one was chosen for their section, or for everything.

    One that the bank has already, by type and stem, keeps the 鉴定点 it has there: brought again it is the same.
    """
    had: dict[tuple[str, str], str] = {}
    if all(has_point(draft) for draft in items):
        return list(items)
    for item in known:
        had.setdefault((item.type, normal(item.stem)), item.point)
    return [draft if has_point(draft) else _pointed(draft, points, had) for draft in items]


def _pointed(draft: ItemDraft, points: Mapping[str, str], had: Mapping[tuple[str, str], str]) -> ItemDraft:
    there = draft.place("")
    chosen = points.get(_name(there.file, there.sheet)) or points.get(EVERYWHERE, "")
    code = had.get((str(draft.data.get("type")), normal(stem_of(draft.data)))) or chosen
    return draft.with_data({**draft.data, "point": code}) if code else draft


def _name(file: str, sheet: str) -> str:
    return f"{file}!{sheet}" if sheet else file
