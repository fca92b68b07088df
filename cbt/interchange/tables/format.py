"""Tables as a format of banks: files detected and read into items, workbooks, a template, marked copies written.

Workbooks that plan an examination instead of asking anything (组题规则, 细目表) are refused.
"""

from __future__ import annotations

import io
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import IO, Any

from flask_babel import gettext as _

from cbt import charset
from cbt.errors import InvalidInput
from cbt.interchange.export import proven
from cbt.interchange.format import Carried, Carries, Confidence, Content, Export, Format, OutForm
from cbt.interchange.intake import with_pictures
from cbt.interchange.tables.cells import looks_like_key
from cbt.interchange.tables.column_guess import guess
from cbt.interchange.tables.decisions import (
    Decided,
    Part,
    about_columns,
    decide,
    inferred_of,
    layout_of,
    not_read,
    rows_left_out,
    sense_of,
    source_of,
    uses_of,
)
from cbt.interchange.tables.item_drafts import build
from cbt.interchange.tables.item_types import DERIVED, named_type
from cbt.interchange.tables.prepared_items import ReadyTable, prepare
from cbt.interchange.tables.rows import Records, SheetItem, gather
from cbt.interchange.tables.sheet import (
    CHOICES,
    LEFT_OUT,
    TEMPLATE,
    Page,
    Table,
    find_tables,
    is_workbook,
    meant,
    open_pictured,
    open_tables,
    plain_header,
    whole,
)
from cbt.items.draft import DOUBT, Adjustments, Inferred, ItemDraft, Reading
from cbt.items.exam_prose import plain
from cbt.items.finding_texts import note
from cbt.items.types.editor import LETTERS, SheetMapping
from cbt.items.types.folders import Mappings
from cbt.rules.items.content import ItemType
from cbt.spreadsheets.cells import SheetData
from cbt.spreadsheets.columns import letter
from cbt.spreadsheets.findings import Finding, Place, Severity
from cbt.spreadsheets.writer import (
    XLSX,
    add_sheet,
    marked_copy,
    new_workbook,
    text_format,
    to_csv,
    write_head,
    write_notes,
    write_text,
)

_ROWS = 40
_COUNTED = re.compile(r"(?:单选|多选|判断|选择|填空|简答|单项选择|多项选择)题?\s*[:：]?\s*\d+\s*(?:个|道|题)")
_TABLE_RULES = ({"题型", "题量"}, {"题型代码", "题量"}, {"题型", "每题分数"})
_TAXONOMY = re.compile(
    r"(?:[123一二三]级(?:代码|比重)|鉴定比重|鉴定范围|认定范围|重要程度|鉴定点|认定点|细目表|考核比重)"
)


def refuse_plans(pages: Sequence[Page]) -> None:
    """Raise InvalidInput("bank.plan_workbook") when sheets without items say how many of which type."""
    for page in pages:
        rows = [[cell for cell in row if cell] for row in page.rows[:_ROWS]]
        cells = [cell for row in rows for cell in row]
        if sum(bool(_COUNTED.search(cell)) for cell in cells) >= 2:
            raise InvalidInput("bank.plan_workbook", sheet=page.name)
        for row in rows:
            headers = {plain_header(cell) for cell in row if len(cell) <= 30}
            if any(rule <= headers for rule in _TABLE_RULES):
                raise InvalidInput("bank.plan_workbook", sheet=page.name)
            if len({match[0] for cell in headers if (match := _TAXONOMY.search(cell))}) >= 2:
                raise InvalidInput("bank.plan_workbook", sheet=page.name)


_HEAD_WITHIN = 12


def keys_elsewhere(pages: Sequence[Page]) -> dict[str, str]:
    """Return the keys by number of the sheets that hold nothing else; none when a number is there twice."""
    pairs: list[tuple[str, str]] = []
    for page in pages:
        for row in range(min(len(page.rows), _HEAD_WITHIN)):
            fields = {meant(page.cell(row, column)): column for column in page.filled(row)}
            if {"number", "answer"} <= set(fields) and not {"stem", "choices", "choice_A"} & set(fields):
                rows = range(row + 1, len(page.rows))
                keys = [(page.cell(r, fields["number"]), page.cell(r, fields["answer"])) for r in rows]
                pairs += [(_plain(number), key) for number, key in keys if number and key]
                break
    numbers = Counter(number for number, _key in pairs)
    return dict(pairs) if numbers and max(numbers.values()) == 1 else {}


def bring_keys(gathered: Sequence[Records], keys: Mapping[str, str]) -> None:
    """Give items without any key the one of their number, when each number is one item's alone."""
    lacking = [one for one in gathered if one.items and not one.table.has("answer", "right", "blank_1")]
    items = [item for one in lacking for item in one.items]
    numbers = [_plain(item.number) for item in items]
    if not keys or len(set(numbers)) < len(numbers) or not all(number in keys for number in numbers):
        return
    for item, number in zip(items, numbers, strict=True):
        item.answer = keys[number]
    for records in lacking:
        records.keys_elsewhere = True


KEY_LOOK, AS_KEY, NOT_KEY = "doubt:key_look", "as_key", "keep"
_LOOKED = 0.9


def bring_looks(gathered: Sequence[Records], adjust: Adjustments) -> list[Inferred]:
    """Ask whether the choices that look otherwise are the keys, where nothing else says one; follow the answer.

    One look must tell some, and not all, of the choices of nearly every item: headings and stripes do not.
    """
    lacking = [
        one
        for one in gathered
        if one.items and not one.keys_elsewhere and not one.table.has("answer", "right", "blank_1")
    ]
    chosen = [item for one in lacking for item in one.items if sum(map(bool, item.choices)) > 1]
    told = [_letters_by_look(item) for item in chosen]
    counts = Counter(look for letters in told for look in letters)
    look, count = counts.most_common(1)[0] if counts else ("", 0)
    if not count or count < _LOOKED * len(chosen):
        return []
    said = adjust.get(KEY_LOOK, "")
    answer = said if said in {AS_KEY, NOT_KEY} else ""
    if answer == AS_KEY:
        for item, letters in zip(chosen, told, strict=True):
            item.answer = letters.get(look, "")
    for records in lacking:
        records.look_asked = not answer
    first = next(item for item, letters in zip(chosen, told, strict=True) if look in letters)
    params = {"count": count, "examples": f"“{first.stem[:_EXAMPLE]}”：{_letters_by_look(first)[look]}"}
    question = Inferred(KEY_LOOK, f"{DOUBT}key_look", answer, (AS_KEY, NOT_KEY), count, first.place(), params)
    return [question]


_EXAMPLE = 40


def _letters_by_look(item: SheetItem) -> dict[str, str]:
    """Return the letters of the choices of an item that look otherwise than plain text, by their look."""
    letters: dict[str, str] = {}
    filled = 0
    for place, name in enumerate(item.table.of("choice_")):
        if item.table.text(item.row, name):
            filled += 1
            if look := item.table.page.looks.get((item.row, item.table.columns[name]), ""):
                letters[look] = letters.get(look, "") + LETTERS[place]
    return {look: own for look, own in letters.items() if len(own) < filled}


def _plain(number: str) -> str:
    return number.strip().removesuffix(".0").rstrip(".、．")


MOST_TOLD = 200
_OF_PICTURES = re.compile(
    r"(?:的?(?:图片|图像|配图|插图|附图|图示|图)(?:链接|地址)?|【图】(?:及位置)?)\s*\d*$"
)


@dataclass(frozen=True, slots=True)
class PlacedPicture:
    """A picture of a page: where it stands, and the item that has it now, None where no item is."""

    row: int
    column: int
    item: SheetItem | None


def give_pictures(page: Page, gathered: Sequence[Records]) -> list[PlacedPicture]:
    """Give each picture of a page to the item in whose rows it stands; those that are lost are noted there."""
    if not (page.shown or page.lost):
        return []
    items = sorted((one for records in gathered for one in records.items), key=lambda one: one.row)
    starts = [one.row for one in items]
    placed = []
    for row, column, own_mark in [*page.shown, *((row, column, "") for row, column in page.lost)]:
        at = bisect_right(starts, row) - 1
        item = items[at] if at >= 0 and _holds(items[at], page, row) else None
        if item is not None and own_mark:
            _give(item, row, _field(item.table, column), own_mark)
        elif item is not None:
            item.lost.append((row, column))
        placed.append(PlacedPicture(row, column, item))
    return placed


def nowhere(page: Page, placed: Sequence[PlacedPicture], kept: Sequence[Table]) -> Iterator[Finding]:
    """Yield the pictures of a page that stand in no item of the tables that were kept."""
    tables = {id(table) for table in kept}
    left = [one for one in placed if one.item is None or id(one.item.table) not in tables]
    for picture in left[:MOST_TOLD]:
        place = Place(page.file, page.name, picture.row + 1, letter(picture.column))
        yield Finding(Severity.HINT, "picture_nowhere", place, params={"count": 1})
    if rest := left[MOST_TOLD:]:
        place = Place(page.file, page.name, rest[0].row + 1, letter(rest[0].column))
        yield Finding(Severity.HINT, "picture_nowhere", place, params={"count": len(rest)})


def _holds(item: SheetItem, page: Page, row: int) -> bool:
    """Return whether a row is one of an item's: from its first to its last, and where its merged cells reach."""
    if row <= item.rows[-1]:
        return True
    stem = item.table.columns.get("stem", -1)
    return bool(page.spread(row, stem)) and not page.cell(row, stem)


def _field(table: Table, column: int) -> str:
    """Return the field a column holds, or the one whose pictures its header says it holds; else the stem."""
    named = next((name for name, place in table.columns.items() if place == column), "")
    if named and named != LEFT_OUT:
        return named
    header = table.headers.get(column, "")
    bare = _OF_PICTURES.sub("", header)
    return (meant(bare) if bare != header else "") or "stem"


def _give(item: SheetItem, row: int, field: str, own_mark: str) -> None:
    text = item.table.text(row, field) if row != item.row and row not in item.at else ""
    if text and text in item.lines:
        item.lines[item.lines.index(text)] += own_mark
    elif row in item.at and field == "choices":
        item.choices[item.at[row]] += own_mark
    elif field.startswith("choice_") and (place := _choice(item, field)) >= 0:
        item.choices[place] += own_mark
    elif field == "explanation":
        item.explanation += own_mark
    elif field == "answer" and not (item.answer and looks_like_key(item.answer)):
        item.answer += own_mark
    elif field == "answer":
        item.explanation += own_mark
    elif item.stem:
        item.shown += own_mark
    else:
        item.stem = own_mark


def _choice(item: SheetItem, field: str) -> int:
    names = item.table.of("choice_")
    if field in names:
        return names.index(field)
    place = CHOICES.index(field) if field in CHOICES else -1
    return place if place < len(item.choices) else -1


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
    every = [one for _page, found in gathered for one in found]
    bring_keys(every, keys)
    looks = bring_looks(every, adjust)
    placed = [give_pictures(page, found) for page, found in gathered]
    ready = [(page, [prepare(one) for one in found]) for page, found in gathered]
    from_zero = any(one.base == 0 for _page, found in ready for one in found)
    for page, tables in ready:
        own = [_part(one, file_name, adjust, from_zero=from_zero) for one in tables]
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
    reading = Reading(
        NAME,
        file_name,
        items,
        sorted(findings, key=lambda found: found.place),
        columns=tuple(use for part in parts for use in uses_of(part.table)),
        inferred=(*looks, *_inferred(parts)),
        layout=layout_of(parts),
        source=tuple(text for part in parts for text in source_of(part)),
    )
    return with_pictures(reading, shown)


def header_rows(sheets: Sequence[SheetData]) -> dict[str, int]:
    """Return the row (from 1) of each sheet that names its columns, the last of them where there are several."""
    rows = {}
    for sheet in sheets:
        for table in find_tables(Page(sheet, ""), None)[:1]:
            rows[sheet.name] = table.head + table.two_rows
    return rows


def _tables(page: Page, adjust: Adjustments) -> list[Table]:
    head = adjust.get(f"header:{page.name}", "")
    page_tables = find_tables(page, int(head) if head.isdigit() and len(head) < 7 else None)
    tables = page_tables or [whole(page)]
    for table in tables:
        _adjust_columns(table, adjust)
        guess(table)
        _adjust_columns(table, adjust)
    return [table for table in tables if "stem" in table.columns]


def _adjust_columns(table: Table, adjust: Adjustments) -> None:
    """Have columns mean what their author says; "" leaves one out."""
    for column in range(table.left, table.right + 1):
        choice = adjust.get(f"column:{table.page.name}:{letter(column)}")
        if choice is None:
            continue
        table.columns = {name: place for name, place in table.columns.items() if place != column}
        table.meanings[column] = choice or LEFT_OUT
        if choice:
            table.columns[choice] = column


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
    for item, each in zip(prepared.items, decided, strict=True):
        if isinstance(each.kind, ItemType):
            draft, problems = build(item, each.kind, sense)
            part.findings += problems
            part.items += [draft] if draft else []
        else:
            part.findings += _without_type(item.raw, each)
    part.findings += rows_left_out(part)
    return part


def _without_type(raw: SheetItem, each: Decided) -> Iterator[Finding]:
    """Yield why an item has no type; a word that is none, and no key to tell it by, are two faults."""
    codes: tuple[str, ...] = ("answer",) if each.kind == "missing" else ("type",)
    if each.kind == "missing" and each.source == "word" and not named_type(each.word):
        codes = ("answer", "type")
    for name in codes:
        code = each.kind if name == "answer" or each.kind != "missing" else "type_unknown"
        if code == "type_ask" and plain(each.word)[:1] != "D":
            code = "type_untold"
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


def _inferred(parts: Sequence[Part]) -> Iterator[Inferred]:
    merged: dict[str, Inferred] = {}
    for part in parts:
        for inferred in inferred_of(part.table, part.records, part.prepared, part.decided, part.sense):
            former = merged.get(inferred.name)
            if former is None:
                merged[inferred.name] = inferred
                continue
            count = former.count + inferred.count
            if inferred.code == "header":  # of several tables on one sheet
                value = "、".join(dict.fromkeys([*former.value.split("、"), inferred.value]))
                merged[inferred.name] = replace(former, count=count, value=value, choices=(value,))
                continue
            value = former.value if former.value == inferred.value else _both(former, inferred)
            merged[inferred.name] = replace(former, count=count, value=value)
    yield from merged.values()


def _both(former: Inferred, inferred: Inferred) -> str:
    """Return what holds for two tables of a sheet: of types that each item tells its own, of rows both."""
    if DERIVED in former.choices:
        return DERIVED
    return former.value if former.choices else f"{former.value}、{inferred.value}"


# Tables as a format of banks: workbooks written, a template, files detected and read, a copy with findings.
#
# A workbook has the long national form, or the common one that is changed by hand and comes in again.

ROWS = 20_000
"""Items a sheet: as many as an import takes."""
LONGEST_CELL = 32_767
_COMMON = frozenset({"stem", "explanation", "point", "difficulty", "consistency"})
_SHEETS = Mappings("editor", SheetMapping)
CARRIES: Carried = Carries(_SHEETS, _COMMON)
_HARD = ("易", "较易", "中等", "较难", "难")
Head = tuple[str, int, bool]
Row = Callable[[Export, int, ItemDraft], Sequence[str]]

LONG_HEAD: Sequence[Head] = (
    ("题库名称", 18, False),
    ("ID", 22, False),
    ("序号", 8, False),
    ("认定点代码", 14, True),
    ("题型代码", 14, True),
    ("题号", 8, False),
    ("试题（题干）", 60, True),
    *((f"试题（选项{letter}）", 24, False) for letter in LETTERS),
    ("【图】及位置", 14, False),
    ("正确答案", 14, True),
    ("难度代码", 12, False),
    ("一致性代码", 12, False),
    ("解析", 40, False),
    ("系统编号", 18, False),
)
"""The columns of the national form, and by the last one an item that comes in again is known."""
COMMON_HEAD: Sequence[Head] = (
    ("系统编号", 18, False),
    ("题型", 10, True),
    ("鉴定点代码", 14, True),
    ("题干", 60, True),
    *((f"选项{letter}", 24, False) for letter in LETTERS),
    ("正确答案", 14, True),
    ("题目解析", 40, False),
    ("难度", 8, False),
    ("一致性", 8, False),
)


def _long_row(export: Export, place: int, draft: ItemDraft) -> Sequence[str]:
    data, number, mapping = draft.data, str(place), _SHEETS[draft.data["type"]]
    hard = data.get("difficulty", 3)
    return (
        export.name, draft.ref, number, str(data.get("point", "")), f"{mapping.code}（{mapping.name}）", number,
        mapping.stem(data),
        *_choices(data), "", mapping.answer(data), f"{hard}（{_HARD[hard - 1]}）", str(data.get("consistency", 5)),
        str(data.get("explanation", "")), draft.ref,
    )  # fmt: skip


def _common_row(_export: Export, _place: int, draft: ItemDraft) -> Sequence[str]:
    data, mapping = draft.data, _SHEETS[draft.data["type"]]
    return (
        draft.ref, mapping.name, str(data.get("point", "")), mapping.stem(data), *_choices(data),
        mapping.answer(data), str(data.get("explanation", "")), str(data.get("difficulty", 3)),
        str(data.get("consistency", 5)),
    )  # fmt: skip


def _choices(data: Mapping[str, Any]) -> list[str]:
    return [str(text) for text in (*data.get("choices", ()), *[""] * len(LETTERS))][: len(LETTERS)]


def _back(draft: ItemDraft) -> tuple[str, Mapping[str, Any] | None]:
    """Return what the cells of an item say by the rules of its type; "" of text: it has only cells."""
    data, mapping = draft.data, _SHEETS[draft.data["type"]]
    stem, answer = mapping.stem(data), mapping.answer(data)
    cells = [stem, answer, *map(str, data.get("choices", ()))]
    if any(len(text) > LONGEST_CELL or text != text.strip() for text in cells):
        return "", None
    otherwise = mapping.back(data, stem, answer)
    if otherwise is None:
        return "", None
    carried = CARRIES[data["type"]] | {"type"}
    return "", {**{name: value for name, value in data.items() if name in carried}, **otherwise}


def _write(export: Export, target: IO[bytes], head: Sequence[Head], row: Row) -> None:
    with new_workbook(target, long=True) as book:
        shape = text_format(book, {"text_wrap": True, "valign": "top"})
        sheet, place = None, 0
        for draft, _text in proven(export, CARRIES, _back):
            if sheet is None or place == ROWS:
                sheet, place = add_sheet(book, export.name), 0
                write_head(book, sheet, head, shape)
            place += 1
            for column, text in enumerate(row(export, place, draft)):
                write_text(sheet, place, column, text, shape)
        if sheet is None:
            write_head(book, add_sheet(book, export.name), head, shape)


def _write_long(export: Export, target: IO[bytes]) -> None:
    _write(export, target, LONG_HEAD, _long_row)


def _write_common(export: Export, target: IO[bytes]) -> None:
    _write(export, target, COMMON_HEAD, _common_row)


WORKBOOKS = (
    OutForm("common", ".xlsx", XLSX, _write_common, CARRIES),
    OutForm("national", ".xlsx", XLSX, _write_long, CARRIES),
)


_RULES = ("columns", "point", "type", "stem", "choices", "answer", "difficulty", "consistency", "import")
_FIRST = 40_000
_FEWEST_LINES = 3
_OTHER_ARCHIVES = (b"word/document.xml", b"imsmanifest.xml", b"ppt/presentation.xml")
_SHEET_MEMBERS = (b"xl/workbook", b"content.xml")
_TAG = re.compile(r"<[^<>]*>")
_XML_SPREADSHEET = "urn:schemas-microsoft-com:office:spreadsheet"


def template_workbook() -> bytes:
    """Return the workbook's bytes.

    The headers are those of the national form and the same in every language, since they are what an import
    looks for.
    """
    buffer = io.BytesIO()
    with new_workbook(buffer) as book:
        heads = [(column.headers[0], column.width, column.required) for column in TEMPLATE]
        text = text_format(book, {"text_wrap": True, "valign": "top"})
        write_head(book, book.add_worksheet(_("bank.template.items")), heads, text)
        lines = [(_(f"bank.template.{name}.name"), _(f"bank.template.{name}.text")) for name in _RULES]
        write_notes(book, _("bank.template.rules"), lines)
    return buffer.getvalue()


_DELIMITERS = ("|||", "||", "###", "##", "#", "@@", "^^", "^", "~~", "~")
"""What parts the fields of a line where no program that writes tables made it."""
_MOST_LINES = 0.9


def as_csv(content: bytes) -> bytes:
    """Return a text whose lines are parted by `#`, `|||` and the like as CSV; any other content as it is."""
    if is_workbook(content) or (decoded := charset.decode(content)) is None:
        return content
    lines = [line for line in decoded.text.splitlines() if line.strip()]
    for delimiter in _DELIMITERS if len(lines) >= _FEWEST_LINES else ():
        if sum(line.count(delimiter) > 1 for line in lines) >= _MOST_LINES * len(lines):
            return to_csv(line.split(delimiter) for line in lines)
    return content


def detect(content: Content, name: str) -> Confidence:
    """Say that a workbook is one, whatever it is called, and a text whose first lines name columns of items."""
    if not isinstance(content, bytes) or not content.strip(b"\0\r\n\t "):
        return Confidence.NO
    if is_workbook(content):
        if content[:2] != b"PK":
            return Confidence.NO if b"W\0o\0r\0d\0D\0o\0c\0u\0m\0e\0n\0t\0" in content else Confidence.SURE
        if any(part in content for part in _OTHER_ARCHIVES):
            return Confidence.NO
        return Confidence.SURE if any(part in content for part in _SHEET_MEMBERS) else Confidence.MAYBE
    if is_lock(content, name):
        return Confidence.SURE
    if as_csv(content[:_FIRST]) != content[:_FIRST]:
        return Confidence.MAYBE
    return _of_text(_head(content), name)


def is_lock(content: Content, name: str) -> bool:
    """Return whether a file only says who has the real one open."""
    return PurePath(name).name.startswith("~$") and isinstance(content, bytes) and len(content) < 2000


def _head(content: bytes) -> str:
    decoded = charset.decode(content[:_FIRST])
    return "" if decoded is None else decoded.text


def _of_text(text: str, name: str) -> Confidence:
    if _XML_SPREADSHEET in text[:4000]:
        return Confidence.SURE
    if re.search(r"<(?:table|html)[\s>]", text[:4000], re.IGNORECASE):
        cells = re.findall(r"<t[dh][^<>]*>(.*?)</t[dh]>", text, re.DOTALL | re.IGNORECASE)
        fields = {meant(_TAG.sub("", cell).strip()) for cell in cells[:400]} - {""}
        is_head = "stem" in fields and len(fields) > 2
        return Confidence.SURE if is_head or "office:excel" in text[:4000] else Confidence.NO
    lines = [line for line in text.splitlines()[:12] if line.strip()]
    for line in lines:
        for delimiter in "\t,;|":
            fields = {meant(cell.strip(' "')) for cell in line.split(delimiter)} - {""}
            if "stem" in fields and len(fields) > 2:
                return Confidence.SURE
    tabs = [line.count("\t") for line in lines]
    if len(tabs) > 2 and min(tabs) > 1 and len(set(tabs)) == 1:
        return Confidence.MAYBE
    if PurePath(name).suffix.lower() in {".csv", ".tsv"} and any(
        "," in one or "\t" in one or ";" in one for one in lines
    ):
        return Confidence.MAYBE
    return Confidence.NO


def read(content: Content, name: str, adjust: Adjustments) -> Reading:
    """Read a file as `read_tables` does; a folder is none.

    Raises InvalidInput("bank.lock_file") for what a program leaves beside a file that is open.
    """
    if isinstance(content, bytes) and is_lock(content, name):
        raise InvalidInput("bank.lock_file", name=name)
    if not isinstance(content, bytes) or detect(content, name) is Confidence.NO:
        raise InvalidInput("bank.not_workbook")
    return read_tables(as_csv(content), name, adjust)


def mark(content: bytes, findings: Sequence[Finding]) -> bytes:
    """Return a file as a workbook with its findings beside the cells."""
    notes = [note(found) for found in findings]
    sheets = open_tables(as_csv(content))
    return marked_copy(sheets, notes, header_rows(sheets), title=_("bank.marked.column"))


TABLES = Format(
    NAME,
    detect,
    read,
    endings=(".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".csv", ".tsv"),
    mark=mark,
    template=template_workbook,
    writes=WORKBOOKS,
)
