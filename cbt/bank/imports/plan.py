"""The plan of an import and its dry run: what is new, changed, known or wrong, and what storing it would do.

Pure: it reads no database. `known` is the bank as it stands.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import msgspec

from cbt.bank.lint.check import NO_UNITS, CheckedItems, UnitPlan, check_items, untold
from cbt.items.draft import Inferred, ItemDraft, Reading
from cbt.items.exam_prose import CJK, normal
from cbt.items.taxonomy import Taxonomy
from cbt.items.types.registry import AUTHORING
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.items.content import ItemType
from cbt.rules.states import ItemState
from cbt.spreadsheets.columns import ColumnUse
from cbt.spreadsheets.file_checks import FindingKind, Stretch, by_kind
from cbt.spreadsheets.findings import Finding, Place, Severity


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
class BankItem:
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
        content: dict[str, Any] = json.loads(self.text)
        return content


def plan(
    drafts: Sequence[ItemDraft], items: Iterable[BankItem], near: Mapping[int, Near] | None = None
) -> list[ImportedItem]:
    """Return what becomes of each item; `near` says by its place among the drafts what a new one is much like.

    An item without a ref is the one of the bank with the same point, type and stem, else a new one that
    takes the next free number of its point. The same content is skipped, also within the file; a withdrawn item is
    added again.
    """
    by_ref = {item.ref: item for item in items}
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
    counts = Counter(entry.action for entry in entries)
    return {action: counts[action] for action in Action}


def stem_of(data: Mapping[str, Any]) -> str:
    return str(data.get("stem") or data.get("title") or "")


def _entry(ref: str, draft: ItemDraft, before: BankItem | None) -> ImportedItem:
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

    `opening` only shows what is in the file, for a mapping by hand. `locale` is the language in which a copy is
    marked; `partial` leaves out what has errors, `near` brings in what is much like another item.
    """

    adjust: dict[str, str] = {}
    points: dict[str, str] = {}
    kept: bool = True
    opening: bool = False
    locale: str = "zh"
    mode: Mode = Mode.UPDATE
    state: ItemState = ItemState.IN_REVIEW
    partial: bool = False
    near: bool = True


PLAINLY = ImportTerms(state=ItemState.REVIEWED)
"""As commands bring a bank: what it has is brought up to date, and drawn."""


def written(terms: ImportTerms) -> str:
    return msgspec.json.encode(terms).decode()


def asked_of(text: str) -> ImportTerms:
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
    counts = Counter((draft.place("").file, draft.place("").sheet) for draft in items if not has_point(draft))
    return [ItemSection(_name(file, sheet), file, sheet, count) for (file, sheet), count in counts.items()]


def has_point(draft: ItemDraft) -> bool:
    return bool(str(draft.data.get("point") or "").strip())


_IDEOGRAPH = re.compile(f"[{CJK}]")


def with_named_points(
    items: Sequence[ItemDraft], taxonomy: Taxonomy
) -> tuple[list[ItemDraft], list[ItemDraft]]:
    """Return items with the code of a 鉴定点 where its name was written, and those whose words name none.

    What a file calls 知识点 is often a subject of its own: it is no code, and the author chooses one.
    """
    codes = {normal(point.name): point.code for point in taxonomy.points}
    named, unknown = [], []
    for draft in items:
        words = str(draft.data.get("point") or "")
        if _IDEOGRAPH.search(words):
            code = codes.get(normal(words), "")
            unknown += [] if code else [draft]
            draft = draft.with_data({**draft.data, "point": code})
        named.append(draft)
    return named, unknown


def with_points(
    items: Sequence[ItemDraft], points: Mapping[str, str], bank_items: Iterable[BankItem]
) -> list[ItemDraft]:
    """Return the items with a 鉴定点 where one was chosen for their section, or for everything.

    One that the bank has already, by type and stem, keeps the 鉴定点 it has there: brought again it is the same.
    """
    had: dict[tuple[str, str], str] = {}
    if all(has_point(draft) for draft in items):
        return list(items)
    for item in bank_items:
        had.setdefault((item.type, normal(item.stem)), item.point)
    return [draft if has_point(draft) else _pointed(draft, points, had) for draft in items]


def _pointed(draft: ItemDraft, points: Mapping[str, str], had: Mapping[tuple[str, str], str]) -> ItemDraft:
    there = draft.place("")
    chosen = points.get(_name(there.file, there.sheet)) or points.get(EVERYWHERE, "")
    code = had.get((str(draft.data.get("type")), normal(stem_of(draft.data)))) or chosen
    return draft.with_data({**draft.data, "point": code}) if code else draft


def _name(file: str, sheet: str) -> str:
    return f"{file}!{sheet}" if sheet else file


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
        return tally(self.entries)[Action.ADD]

    @property
    def changed(self) -> int:
        return tally(self.entries)[Action.CHANGE]

    @property
    def skipped(self) -> int:
        return tally(self.entries)[Action.SKIP]

    @property
    def rows(self) -> int:
        """How many items or rows the file has, readable or not."""
        return len(self.reading.items) + len({found.item for found in self.reading.findings if found.item})

    @property
    def errors(self) -> list[Finding]:
        return self.of(Severity.ERROR)

    @property
    def blocked(self) -> int:
        return len({found.item or str(found.place) for found in self.errors})

    def of(self, severity: Severity) -> list[Finding]:
        return [found for found in self.findings if found.severity is severity]


def review(
    reading: Reading,
    *,
    taxonomy: Taxonomy,
    bank_items: Sequence[BankItem],
    revision: str,
    units: Mapping[int, UnitPlan] = NO_UNITS,
    points: Mapping[str, str] = NO_POINTS,
    tell: Callable[[int], None] = untold,
) -> Review:
    """Check a reading against the bank it is for; `points` are for the items that have none.

    Stems are compared with those of the bank's other items; checks of the bank as a whole are made only for
    a form that brings the whole bank, with its own 细目表. `tell` hears how many items are checked.
    """
    used = [item for item in bank_items if not item.retired]
    named, unknown = with_named_points(reading.items, taxonomy)
    sections = sections_without(named)
    items = with_points(named, points, used)
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
    own_findings = [*reading.findings, *checked.findings]
    if reading.columns and all(use.field != "explanation" for use in reading.columns):
        # The 国标 columns have none, so a hint at every row would only hide the others.
        own_findings = [one for one in own_findings if one.code != "no_explanation"]
    own_findings = [*_once(own_findings, reading.file_name), *_unknown_points(unknown)]
    findings = sorted(own_findings, key=lambda one: one.place)
    entries = plan(checked.items, bank_items, _near(checked, beside))
    return Review(reading, taxonomy, findings, entries, revision, sections)


def _once(findings: Sequence[Finding], file: str) -> list[Finding]:
    """Return findings with what is wanting of many items said once for their file."""
    silent = [one for one in findings if one.code == "no_explanation"]
    if len(silent) < 2:
        return list(findings)
    rest = [one for one in findings if one.code != "no_explanation"]
    return [*rest, Finding(Severity.HINT, "no_explanations", Place(file), params={"count": len(silent)})]


def _unknown_points(drafts: Sequence[ItemDraft]) -> Iterator[Finding]:
    if drafts:
        first = drafts[0].place("point")
        yield Finding(
            Severity.HINT, "point_names", first, str(drafts[0].data["point"]), params={"count": len(drafts)}
        )


def with_entries(made: Review, entries: list[ImportedItem]) -> Review:
    return replace(made, entries=entries)


def _other_stems(drafts: Sequence[ItemDraft], used: Sequence[BankItem]) -> dict[str, str]:
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
    params_by_item = {
        found.item: found.params
        for found in checked.findings
        if found.code in {"near_duplicate", "opposite_keys"}
    }
    stems = {**beside, **{str(draft.known_as): stem_of(draft.data) for draft in checked.items}}
    near = {}
    for place, draft in enumerate(checked.items):
        if params := params_by_item.get(draft.label):
            other, percent = params["other"], int(str(params["percent"]))
            stem = stems.get(str(other), "")
            at = other if isinstance(other, Place) else Place()
            near[place] = Near("" if isinstance(other, Place) else str(other), percent, stem, at)
    return near


@dataclass(frozen=True, slots=True)
class RawExtent:
    """A part of a file that is open for a mapping: what it is, what its columns are called, how many rows."""

    file: str
    form: str
    name: str
    labels: list[str]
    count: int
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)


ENTRIES = "entry"
LISTS = ("near", "change", "add", "skip")
"""The lists of a dry run, in the order in which they lie: 近似重复, 有改动, 新题, 相同."""


@dataclass(frozen=True, slots=True)
class CheckSummary:
    """What a dry run says as a whole; `lists` say where the entries of each list lie.

    `kept` tells whose adjustments of an earlier file were used ("" for none). Of a file that is open for a mapping
    by hand there is nothing but `raw`, what is in it, and the error (`unread`) for which no reader understood it.
    `offers` are kept mappings (shape, name) that would fit, too.
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
    raw: list[RawExtent] = field(default_factory=list)
    unread: str = ""
    unread_params: dict[str, Any] = field(default_factory=dict)
    offers: list[tuple[str, str]] = field(default_factory=list)

    @property
    def doubts(self) -> int:
        """How many questions must be answered before anything is stored."""
        return sum(one.open for one in self.inferred)

    @property
    def taken(self) -> list[Inferred]:
        """What was taken for granted: its author confirms it, as doubts are answered."""
        return [one for one in self.inferred if not one.doubtful]

    def total(self, *names: str) -> int:
        return sum(self.lists[name].count for name in names)

    def of(self, severity: Severity) -> int:
        return sum(kind.lines.count for kind in self.kinds if kind.severity == severity)


def list_of(entry: ImportedItem) -> str:
    return "near" if entry.near is not None and entry.action is Action.ADD else entry.action.value


def _alike(finding: Finding) -> int:
    """Return what puts the most alike of stems first; other findings stay in their order."""
    return -int(str(finding.params["percent"])) if finding.code == "near_duplicate" else 0


def arranged(made: Review) -> tuple[list[Finding], list[FindingKind], list[ImportedItem], dict[str, Stretch]]:
    """Return findings and entries in the order in which they are kept, and what lies where."""
    findings, kinds = by_kind(sorted(made.findings, key=_alike))
    entries: list[ImportedItem] = []
    lists = {}
    for name in LISTS:
        some = [entry for entry in made.entries if list_of(entry) == name]
        lists[name] = Stretch(len(entries), len(some))
        entries += some
    return findings, kinds, entries, lists
