"""A file of tables as a reading: every sheet, every table on it, every item or what keeps it out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import PurePath

from cbt.bank.foreign.pictures import with_pictures
from cbt.bank.formats.tables.building import build
from cbt.bank.formats.tables.cells.columns import LEFT_OUT
from cbt.bank.formats.tables.cells.kinds import DERIVED, named_type
from cbt.bank.formats.tables.deciding import Decided, decide, sense_of
from cbt.bank.formats.tables.elsewhere import bring_keys, keys_elsewhere
from cbt.bank.formats.tables.inferring import inferred_of
from cbt.bank.formats.tables.plans import refuse_plans
from cbt.bank.formats.tables.preparing import prepare
from cbt.bank.formats.tables.ready import ReadyTable
from cbt.bank.formats.tables.remarks import (
    Part,
    about_columns,
    explains_columns,
    key_patterns,
    layout_of,
    not_read,
    rows_left_out,
    uses_of,
)
from cbt.bank.formats.tables.rows.finding import find_tables, whole
from cbt.bank.formats.tables.rows.gathering import gather
from cbt.bank.formats.tables.rows.guessing import guess
from cbt.bank.formats.tables.rows.picturing import give_pictures, nowhere
from cbt.bank.formats.tables.rows.records import SheetItem
from cbt.bank.formats.tables.rows.sheet import Page, Table
from cbt.bank.formats.workbook import open_pictured
from cbt.bank.imports.drafts import Adjustments, Inferred, Reading
from cbt.rules.items.values import ItemType
from cbt.sheets.cells import SheetData
from cbt.sheets.columns import letter
from cbt.sheets.findings import Finding, Place, Severity

NAME = "tables"
MOST_ERRORS = 0.4
"""A table without headers of which more cannot be read was misunderstood as a whole."""


def read_tables(content: bytes, file_name: str, adjust: Adjustments) -> Reading:
    """Read a workbook, a CSV file or a saved page; what cannot be read becomes findings.

    Raises InvalidInput as `open_tables` does, and ("bank.plan_workbook") for one that plans an examination.
    """
    sheets, shown = open_pictured(content)
    pages = [Page(sheet, file_name) for sheet in sheets]
    parts: list[Part] = []
    findings: list[Finding] = []
    unread: list[Page] = []
    gathered = [(page, [gather(table) for table in _tables(page, adjust)]) for page in pages]
    keys = keys_elsewhere([page for page, found in gathered if not found])
    bring_keys([one for _page, found in gathered for one in found], keys)
    placed = [give_pictures(page, found) for page, found in gathered]
    ready = [(page, [prepare(one) for one in found]) for page, found in gathered]
    from_zero = any(one.base == 0 for _page, found in ready for one in found)
    for page, found in ready:
        own = [_part(one, file_name, adjust, from_zero=from_zero) for one in found]
        good = [part for part in own if not _misread(part)]
        if not good and page.rows and not (keys and keys_elsewhere([page])):
            unread.append(page)
        parts += good
    if not parts:
        refuse_plans(pages)
    findings += [found for page in unread for found in not_read(page, file_name, alone=not parts)]
    for part in parts:
        findings += [*about_columns(part), *part.findings]
    kept = [part.table for part in parts]
    findings += [found for page, of in zip(pages, placed, strict=True) for found in nowhere(page, of, kept)]
    if not parts and not any(found.severity is Severity.ERROR for found in findings):
        findings.append(Finding(Severity.ERROR, "no_columns", Place(file_name)))
    items = [item for part in parts for item in part.items]
    findings += key_patterns(items, file_name)
    reading = Reading(
        NAME,
        file_name,
        items,
        sorted(findings, key=lambda found: found.place),
        columns=tuple(use for part in parts for use in uses_of(part.table)),
        inferred=tuple(_inferred(parts, unread, adjust)),
        layout=layout_of(parts),
    )
    return with_pictures(reading, shown)


def header_rows(sheets: Sequence[SheetData]) -> dict[str, int]:
    """Return the row (from 1) of each sheet that names its columns, the last of them where there are several."""
    found = {}
    for sheet in sheets:
        for table in find_tables(Page(sheet, ""), None)[:1]:
            found[sheet.name] = table.head + table.two_rows
    return found


def _tables(page: Page, adjust: Adjustments) -> list[Table]:
    head = adjust.get(f"header:{page.name}", "")
    found = find_tables(page, int(head) if head.isdigit() and len(head) < 7 else None)
    tables = found or [whole(page)]
    for table in tables:
        _adjust_columns(table, adjust)
        guess(table)
        _adjust_columns(table, adjust)
    return [table for table in tables if "stem" in table.columns]


def _adjust_columns(table: Table, adjust: Adjustments) -> None:
    """Have columns mean what their author says; "" leaves one out."""
    for column in range(table.left, table.right + 1):
        said = adjust.get(f"column:{table.page.name}:{letter(column)}")
        if said is None:
            continue
        table.columns = {name: place for name, place in table.columns.items() if place != column}
        table.meanings[column] = said or LEFT_OUT
        if said:
            table.columns[said] = column


def _part(prepared: ReadyTable, file_name: str, adjust: Adjustments, *, from_zero: bool) -> Part:
    records, table = prepared.records, prepared.records.table
    prepared.base = 0 if from_zero else prepared.base
    sheet, file = table.page.name, PurePath(file_name).stem
    decided = decide(prepared, sheet=sheet, file=file, adjust=adjust)
    explained = [
        *(table.page.cell(row, c) for row, _code in records.left_out for c in table.page.filled(row))
    ]
    explained += [*table.headers.values(), sheet, file, *(one.raw.heading for one in prepared.items[:1])]
    explained += [
        text
        for row in table.page.rows[max(table.head - 4, 0) : max(table.head - 1, 0)]
        for text in row
        if text
    ]
    sense = sense_of(prepared, decided, explained, adjust, sheet)
    part = Part(table, records, prepared, decided, sense)
    for one, each in zip(prepared.items, decided, strict=True):
        if isinstance(each.kind, ItemType):
            draft, found = build(one, each.kind, sense)
            part.findings += found
            part.items += [draft] if draft else []
        else:
            part.findings += _without_type(one.raw, each)
    part.findings += rows_left_out(part)
    return part


def _without_type(raw: SheetItem, each: Decided) -> Iterator[Finding]:
    """Yield why an item has no type; a word that is none, and no key to tell it by, are two faults."""
    codes: tuple[str, ...] = ("answer",) if each.kind == "missing" else ("type",)
    if each.kind == "missing" and each.source == "word" and not named_type(each.word):
        codes = ("answer", "type")
    for name in codes:
        code = each.kind if name == "answer" or each.kind != "missing" else "type_unknown"
        value = each.word if name == "type" else ""
        yield Finding(Severity.ERROR, str(code), raw.place(name), value, str(raw.place()), {"field": name})


def _misread(part: Part) -> bool:
    """Return whether a table was taken for one of items and is none."""
    wrong = sum(found.severity is Severity.ERROR and bool(found.item) for found in part.findings)
    if not part.prepared.items:
        return not part.table.head
    if part.table.head and not {"stem", "answer"} & set(part.table.guessed.values()):
        return False
    return not part.items or wrong > MOST_ERRORS * len(part.prepared.items)


def _inferred(parts: Sequence[Part], unread: Sequence[Page], adjust: Adjustments) -> Iterator[Inferred]:
    merged: dict[str, Inferred] = {}
    for part in parts:
        for one in inferred_of(part.table, part.records, part.prepared, part.decided, part.sense):
            known = merged.get(one.name)
            if known is None:
                merged[one.name] = one
                continue
            value = known.value if known.value == one.value else DERIVED
            merged[one.name] = replace(known, count=known.count + one.count, value=value)
    for page in unread:
        if parts and explains_columns(page):
            continue
        place = Place(page.file, page.name)
        merged.setdefault(
            f"header:{page.name}",
            Inferred(f"header:{page.name}", "header", "0", place=place, params={"sheet": page.name}),
        )
    yield from merged.values()
