"""What the pages of a brought file show: how far its check is, its dry run, its mapping by hand.

A page opens the summary and the lines it shows, never the whole.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from msgspec import structs
from sqlalchemy import and_, select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from cbt.accounts.store import actor_names
from cbt.bank import store as bank_store
from cbt.bank.imports import file_map
from cbt.bank.imports.bank_import import BANKS
from cbt.bank.imports.file_map import MappingSheet
from cbt.bank.imports.models import ImportCheck
from cbt.bank.imports.plan import (
    ENTRIES,
    LISTS,
    Action,
    CheckSummary,
    ImportedItem,
    ImportTerms,
    RawExtent,
    asked_of,
)
from cbt.bank.review.fields import FieldChange, changes
from cbt.errors import InvalidInput
from cbt.http.i18n import explain
from cbt.imports.machine import FINDINGS, MARKED, ImportStanding
from cbt.interchange.mapping.definition import (
    DERIVED,
    FIELDS,
    KINDS,
    LABELS,
    LONGEST_LABEL,
    LONGEST_NAME,
    LONGEST_SIGN,
    MOST_WORDS,
    FileMapping,
    ItemLayout,
    KeyList,
    KeysAt,
    KeyWriting,
    rows_said,
)
from cbt.interchange.mapping.source import LINES, RECORDS, SHEET, shown_cell
from cbt.items.draft import ItemDraft
from cbt.items.finding_texts import field_label, note, place_said
from cbt.items.media import NamedMedium, in_words, media_in
from cbt.items.models import Item, ItemBank, ItemVersion
from cbt.items.preview import key_lines
from cbt.items.taxonomy import Point, Range, parent_of
from cbt.rules.items.registry import parse_content
from cbt.spreadsheets.file_checks import Stretch, shown, whole
from cbt.spreadsheets.findings import Finding

EVERYTHING = ""
"""The kind of findings that stands for all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckStanding(ImportStanding):
    """How far the import of a bank is, and the run that stores it."""

    bank_ref: str
    bank_name: str
    run_id: int | None


@dataclass(frozen=True, slots=True)
class Looked:
    """What an author looks at: one kind of findings, one list of entries, a page of each."""

    kind: str = EVERYTHING
    page: int = 1
    entries: str = ""
    entries_page: int = 1


@dataclass(frozen=True, slots=True)
class EntryLine:
    """One item of the dry run, what it changes of the bank's, and its pictures and sounds."""

    entry: ImportedItem
    changes: list[FieldChange]
    media: list[NamedMedium]


@dataclass(frozen=True, slots=True)
class CheckSheet:
    """Everything the page of a dry run shows."""

    standing: CheckStanding
    summary: CheckSummary
    asked: ImportTerms
    kept_by: str
    findings: list[Finding]
    shown: Stretch
    kind: str
    entries: str
    lines: list[EntryLine]
    looked: Looked
    points: list[tuple[Range, list[Point]]]
    marked: list[tuple[int, str]]


def standing_of(session: Session, *, bank_ref: str, ref: str, actor: str) -> CheckStanding:
    """Return how far a person's check is; raise NotFound("bank.draft_unknown")."""
    bank = bank_store.bank_by_ref(session, bank_ref)
    check = BANKS.own(session, bank_ref, ref, actor=actor)
    fields = BANKS.standing(session, check)
    return CheckStanding(**fields, bank_ref=bank.ref, bank_name=bank.name, run_id=check.run_id)


def sheet_of(session: Session, *, bank_ref: str, ref: str, actor: str, looked: Looked) -> CheckSheet:
    """Return the dry run of a file that is ready; raise NotFound("bank.draft_unknown")."""
    bank = bank_store.bank_by_ref(session, bank_ref)
    check = BANKS.own(session, bank_ref, ref, actor=actor)
    summary = BANKS.summary_of(session, check)
    stretch = shown(summary.kinds, looked.kind)
    findings = BANKS.checks.lines_of(session, check, FINDINGS, stretch, looked.page, Finding)
    name = looked.entries if looked.entries in LISTS else _first(summary)
    lines = []
    if name:
        entries = BANKS.checks.lines_of(
            session, check, ENTRIES, summary.lists[name], looked.entries_page, ImportedItem
        )
        lines = _lines(session, bank.id, entries)
    return CheckSheet(
        standing=standing_of(session, bank_ref=bank_ref, ref=ref, actor=actor),
        summary=summary,
        asked=asked_of(check.asked),
        kept_by=actor_names(session, {summary.kept}).get(summary.kept, summary.kept),
        findings=findings,
        shown=stretch,
        kind=looked.kind,
        entries=name,
        lines=lines,
        looked=looked,
        points=_points(session, bank) if summary.sections else [],
        marked=[
            (number, summary.files[number]) for number in BANKS.checks.part_numbers(session, check, MARKED)
        ],
    )


def _first(summary: CheckSummary) -> str:
    return next((name for name in LISTS if summary.lists[name].count), "")


def _lines(session: Session, bank_id: int, entries: Sequence[ImportedItem]) -> list[EntryLine]:
    wanted = [entry for entry in entries if entry.base]
    rows = session.execute(
        select(Item.ref, ItemVersion.number, ItemVersion.content)
        .join(ItemVersion, and_(ItemVersion.item_id == Item.id))
        .where(
            Item.bank_id == bank_id,
            Item.ref.in_([entry.ref for entry in wanted]),
            ItemVersion.number.in_({entry.base for entry in wanted}),
        )
    )
    before = {(ref, number): content for ref, number, content in rows}
    return [
        EntryLine(entry, _changes(before.get((entry.ref, entry.base), ""), entry), media_in(entry.data))
        for entry in entries
    ]


def _changes(before: str, entry: ImportedItem) -> list[FieldChange]:
    return changes(before, entry.text) if before and entry.action is Action.CHANGE else []


def _points(session: Session, bank: ItemBank) -> list[tuple[Range, list[Point]]]:
    taxonomy = bank_store.taxonomy_of(session, bank)
    codes = [found.code for found in taxonomy.ranges]
    below: dict[str, list[Point]] = {}
    for point in taxonomy.points:
        below.setdefault(parent_of(point.code, codes), []).append(point)
    return [(found, below[found.code]) for found in taxonomy.ranges if found.code in below]


def marked_copy(session: Session, *, bank_ref: str, ref: str, actor: str, number: int) -> tuple[str, bytes]:
    """Return the name of a brought file and its copy with what was found in it; raise NotFound for none."""
    check = BANKS.own(session, bank_ref, ref, actor=actor)
    return BANKS.summary_of(session, check).files[number], BANKS.copy_of(session, check, number)


Sent = MultiDict[str, str]
"""The form of the page."""
_TAB = r"\t"
_DRAWN = ("layout", "cut", "head", "several", "labels", "rubbish", "skip", "headings", "file", "part", "keys")
"""What the rows of the file are drawn by: columns change nothing of them."""
SAMPLE_TEXTS: Mapping[str, str] = {
    "number": "1、", "choices": "A.", "answer": "答案：", "explanation": "解析：", "type": "题型：",
    "point": "鉴定点：", "difficulty": "难度：", "heading": "一、",
}  # fmt: skip


def context(sheet: MappingSheet, *, is_refused: bool) -> dict[str, Any]:
    """Return what the page and its parts are drawn from."""
    own = sheet.mapping
    errors = {
        str(fault.params.get("field", "")): " ".join(explain(fault)) for fault in reversed(sheet.faults)
    }
    unread = ("", "")
    if sheet.summary.unread:
        unread = explain(InvalidInput(sheet.summary.unread, **sheet.summary.unread_params))
    asking = next(
        (
            n
            for n, extent in enumerate(sheet.summary.raw)
            if (extent.file, extent.name) == (own.file, own.part)
        ),
        0,
    )
    drawn = [structs.asdict(own)[name] for name in _DRAWN] + [sheet.place, sheet.page, bool(sheet.faults)]
    asked = (
        own.layout,
        own.keys.at,
        own.keys.part,
        own.keys.file,
        own.writing is KeyWriting.MARK,
        asking,
        sheet.words,
    )
    return {
        "sheet": sheet,
        "said": own,
        "errors": errors,
        "is_refused": is_refused,
        "unread": unread,
        "asking": asking,
        "drawn": _digest(drawn),
        "drawn_settings": _digest(asked),
        "part_names": list(_part_names(sheet.summary)),
        "fields": [(name, field_label(name)) for name in FIELDS],
        "kinds": [kind.value for kind in KINDS],
        "derived": DERIVED,
        "labels": [(name, SAMPLE_TEXTS[name]) for name in LABELS],
        "writings": [
            writing.value
            for writing in KeyWriting
            if writing is not KeyWriting.FLAGS or own.layout is ItemLayout.ROWS
        ],
        "places": [at.value for at in _places(sheet)],
        "keys_extent": _keys_extent(sheet),
        "keys_columns": {"number": own.keys.number, "answer": own.keys.answer},
        "notes": [(note(whole(finding)), count) for finding, count in _first_of_each(sheet.findings)],
        "items": [(draft, *_keys_of(draft)) for draft in sheet.items],
        "signs": {
            name: getattr(own, name).replace("\t", _TAB) for name in ("cut", "split", "between", "mark")
        },
        "role_label": _role_label,
        "shown_cell": shown_cell,
        "in_words": in_words,
        "where": place_said,
        "longest": {"sign": LONGEST_SIGN, "label": LONGEST_LABEL, "name": LONGEST_NAME},
        "SHEET": SHEET,
        "RECORDS": RECORDS,
        "LINES": LINES,
    }


def _places(sheet: MappingSheet) -> Iterator[KeysAt]:
    yield KeysAt.HERE
    yield KeysAt.STEM
    if len(sheet.summary.raw) > 1:
        yield KeysAt.PART
    if sheet.mapping.layout is ItemLayout.LINES:
        yield KeysAt.END


def _keys_extent(sheet: MappingSheet) -> int:
    keys, own = sheet.mapping.keys, sheet.mapping
    wanted = (keys.file or own.file, keys.part)
    return next((n for n, extent in enumerate(sheet.summary.raw) if (extent.file, extent.name) == wanted), -1)


def _part_names(summary: CheckSummary) -> Iterator[tuple[int, str]]:
    """Yield what each part is called, with its file where there are several."""
    alone = len(summary.files) == 1
    for number, extent in enumerate(summary.raw):
        name = extent.name or str(
            _("bank.mapping.part.lines" if extent.form == LINES else "bank.mapping.part.list")
        )
        if not alone:
            name = f"{extent.file} · {extent.name}" if extent.name else extent.file
        yield number, name


def _role_label(role: str) -> str:
    return str(_(f"bank.mapping.role.{role or 'none'}"))


def _digest(drawn: object) -> str:
    return hashlib.sha256(json.dumps(drawn, default=str).encode()).hexdigest()[:16]


def _first_of_each(findings: Sequence[Finding]) -> list[tuple[Finding, int]]:
    """Return the first finding of each kind with how many there are: one thing said wrong makes many."""
    counts = Counter(finding.code for finding in findings)
    first = {finding.code: finding for finding in reversed(findings)}
    return [(first[code], count) for code, count in counts.items()]


def _keys_of(draft: ItemDraft) -> tuple[str, list[str]]:
    """Return the letters of the choices that are right, or what the key says where no choice shows it."""
    answer = draft.data.get("answer")
    if isinstance(answer, str) and draft.data.get("choices"):
        return answer, []
    return "", [str(line) for key in key_lines(parse_content(draft.data)) for line in key.lines]


# What the form says.


def said(
    session: Session, own: ImportCheck, summary: CheckSummary, sent: Sent
) -> tuple[FileMapping, int, int]:
    """Return the mapping that was sent, the part that is looked at (-1 for that of the questions), and its page."""
    part = min(max(sent.get("part", 0, int), 0), len(summary.raw) - 1)
    extent = summary.raw[part]
    if sent.get("do") == "take":
        kept = {shape.shape: shape.mapping for shape in file_map.kept_shapes(session, own.bank_id)}
        if taken := kept.get(sent.get("take", "")):
            return structs.replace(taken, file=extent.file, part=extent.name), -1, 1
    if part != sent.get("was_part", part, int) or sent.get("do") == "anew":
        return file_map.mapping_of_part(session, own, summary, part), -1, 1
    view = sent.get("view", sent.get("was_view", part, int), int)
    page = sent.get("rows", 1 if "view" in sent else sent.get("was_rows", 1, int), int)
    made = _of_form(sent, summary.raw, part)
    if made.layout is ItemLayout.LINES and "label.number" not in sent:
        made = structs.replace(made, labels=file_map.usual_labels(session, own, summary, part))
    return made, view, page


def _of_form(sent: Sent, raw: list[RawExtent], part: int) -> FileMapping:
    extent = raw[part]
    layout = (
        ItemLayout.LINES
        if sent.get("layout") == ItemLayout.LINES and extent.form != RECORDS
        else ItemLayout.ROWS
    )
    rows = _rows(sent, own=sent.get("was_view", part, int) == part)
    columns = {
        name.removeprefix("col."): value for name, value in sent.items() if name.startswith("col.") and value
    }
    labels = {name: sent.get(f"label.{name}", "").strip() for name in LABELS}
    return FileMapping(
        form=extent.form,
        layout=layout,
        file=extent.file,
        part=extent.name,
        head=rows["head"][0] if rows["head"] and layout is ItemLayout.ROWS else 0,
        cut=_sign(sent, "cut") if extent.form != RECORDS else "",
        several="several" in sent,
        columns=columns,
        labels={name: sample for name, sample in labels.items() if sample},
        split=_sign(sent, "split"),
        writing=_one_of(KeyWriting, sent.get("writing", "")),
        mark=_sign(sent, "mark"),
        between=_sign(sent, "between"),
        right=_words(sent, "right"),
        wrong=_words(sent, "wrong"),
        kind=sent.get("kind", "") if sent.get("kind", "") in KINDS else "",
        kinds={
            name.removeprefix("word."): value
            for name, value in sent.items()
            if name.startswith("word.") and value
        },
        keys=_keys(sent, raw, extent),
        rubbish=_words(sent, "rubbish"),
        skip=rows["skip"],
        headings=rows["heading"],
        name=" ".join(sent.get("name", "").split())[:LONGEST_NAME],
    )


def _one_of(kind: Any, value: str) -> Any:
    return next((member for member in kind if member.value == value), next(iter(kind)))


def _sign(sent: Sent, name: str) -> str:
    return sent.get(name, "").replace(_TAB, "\t")


def _words(sent: Sent, name: str) -> tuple[str, ...]:
    text = sent.get(name, "")
    between = text.splitlines() if name == "rubbish" else text.split()
    return tuple(word.strip() for word in between if word.strip())[:MOST_WORDS]


def _keys(sent: Sent, raw: list[RawExtent], extent: RawExtent) -> KeyList:
    at = _one_of(KeysAt, sent.get("keys", ""))
    place = sent.get("keys_part", -1, int)
    listed = raw[place] if 0 <= place < len(raw) and at is KeysAt.PART else None
    return KeyList(
        at=at,
        part=listed.name if listed is not None else "",
        file=listed.file if listed is not None and listed.file != extent.file else "",
        head=min(max(sent.get("keys_head", 0, int), 0), 99),
        number=sent.get("keys_number", "")[:LONGEST_LABEL] if listed is not None else "",
        answer=sent.get("keys_answer", "")[:LONGEST_LABEL] if listed is not None else "",
        begins=sent.get("keys_begin", "").strip(),
        order="keys_order" in sent,
    )


def _rows(sent: Sent, *, own: bool) -> dict[str, tuple[int, ...]]:
    """Return the rows that are headers, headings and nobody's: as said before, and as the rows shown say now."""
    before = {name: rows_said(sent.get(name, "")) for name in ("head", "heading", "skip")}
    if not own:
        return before
    shown = {
        int(name.removeprefix("row.")): value
        for name, value in sent.items()
        if name.startswith("row.") and name.removeprefix("row.").isdigit() and len(name) < 12
    }
    rows = {
        name: tuple(
            sorted(
                {*(row for row in listed if row not in shown), *(n for n, v in shown.items() if v == name)}
            )
        )
        for name, listed in before.items()
    }
    was = set(before["head"])
    fresh = [row for row in rows["head"] if row not in was]
    return rows | {"head": tuple(fresh or rows["head"])}
