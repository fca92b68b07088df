"""Items read as a mapping by hand says, from parts of any format, by the rules of their types.

Nothing is inferred that the author did not say: what does not fit is a finding with its place. Keys that stand
apart from their questions are read from a list and given to the items by number or by order.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from msgspec import structs

from cbt.errors import InvalidInput
from cbt.interchange.documents.lines import Line
from cbt.interchange.documents.parts import bare_keys, key_list, text_entry
from cbt.interchange.intake import with_pictures
from cbt.interchange.mapping.definition import (
    DERIVED,
    FileMapping,
    ItemLayout,
    KeyList,
    KeysAt,
    KeyWriting,
    check,
    pattern_of,
    plain,
    samples_of,
)
from cbt.interchange.mapping.records import Taken, cut, gather, is_rubbish, labels_of, table_of
from cbt.interchange.mapping.source import LISTED, RECORDS, SHEET, RawFile, RawPart
from cbt.interchange.tables.cells import (
    LETTERS,
    bare,
    clean,
    has_blank,
    keys_in_stem,
    labelled,
    letters_in,
    looks_like_key,
    one_line,
    same,
    structured,
    unlabelled,
    without_bullets,
)
from cbt.interchange.tables.decisions import uses_of
from cbt.interchange.tables.format import give_pictures, nowhere
from cbt.interchange.tables.item_drafts import Sense, build
from cbt.interchange.tables.item_types import heading_type, is_verdict_pair, item_type
from cbt.interchange.tables.prepared_items import ReadyItem
from cbt.interchange.tables.rows import SheetItem
from cbt.interchange.tables.sheet import plain_header
from cbt.items.draft import ItemDraft, Reading
from cbt.items.types.true_false.editor import truth_of
from cbt.rules.items.content import ItemType
from cbt.spreadsheets.columns import ColumnUse
from cbt.spreadsheets.findings import Finding, Place, Severity

_SEVERAL = re.compile(r"\s*(?:\$;|[;；|｜\n$#&])\s*")
_FULL, _CHOSEN = 0.8, {ItemType.SINGLE_CHOICE, ItemType.MULTIPLE_CHOICE}
_SAMPLE = 400
_FEWEST = 2


def read(source: RawFile, mapping: FileMapping, keys: Sequence[RawPart] = ()) -> Reading:
    """Return what a mapping makes of a file; `keys` are the parts of the other files that came with it.

    Raise the first of the mapping's faults, InvalidInput("bank.mapping.unfit") for a file of another shape.
    """
    check(mapping)
    parts = parts_of(source.parts, mapping)
    if not parts:
        raise InvalidInput("bank.mapping.unfit")
    mapped = read_parts(parts, mapping, [*source.parts, *keys])
    findings = list(mapped.findings)
    left = [part for part in source.parts if part not in parts and part not in mapped.lists]
    findings += [
        Finding(
            Severity.HINT, "part_left_out", Place(source.name, part.name), params={"count": len(part.rows)}
        )
        for part in left
        if part.form == SHEET
    ]
    reading = Reading(
        source.format,
        source.name,
        [draft for draft in mapped.drafts if draft is not None],
        sorted(findings, key=lambda finding: finding.place),
        columns=tuple(mapped.columns),
        inferred=source.inferred,
    )
    return with_pictures(reading, source.shown)


@dataclass(slots=True)
class Mapped:
    """What a mapping makes of parts: a draft for each item, None for one that is kept out, and what was found.

    `taken` says by part what its rows are, `lists` are the parts that held keys.
    """

    drafts: list[ItemDraft | None] = field(default_factory=list)
    items: list[ReadyItem] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    columns: list[ColumnUse] = field(default_factory=list)
    lists: list[RawPart] = field(default_factory=list)


def read_parts(parts: Sequence[RawPart], mapping: FileMapping, beside: Sequence[RawPart]) -> Mapped:
    """Return what a mapping makes of the parts with the questions; `beside` are those that may hold the keys."""
    mapped = Mapped()
    listed: list[ListedKey] = []
    for part in parts:
        asking = part
        if mapping.keys.at is KeysAt.END:
            end = end_of_questions(part, mapping.keys.begins)
            listed += keys_of_lines(part, range(min(end + 1, len(part.rows)), len(part.rows)), mapping)
            asking = structs.replace(part, data=structs.replace(part.data, rows=part.rows[:end]))
        mapped.taken.append(gather(asking, mapping))
    if mapping.keys.at is KeysAt.PART:
        mapped.lists = [part for part in beside if part not in parts and _holds_keys(part, mapping, parts)]
        listed = [key for part in mapped.lists for key in keys_in(part, mapping.keys, mapping)]
    for taken in mapped.taken:
        records = taken.records
        placed = give_pictures(records.table.page, [records])
        mapped.findings += nowhere(records.table.page, placed, [records.table])
        mapped.findings += _left_out(taken)
        mapped.columns += uses_of(records.table) if mapping.layout is ItemLayout.ROWS else []
    items = [item for taken in mapped.taken for item in taken.records.items]
    if mapping.keys.at in (KeysAt.PART, KeysAt.END):
        where = Place(parts[0].file, parts[0].name)
        mapped.findings += give(items, listed, order=mapping.keys.order, where=where)
    for item in items:
        ready, draft, findings = _read_item(item, mapping)
        mapped.items.append(ready)
        mapped.drafts.append(draft)
        mapped.findings += findings
    if not items:
        mapped.findings.append(Finding(Severity.ERROR, "no_columns", Place(parts[0].file, parts[0].name)))
    return mapped


def _holds_keys(part: RawPart, mapping: FileMapping, parts: Sequence[RawPart]) -> bool:
    apart = part.file != parts[0].file
    if mapping.keys.file:
        return apart
    return not apart and part.name == mapping.keys.part


def _left_out(taken: Taken) -> Iterator[Finding]:
    """Yield what was left out, the first row of each kind with how many there are."""
    page = taken.records.table.page
    rows: dict[str, list[int]] = {}
    for row, code in taken.records.left_out:
        rows.setdefault(code, []).append(row)
    for code, places in rows.items():
        text = " ".join(cell for cell in page.rows[places[0]] if cell)
        place = Place(page.file, page.name, places[0] + 1)
        yield Finding(Severity.HINT, code, place, text, params={"count": len(places)})


# Which parts of a file a mapping is for.


def has_shape(source: RawFile, mapping: FileMapping) -> bool:
    """Return whether a file has the shape of those that a mapping was said of, or is the very one."""
    return source.name == mapping.file or any(fits(part, mapping) for part in source.parts)


def parts_of(parts: Sequence[RawPart], mapping: FileMapping) -> list[RawPart]:
    """Return the parts of a file that have the shape a mapping says; the one that was looked at always is."""
    if mapping.keys.at is KeysAt.PART and not mapping.keys.file:
        parts = [part for part in parts if part.name != mapping.keys.part or part.name == mapping.part]
    return [
        part
        for part in parts
        if (part.file, part.name) == (mapping.file, mapping.part) or fits(part, mapping)
    ]


def headers_of(part: RawPart, mapping: FileMapping) -> dict[str, str]:
    """Return by what a part is known again: what stands above its columns, or what kind of text is in them."""
    if mapping.layout is ItemLayout.LINES or part.form == RECORDS:
        return {}
    table = table_of(part, mapping)
    labels = labels_of(part, mapping)
    used = [label for label, name in mapping.columns.items() if name and label in labels]
    if mapping.head:
        return {label: plain_header(table.headers.get(labels.index(label), "")) for label in used}
    return {label: _kind_of_column([*table.values(labels.index(label))][:_SAMPLE]) for label in used}


def _kind_of_column(values: Sequence[str]) -> str:
    """Return what nearly all cells of a column are: it has no header to be known by."""
    enough = _FULL * len(values)
    if not values:
        return "-"
    if sum(text.removesuffix(".0").isdigit() for text in values) >= enough:
        return "0"
    if sum(looks_like_key(text) for text in values) >= enough:
        return "A"
    return "…"


def fits(part: RawPart, mapping: FileMapping) -> bool:
    """Return whether a part has the shape of those that a mapping was said of."""
    if part.form != mapping.form:
        return False
    if mapping.layout is ItemLayout.LINES:
        return _fits_lines(part, mapping)
    labels = labels_of(part, mapping)
    used = [label for label, name in mapping.columns.items() if name]
    if part.form == RECORDS:
        stems = {mapping.column_of("stem"), mapping.column_of("stem_choices")} & set(labels)
        return bool(stems) and sum(label in labels for label in used) >= _FULL * len(used)
    if not set(used) <= set(labels) or len(part.rows) <= mapping.head:
        return False
    if mapping.cut:
        filled = [line for line in part.rows[mapping.head :][:_SAMPLE] if any(line)]
        widths = Counter(len(cut(line, mapping.cut)) for line in filled)
        return sum(widths[width] for width in widths if width > 1) >= _FULL * max(len(filled), 1)
    return not mapping.headers or headers_of(part, mapping) == mapping.headers


def _fits_lines(part: RawPart, mapping: FileMapping) -> bool:
    """Return whether the labels of a mapping stand in a part."""
    texts = [plain(" ".join(line)).strip() for line in part.rows[: 5 * _SAMPLE]]
    for name in ("number", "choices", "answer"):
        samples = samples_of(mapping.labels.get(name, ""))
        patterns = [pattern_of(sample, lettered=name == "choices") for sample in samples if sample != "-"]
        if patterns and sum(any(one.search(text) for one in patterns) for text in texts) < _FEWEST:
            return False
    return bool(texts)


# One item: its choices, its key as the author says keys are written, its type.


def _read_item(item: SheetItem, mapping: FileMapping) -> tuple[ReadyItem, ItemDraft | None, list[Finding]]:
    stem, choices = _choices(item, mapping)
    choices, marked = _unmarked(choices, mapping)
    answer = _joined_blanks(item) or item.answer.strip()
    ready = ReadyItem(item, without_bullets(stem.strip()), choices, answer)
    if mapping.keys.at is KeysAt.STEM:
        inside = keys_in_stem(ready.stem, choices or ["", ""])
        if len(inside) == 1:
            answer, ready.stem = inside[0].text, inside[0].stem
    letters = letters_of(answer, choices, mapping)
    if by_choice := mapping.writing in (KeyWriting.MARK, KeyWriting.FLAGS):
        letters = marked if mapping.writing is KeyWriting.MARK else flagged(item, mapping)
    kind = _kind(item, mapping, choices, letters, answer, ready.stem)
    if not isinstance(kind, ItemType):
        return ready, None, [_without_type(item, kind, answer)]
    if kind in _CHOSEN:
        ready.rights = letters if answer or by_choice else None
        ready.answer = ""
    elif kind is ItemType.TRUE_FALSE:
        _settle_verdict(ready, mapping, letters, answer)
    else:
        ready.answer = item.answer = _separated(answer, mapping)
        item.rights = []
        item.choices, item.cells = [], []
    draft, findings = build(ready, kind, Sense())
    return ready, draft, findings


def _joined_blanks(item: SheetItem) -> str:
    return "；".join(item.blanks)


def _choices(item: SheetItem, mapping: FileMapping) -> tuple[str, list[str]]:
    """Return the stem and the choices of an item."""
    if item.table.has("stem_choices"):
        pieces = _split(item.stem, mapping.split)
        if not mapping.split and (named := labelled(item.stem)) is not None:
            pieces = [named[0], *named[1]]
        return (pieces[0] if pieces else ""), unlabelled([one_line(text) for text in pieces[1:]])
    choices = [one_line(text) for text in item.choices]
    if item.cells:
        several = len(item.cells) > 1
        pieces = item.cells if several else _split(item.cells[0], mapping.split)
        choices = [one_line(text) for text in pieces]
    while choices and not choices[-1]:
        choices.pop()
    return item.stem, choices if "" in choices else unlabelled(choices)


def _split(text: str, sign: str) -> list[str]:
    """Return the choices of one cell: a list's own, those between a sign, or those with labels A, B, C."""
    if LISTED in text:
        return text.split(LISTED)
    if sign:
        pieces = [piece.strip() for piece in text.split(sign)]
        return [piece for piece in pieces if piece]
    if listed := structured(text.strip()):
        return listed
    named = labelled(text)
    if named is not None and not named[0]:
        return named[1]
    return [line.strip() for line in text.split("\n") if line.strip()]


def _unmarked(choices: list[str], mapping: FileMapping) -> tuple[list[str], str]:
    """Return the choices without the sign of the right ones, and the letters of those that had it."""
    if mapping.writing is not KeyWriting.MARK:
        return choices, ""
    letters = "".join(letter for letter, text in zip(LETTERS, choices, strict=False) if mapping.mark in text)
    return [text.replace(mapping.mark, "").strip() for text in choices], letters


def letters_of(answer: str, choices: Sequence[str], mapping: FileMapping) -> str:
    """Return the key of a choice in letters, "?" for what names no choice, "" for none or without choices.

    A letter or a number beyond the choices is kept as it is: it is refused by its name.
    """
    if not answer or not choices:
        return ""
    match mapping.writing:
        case KeyWriting.LETTERS:
            text = answer.replace(mapping.between, " ") if mapping.between else answer
            return letters_in(text.replace(LISTED, " ")) or "?"
        case KeyWriting.FROM_1 | KeyWriting.FROM_0:
            return _numbered(answer, len(choices), mapping)
        case KeyWriting.TEXT:
            return _worded(answer, choices, mapping)
    return ""


def _numbered(answer: str, count: int, mapping: FileMapping) -> str:
    base = 1 if mapping.writing is KeyWriting.FROM_1 else 0
    tokens = re.findall(r"\d+", re.sub(r"\.0+(?!\d)", "", plain(answer)))
    if len(tokens) == 1 and int(tokens[0]) - base >= count and not mapping.between:
        tokens = list(tokens[0])  # 13 is the first and the third
    places = sorted({int(token) - base for token in tokens})
    if not places or places[0] < 0 or places[-1] >= len(LETTERS):
        return "?"
    return "".join(LETTERS[place] for place in places)


def _worded(answer: str, choices: Sequence[str], mapping: FileMapping) -> str:
    texts = [same(text) for text in choices]
    whole = same(one_line(answer))
    if texts.count(whole) == 1:
        return LETTERS[texts.index(whole)]
    pieces = (
        answer.split(mapping.between) if mapping.between else _SEVERAL.split(answer.replace(LISTED, "\n"))
    )
    named = [same(piece) for piece in pieces if piece.strip()]
    if not named or any(texts.count(piece) != 1 for piece in named):
        return "?"
    return "".join(sorted({LETTERS[texts.index(piece)] for piece in named}))


def flagged(item: SheetItem, mapping: FileMapping) -> str:
    """Return the letters of the choices that a column says are right, "?" where it says neither of one."""
    flags = [flag for text in item.rights for flag in text.split(LISTED)]
    verdicts = [verdict_of(flag, mapping) if flag.strip() else False for flag in flags]
    if any(verdict is None for verdict in verdicts):
        return "?"
    return "".join(letter for letter, right in zip(LETTERS, verdicts, strict=False) if right)


def verdict_of(text: str, mapping: FileMapping) -> bool | None:
    """Return what a word says of a statement: as the author says, else as everybody writes it."""
    word = plain(text).strip().casefold()
    if word in {plain(right).strip().casefold() for right in mapping.right}:
        return True
    if word in {plain(wrong).strip().casefold() for wrong in mapping.wrong}:
        return False
    return truth_of(bare(text))


def _settle_verdict(ready: ReadyItem, mapping: FileMapping, letters: str, answer: str) -> None:
    """Say what a 判断 says: by the choice that is right, or by its own word."""
    if is_verdict_pair(ready.choices) and letters not in ("", "?"):
        ready.rights, ready.answer = letters, ""
        return
    ready.choices, verdict = [], verdict_of(answer, mapping)
    ready.answer = answer if verdict is None else "√" if verdict else "×"
    if verdict is None and answer:
        ready.answer = "?"  # 0, 1, A and B say nothing of themselves


def _separated(answer: str, mapping: FileMapping) -> str:
    sign = mapping.between or LISTED
    pieces = [piece.strip() for piece in answer.split(sign)]
    return "；".join(pieces) if len(pieces) > 1 else answer.strip()


def _kind(
    item: SheetItem, mapping: FileMapping, choices: Sequence[str], letters: str, answer: str, stem: str
) -> ItemType | str:
    """Return the type of an item, or the code of why it has none: as the author says, else by what it has."""
    for word, from_cell in ((item.type.strip(), True), (item.heading, False), (item.table.page.name, False)):
        if not word:
            continue
        said = mapping.kinds.get(word, "")
        if said:
            return ItemType(said) if said != DERIVED else _derived(choices, letters, answer, stem, mapping)
        if mapping.kind:
            break
        named = (
            item_type(word, choices=len(choices), answer=letters or answer)
            if from_cell
            else heading_type(word)
        )
        if isinstance(named, ItemType) and (from_cell or _can_be(named, choices)):
            return named
        if from_cell and named != DERIVED:
            return named
        if from_cell:
            break
    if mapping.kind:
        return ItemType(mapping.kind)
    return _derived(choices, letters, answer, stem, mapping)


def _can_be(kind: ItemType, choices: Sequence[str]) -> bool:
    """Return whether what a heading or a sheet says can be: names are often left over."""
    return bool(choices) if kind in _CHOSEN else not choices or is_verdict_pair(choices)


def _derived(
    choices: Sequence[str], letters: str, answer: str, stem: str, mapping: FileMapping
) -> ItemType | str:
    if is_verdict_pair(choices):
        return ItemType.TRUE_FALSE
    if len(choices) > 1:
        return ItemType.MULTIPLE_CHOICE if len(letters) > 1 else ItemType.SINGLE_CHOICE
    if not answer:
        return "missing"
    if verdict_of(answer, mapping) is not None:
        return ItemType.TRUE_FALSE
    if letters_in(answer) is not None:
        return "type_ask"
    return ItemType.FILL_BLANK if has_blank(stem) else ItemType.SHORT_ANSWER


def _without_type(item: SheetItem, code: str, answer: str) -> Finding:
    name = "answer" if code == "missing" else "type"
    value = item.type if name == "type" else answer
    return Finding(Severity.ERROR, code, item.place(name), value, str(item.place()), {"field": name})


_BRACKETS = str.maketrans("()（）[]【】", " " * 8)


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A key and the number it is listed under, 0 where the list has none."""

    number: int
    text: str
    place: Place


def keys_in(part: RawPart, keys: KeyList, mapping: FileMapping) -> Iterator[ListedKey]:
    """Yield the keys of a part: of its two columns, or of its lines."""
    if keys.answer in part.labels:
        answer = part.labels.index(keys.answer)
        number = part.labels.index(keys.number) if keys.number in part.labels else -1
        for row in range(keys.head, len(part.rows)):
            text, said = clean(part.cell(row, answer)), _figure(part.cell(row, number))
            if text and (said or keys.order):
                yield ListedKey(said, text, Place(part.file, part.name, row + 1))
        return
    yield from keys_of_lines(part, range(keys.head, len(part.rows)), mapping)


def keys_of_lines(part: RawPart, rows: range, mapping: FileMapping) -> Iterator[ListedKey]:
    """Yield the keys that lines list: `1-5 ABCDA`, `1、对 2、错`, `3. 投诉` or, by order, `ABCDA`."""
    for row in rows:
        text = " ".join(cell for cell in map(clean, part.rows[row]) if cell)
        if not text or is_rubbish(text, row + 1, mapping):
            continue
        line, place = Line(text, row + 1), Place(part.file, part.name, row + 1)
        listed = key_list(line) or key_list(replace(line, text=" ".join(text.translate(_BRACKETS).split())))
        if mapping.keys.order and (bare := bare_keys(line)):
            yield from (ListedKey(0, key, place) for key in bare)
        elif listed:
            yield from (ListedKey(key.number, key.token, place) for key in listed)
        elif entry := text_entry(line):
            yield ListedKey(entry.number, entry.token, place)
        elif mapping.keys.order:
            yield ListedKey(0, text, place)


def end_of_questions(part: RawPart, begins: str) -> int:
    """Return the row (from 0) behind which the keys stand, the last that says so; the end where none does."""
    sign = plain(begins).strip()
    said = [
        row
        for row, cells in enumerate(part.rows)
        if plain(" ".join(cells)).strip(" \u3000#*【[(").startswith(sign)
    ]
    return said[-1] if sign and said else len(part.rows)


def give(
    items: Sequence[SheetItem], keys: Sequence[ListedKey], *, order: bool, where: Place
) -> list[Finding]:
    """Give each item its key; return what does not fit.

    Numbers that begin anew begin a run, of items as of keys: run by run they belong together. Where there are not
    as many of both, no key is given: a wrong one is worse than none.
    """
    if not keys:
        return [Finding(Severity.ERROR, "keys_not_listed", where)]
    if order:
        if unlike := _unlike(len(items), len(keys), where):
            return unlike
        for item, key in zip(items, keys, strict=True):
            item.answer = key.text
        return []
    numbers = [_figure(item.number) or place for place, item in enumerate(items, 1)]
    item_runs, key_runs = _runs(numbers), _runs([key.number for key in keys])
    if _once(numbers) and _once([key.number for key in keys]):
        item_runs, key_runs = [range(len(items))], [range(len(keys))]
    if unlike := _unlike(len(item_runs), len(key_runs), where, code="keys_runs"):
        return unlike
    findings = []
    for own, listed in zip(item_runs, key_runs, strict=True):
        by_number = {keys[place].number: keys[place] for place in listed}
        for place in own:
            if numbers[place] in by_number:
                items[place].answer = by_number.pop(numbers[place]).text
        findings += [
            Finding(Severity.HINT, "key_of_nobody", key.place, key.text, params={"number": key.number})
            for key in by_number.values()
        ]
    return findings


def _once(numbers: Sequence[int]) -> bool:
    return all(count == 1 for count in Counter(numbers).values())


def _runs(numbers: Sequence[int]) -> list[range]:
    starts = [place for place, number in enumerate(numbers) if place == 0 or number <= numbers[place - 1]]
    return [range(start, end) for start, end in zip(starts, [*starts[1:], len(numbers)], strict=True)]


def _unlike(items: int, keys: int, where: Place, *, code: str = "keys_order") -> list[Finding]:
    params = {"items": items, "keys": keys}
    return [] if items == keys else [Finding(Severity.ERROR, code, where, params=params)]


def _figure(text: str) -> int:
    digits = plain(text).strip().removesuffix(".0").strip(" .、第题()")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 7 else 0
