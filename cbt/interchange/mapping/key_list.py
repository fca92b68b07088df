"""Keys that stand apart from their questions: read from a list, and given to the items by number or by order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from cbt.interchange.documents.lines import Line
from cbt.interchange.documents.parts import bare_keys, key_list, text_entry
from cbt.interchange.mapping.definition import FileMapping, KeyList, plain
from cbt.interchange.mapping.records import is_rubbish
from cbt.interchange.mapping.source import RawPart
from cbt.interchange.tables.cells import clean
from cbt.interchange.tables.rows import SheetItem
from cbt.spreadsheets.findings import Finding, Place, Severity

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
