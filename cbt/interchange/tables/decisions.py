"""Decisions about a table: the types of its items, how right and wrong are written, what was inferred."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cbt.interchange.tables.cells import bare, has_blank, keys_in_stem, letters_in
from cbt.interchange.tables.item_drafts import Sense, named_choices, scale_in
from cbt.interchange.tables.item_types import DERIVED, derive, heading_type, item_type, named_type, verdicts
from cbt.interchange.tables.prepared_items import ReadyItem, ReadyTable
from cbt.interchange.tables.rows import Records
from cbt.interchange.tables.sheet import LEFT_OUT, Page, Table, plain_header
from cbt.items.draft import Adjustments, Inferred, ItemDraft, SourceText
from cbt.items.exam_prose import plain
from cbt.rules.items.content import ItemType
from cbt.spreadsheets.columns import ColumnUse, letter
from cbt.spreadsheets.findings import Finding, Place, Severity

TYPE_CHOICES = (
    ItemType.SINGLE_CHOICE,
    ItemType.MULTIPLE_CHOICE,
    ItemType.TRUE_FALSE,
    ItemType.FILL_BLANK,
    ItemType.NUMERIC,
    ItemType.SHORT_ANSWER,
)
_TEXTUAL = {ItemType.FILL_BLANK, ItemType.NUMERIC, ItemType.SHORT_ANSWER}
_MOST = 0.9
_FEW = 5
_VERDICT_SETS = ({"A", "B"}, {"0", "1"}, {"1", "2"})
_EXPLAINED = re.compile(r"A\s*(?:[.．、：:=]|为|是|表示|代表|选项)*\s*[“\"]?(正确|对|√|错误|错|×)")


@dataclass(frozen=True, slots=True)
class Decided:
    """The type of an item, or the code of why it has none; `source` says who named it, `word` with what."""

    kind: ItemType | str
    source: str
    word: str = ""


def decide(table: ReadyTable, *, sheet: str, file: str, adjust: Adjustments) -> list[Decided]:
    """Return the type of each item of a table: as a cell, its heading, the sheet or the file says, else derived."""
    decisions = [_said(one, sheet, file, adjust, table) for one in table.items]
    _by_file(decisions)
    by_word: defaultdict[str, list[int]] = defaultdict(list)
    for place, each in enumerate(decisions):
        if each.source == "word":
            by_word[each.word].append(place)
    for word, places in by_word.items():
        _of_one_word(word, places, decisions, table)
    verdicts_alone = _lone_verdicts(table, decisions)
    for place in verdicts_alone:
        decisions[place] = Decided(ItemType.TRUE_FALSE, decisions[place].source, decisions[place].word)
    return decisions


def _said(item: ReadyItem, sheet: str, file: str, adjust: Adjustments, table: ReadyTable) -> Decided:
    answer = effective_answer(item)
    if word := item.raw.type.strip():
        if chosen := adjust.get(f"type:{word}"):
            return _chosen(chosen, item, "word", word, table)
        kind = item_type(word, choices=len(item.choices), answer=answer)
        if kind in {"type_unknown", DERIVED} or _is_choice_after_all(kind, item):
            return Decided(_derived(item, table), "word", word)
        return Decided(kind, "cell", word)
    if item.named:
        kind = named_type(item.named)
        return (
            Decided(_derived(item, table), "word", item.named)
            if kind == DERIVED
            else Decided(kind, "cell", item.named)
        )
    for source, text in (("heading", item.raw.heading), ("sheet", sheet), ("file", file)):
        if text and (chosen := adjust.get(f"type:{text}")):
            return _chosen(chosen, item, source, text, table)
        kind = heading_type(text) if text else ""
        if kind == DERIVED and source != "file":
            return Decided(_derived(item, table), "derived", sheet)
        if kind and kind != DERIVED and _fits(kind, item, table, source):
            return Decided(kind if source != "file" else _derived(item, table), source, text)
    return Decided(_derived(item, table), "derived", sheet)


def _by_file(decisions: list[Decided]) -> None:
    """Have the name of a file decide where it fits most of its items: names are often left over."""
    places = [place for place, each in enumerate(decisions) if each.source == "file"]
    kind = heading_type(decisions[places[0]].word) if places else ""
    if isinstance(kind, ItemType) and sum(decisions[place].kind == kind for place in places) >= 0.6 * len(
        places
    ):
        for place in places:
            if isinstance(decisions[place].kind, ItemType):
                decisions[place] = Decided(kind, "file", decisions[place].word)


def _chosen(value: str, item: ReadyItem, source: str, word: str, table: ReadyTable) -> Decided:
    kinds = {kind.value: kind for kind in TYPE_CHOICES}
    return Decided(kinds[value] if value in kinds else _derived(item, table), f"{source}!", word)


def _is_choice_after_all(kind: ItemType | str, item: ReadyItem) -> bool:
    """Return whether an item is called 计算, 填空 or 判断 for what it asks, and is answered by a letter."""
    if kind == ItemType.TRUE_FALSE:
        return len(item.choices) > 2 and letters_in(effective_answer(item)) is not None
    if kind not in _TEXTUAL or named_choices(item):
        return False
    return len(item.choices) > 1 and letters_in(effective_answer(item)) is not None


def _fits(kind: ItemType | str, item: ReadyItem, table: ReadyTable, source: str) -> bool:
    """Return whether what a heading or a name says can be: names of sheets and files are often left over."""
    if source == "heading":
        return not (kind in _TEXTUAL and _is_choice_after_all(kind, item))
    derived = _derived(item, table)
    if kind in {ItemType.SINGLE_CHOICE, ItemType.MULTIPLE_CHOICE}:
        return bool(item.choices) and (derived != ItemType.TRUE_FALSE or len(item.choices) != 2)
    if kind == ItemType.TRUE_FALSE:
        return not item.choices or verdicts(item.choices) is not None
    if kind == "type_unsupported":
        return source == "sheet" and not item.choices
    return not _is_choice_after_all(kind, item)


def effective_answer(item: ReadyItem) -> str:
    """Return the key of an item wherever it stands."""
    if item.rights is not None:
        return item.rights
    return (
        item.answer
        or item.bracket
        or (item.in_stem[0].text if len(item.in_stem) == 1 else "")
        or "；".join(item.raw.blanks)
    )


def _derived(item: ReadyItem, table: ReadyTable) -> ItemType | str:
    answer = effective_answer(item)
    if not answer and len(item.in_stem) > 1 and item.choices:
        lettered = [key.text for key in item.in_stem if key.kind == "letters"]
        answer = lettered[0] if len(lettered) == 1 else ""
    if not answer:
        return "missing"
    if item.raw.blanks and not item.answer:
        return ItemType.FILL_BLANK
    if not item.choices and letters_in(answer) is not None:
        text = plain(bare(answer))
        return ItemType.TRUE_FALSE if text in {"T", "F"} else "type_ask"
    if not item.choices and item.in_stem and item.in_stem[0].kind == "truth" and not item.answer:
        return ItemType.TRUE_FALSE
    return derive(item.choices, answer, item.stem, table.base, table.prefer)


def _of_one_word(word: str, places: Sequence[int], decisions: list[Decided], table: ReadyTable) -> None:
    """Give all items of a word the type that nearly all of them have; 选择题 says both of two."""
    if named_type(word) == DERIVED:
        return
    kinds = Counter(decisions[place].kind for place in places if isinstance(decisions[place].kind, ItemType))
    if not kinds:
        return
    kind, count = kinds.most_common(1)[0]
    multiple = ItemType.MULTIPLE_CHOICE
    if kind == multiple and set(kinds) <= {multiple, ItemType.SINGLE_CHOICE} and count >= 0.6 * kinds.total():
        count = kinds.total()
    if count >= _MOST * kinds.total() and len(kinds) > 1:
        for place in places:
            if isinstance(decisions[place].kind, ItemType):
                decisions[place] = Decided(kind, "word", word)


def _lone_verdicts(table: ReadyTable, decisions: Sequence[Decided]) -> list[int]:
    """Return the untyped items without choices whose keys are two values throughout: A and B, 1 and 0, 1 and 2."""
    lone = [
        place
        for place, (one, each) in enumerate(zip(table.items, decisions, strict=True))
        if each.kind == "type_ask" and not one.choices and each.source in {"derived", "word"}
    ]
    figures = {_figure(table.items[place].answer) for place in lone}
    return lone if len(lone) >= 4 and figures in _VERDICT_SETS else []


def _figure(text: str) -> str:
    key = plain(bare(text))
    return key[0] if re.fullmatch(r"[012]\.0+", key) else key


def sense_of(
    table: ReadyTable,
    decided: Sequence[Decided],
    explained: Sequence[str],
    adjust: Adjustments,
    sheet: str,
) -> Sense:
    """Return how a table writes its keys and its difficulty."""
    sense = Sense(base=table.base, prefer=table.prefer)
    if (choice := adjust.get(f"keys:{sheet}", "")) in {"0", "1"}:
        sense.base = int(choice)
    lone = [
        _figure(one.answer or one.bracket)
        for one, each in zip(table.items, decided, strict=True)
        if each.kind == ItemType.TRUE_FALSE and verdicts(one.choices) is None
    ]
    sense.right = _right(set(lone), explained, adjust.get(f"truth:{sheet}", ""))
    lettered = sum(any(key.kind == "letters" for key in one.in_stem) for one in table.items if one.choices)
    sense.bracketed = lettered > 0.3 * max(sum(bool(one.choices) for one in table.items), 1)
    scales = [one.raw.difficulty for one in table.items if one.raw.difficulty]
    sense.scaled = (
        sum(scale_in(text) is not None for text in scales) >= 0.5 * len(scales) or len(scales) < _FEW
    )
    return sense


def _right(values: set[str], explained: Sequence[str], chosen: str) -> dict[str, bool]:
    """Return which of 0, 1, 2, A and B stand for right and wrong in a table."""
    if chosen in {"A", "B"}:
        return {"A": chosen == "A", "B": chosen == "B"}
    if chosen in {"0", "1", "2"}:
        return {other: other == chosen for other in ("0", "1", "2")}
    right: dict[str, bool] = {}
    digits = values & {"0", "1", "2"}
    if digits and digits != {"0", "1", "2"} and digits != {"0", "2"}:
        right |= {one: one == "1" for one in digits}
    if values & {"A", "B"} and not values & set("CDEFGH"):
        word = next((match[1] for text in explained if (match := _EXPLAINED.search(text))), "对")
        first = word in {"正确", "对", "√"}
        right |= {"A": first, "B": not first}
    return right


_TYPES = (*(kind.value for kind in TYPE_CHOICES), DERIVED)


def inferred_of(
    table: Table, records: Records, prepared: ReadyTable, decided: Sequence[Decided], sense: Sense
) -> Iterator[Inferred]:
    """Yield what was inferred of a table."""
    sheet, page = table.page.name, table.page
    at, count = Place(page.file, sheet, table.head), len(prepared.items)
    if table.head != 1 or table.two_rows:
        said = str(table.head) if table.head else "no_header"
        yield Inferred(f"header:{sheet}", "header", said, (said,), count, at, {"sheet": sheet})
    for column, name in sorted(table.guessed.items()):
        if table.columns.get(name) == column:
            header = table.headers.get(column, "")
            place = Place(page.file, sheet, table.head, letter(column), header)
            params = {"sheet": sheet, "column": letter(column)}
            yield Inferred(f"column:{sheet}:{letter(column)}", "column", name, (name,), count, place, params)
    yield from _types(decided, at)
    if records.several_rows:
        yield Inferred(f"rows:{sheet}", "rows", "several", (), count, at, {"sheet": sheet})
    if records.keys_elsewhere:
        yield Inferred(f"answers:{sheet}", "keys_elsewhere", "sheet", (), count, at, {"sheet": sheet})
    if prepared.split_cells:
        yield Inferred(
            f"choices:{sheet}",
            "choices_cell",
            prepared.separator or "A B C",
            (),
            prepared.split_cells,
            at,
            {"sheet": sheet},
        )
    if prepared.inline:
        yield Inferred(f"choices:{sheet}", "choices_stem", "stem", (), prepared.inline, at, {"sheet": sheet})
    used = sense.used
    if inside := used.get("stem", 0) + used.get("stem_too", 0):
        yield Inferred(f"key:{sheet}", "key_stem", "stem", (), inside, at, {"sheet": sheet})
    if used.get("numbers"):
        yield Inferred(
            f"keys:{sheet}", "key_numbers", str(sense.base), ("0", "1"), used["numbers"], at, {"sheet": sheet}
        )
    if used.get("text"):
        yield Inferred(f"texts:{sheet}", "key_text", "text", (), used["text"], at, {"sheet": sheet})
    if used.get("truth"):
        values = [value for value, right in sense.right.items() if right]
        choices = ("A", "B") if {"A", "B"} <= set(sense.right) else ("0", "1", "2")
        chosen_value = values[0] if values else ""
        yield Inferred(f"truth:{sheet}", "truth", chosen_value, choices, used["truth"], at, {"sheet": sheet})


def _types(decided: Sequence[Decided], at: Place) -> Iterator[Inferred]:
    counted = Counter(
        (each.source, each.word, each.kind) for each in decided if isinstance(each.kind, ItemType)
    )
    by_name: dict[tuple[str, str], dict[str, int]] = {}
    for (source, word, kind), count in counted.items():
        by_name.setdefault((source.rstrip("!"), word), {})[str(kind)] = count
    for (source, word), kinds in by_name.items():
        if source == "cell":
            continue
        value = next(iter(kinds)) if len(kinds) == 1 else DERIVED
        code = "type_derived" if source == "derived" else "type_named"
        yield Inferred(f"type:{word}", code, value, _TYPES, sum(kinds.values()), at, {"word": word})


_MISSING_KEYS = 0.9


@dataclass(slots=True)
class Part:
    """One table, as it was understood."""

    table: Table
    records: Records
    prepared: ReadyTable
    decided: list[Decided]
    sense: Sense
    items: list[ItemDraft] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def rows_left_out(part: Part) -> Iterator[Finding]:
    """Yield one finding for each way in which rows were left out, at the first of them."""
    rows: dict[str, list[int]] = {}
    for row, code in part.records.left_out:
        rows.setdefault(code, []).append(row)
    for code, places in rows.items():
        page = part.table.page
        text = " ".join(cell for cell in page.rows[places[0]] if cell)
        place = Place(page.file, page.name, places[0] + 1)
        yield Finding(Severity.HINT, code, place, text, params={"count": len(places)})


def about_columns(part: Part) -> Iterator[Finding]:
    table = part.table
    for column, name in table.doubled:
        if name == "number":
            continue
        place = Place(
            table.page.file, table.page.name, table.head, letter(column), table.headers.get(column, "")
        )
        yield Finding(
            Severity.HINT, "column_double", place, table.headers.get(column, ""), params={"field": name}
        )
    findings = [
        found for found in part.findings if found.code == "missing" and found.params.get("field") == "answer"
    ]
    if not part.sense.scaled:
        place = part.prepared.items[0].raw.place("difficulty")
        yield Finding(Severity.HINT, "scale_unread", place, part.prepared.items[0].raw.difficulty)
    count = len(part.prepared.items)
    if part.records.look_asked:
        part.findings = [found for found in part.findings if found not in findings]
    elif not table.has("answer", "right", "blank_1") and 0 < _MISSING_KEYS * count <= len(findings):
        part.findings = [found for found in part.findings if found not in findings]
        place = Place(table.page.file, table.page.name, table.head)
        yield Finding(Severity.ERROR, "column_missing", place, params={"fields": ["answer"]})


def not_read(page: Page, file_name: str, *, alone: bool) -> list[Finding]:
    texts = [cell for row in page.rows for cell in row if cell]
    if not texts:
        return []
    asking = sum(has_blank(text) or bool(keys_in_stem(text, ["", ""])) for text in texts if len(text) > 5)
    wide = sum(len(page.filled(row)) > 2 and max(map(len, cells)) > 9 for row, cells in enumerate(page.rows))
    if alone and not asking and wide < 3:
        return []
    if asking > 3 or wide > 2 or alone:
        return [Finding(Severity.ERROR, "sheet_unclear", Place(file_name, page.name))]
    return [Finding(Severity.HINT, "sheet_left_out", Place(file_name, page.name))]


def uses_of(table: Table) -> Iterator[ColumnUse]:
    by_column = {column: name for name, column in table.columns.items()}
    for column in range(table.left, table.right + 1):
        header = table.headers.get(column, "")
        if header or column in by_column:
            yield ColumnUse(table.page.name, letter(column), header, by_column.get(column, ""))


def source_of(part: Part) -> Iterator[SourceText]:
    """Yield the cells of a table's items with what they were read as; known columns that are none are left out."""
    table = part.table
    by_column = {column: name for name, column in table.columns.items()}
    left_out = {column for column, name in table.meanings.items() if name == LEFT_OUT}
    for row in (row for item in part.records.items for row in item.rows):
        for column in table.page.filled(row, table.left, table.right):
            name = by_column.get(column, LEFT_OUT if column in left_out else "")
            place = Place(table.page.file, table.page.name, row + 1, letter(column))
            yield SourceText(place, table.page.cell(row, column), name)


def layout_of(parts: Sequence[Part]) -> str:
    """Return what is the same for files laid out alike: sheets, headers, what their columns are read as."""
    if not parts:
        return ""
    rows = [
        (
            part.table.page.name,
            part.table.head,
            [plain_header(text) for _column, text in sorted(part.table.headers.items()) if text],
            sorted(part.table.columns.items()),
        )
        for part in parts
    ]
    return hashlib.sha256(json.dumps(rows, ensure_ascii=False).encode()).hexdigest()
