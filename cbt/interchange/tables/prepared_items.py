"""Prepared items of a table: stems, choices and keys told apart, and what holds for all of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from cbt.interchange.tables import cells
from cbt.interchange.tables.cells import (
    InnerKey,
    bare,
    find_key,
    keys_in_stem,
    labelled,
    letters_in,
    numbers_in,
    separator_of,
    split,
    split_by,
    unlabelled,
)
from cbt.interchange.tables.item_types import is_verdict_pair, item_type, named_type
from cbt.interchange.tables.rows import Records, SheetItem
from cbt.items.types.true_false.editor import truth_of
from cbt.rules.items.content import ItemType


@dataclass(slots=True)
class ReadyItem:
    """One item: its stem, its choices, what is said of its key, and the type its stem names."""

    raw: SheetItem
    stem: str
    choices: list[str] = field(default_factory=list)
    answer: str = ""
    in_stem: list[InnerKey] = field(default_factory=list)
    bracket: str = ""
    named: str = ""
    rights: str | None = None
    gap: int = -1
    left_over: bool = False

    @property
    def said_type(self) -> str:
        return self.raw.type or self.named


@dataclass(slots=True)
class ReadyTable:
    """The items of a table and what holds for all of them."""

    records: Records
    items: list[ReadyItem]
    separator: str = ""
    split_cells: int = 0
    inline: int = 0
    base: int = 1
    prefer: str = ""


def said_kind(item: ReadyItem) -> ItemType | str:
    """Return the type that a cell or the stem names, "" for none."""
    return item_type(item.said_type, choices=0, answer="") if item.said_type else ""


NO_CHOICES = {ItemType.FILL_BLANK, ItemType.SHORT_ANSWER, ItemType.NUMERIC, "type_unsupported"}


_FILLERS = frozenset({"/", "／", "\\", "-", "—", "——", "null", "NULL", "None", "nan", "N/A"})


def find_choices(done: ReadyTable) -> None:
    """Tell the choices of each item apart: columns, a cell, rows below the stem, or the end of the stem."""
    cells = ["\n".join(one.raw.cells) for one in done.items if one.raw.cells]
    unnamed = [text for text in cells if not (labelled(text) or ("x", []))[1]]
    done.separator = separator_of(unnamed) if unnamed else ""
    plain = [
        one
        for one in done.items
        if not (one.raw.cells or any(one.raw.choices) or one.raw.lines or one.raw.rights)
    ]
    for item in done.items:
        _choices_of(item, done)
    loose = [one for one in done.items if len(one.choices) > 1]
    if loose and sum(unlabelled(one.choices, loose=True) != one.choices for one in loose) >= 0.8 * len(loose):
        for item in loose:
            item.choices = unlabelled(item.choices, loose=True)
    _behind_stems(done, [one for one in plain if not one.choices])


def _choices_of(item: ReadyItem, done: ReadyTable) -> None:
    raw = item.raw
    filled = [cells.one_line(text) for text in raw.choices]
    filled = _without_fillers(filled)
    if raw.lines and (any(filled) or raw.cells):
        _scattered(item)
        return
    if any(filled):
        if sum(map(bool, filled)) == 1 and (several := split("\n".join(raw.choices).strip(), "\n")):
            item.choices, done.split_cells = several, done.split_cells + 1
            return
        while filled and not filled[-1]:
            filled.pop()
        item.gap = filled.index("") if "" in filled else -1
        item.choices = unlabelled([text for text in filled if text]) if item.gap < 0 else filled
        return
    if raw.cells:
        text = "\n".join(raw.cells)
        if (several := split(text, done.separator)) is not None:
            item.choices, done.split_cells = several, done.split_cells + 1
        elif said_kind(item) in NO_CHOICES:
            return
        else:
            item.choices = [cells.one_line(text)]
        return
    if raw.lines:
        _lines(item)
        return
    if said_kind(item) in NO_CHOICES:
        return
    named = labelled(item.stem)
    if named is not None and _is_verdict(item) and not is_verdict_pair(named[1]):
        return
    if named is not None and named[0] and len(named[1]) > 1:
        item.stem, item.choices = (
            cells.without_worth(named[0]),
            [cells.one_line(choice) for choice in named[1]],
        )
        done.inline += 1


def _without_fillers(cells: list[str]) -> list[str]:
    """Return the cells of choices without the strokes that mean there is none."""
    filled = [text for text in cells if text]
    if filled and len(set(filled)) == 1 and len(filled) > 1 and filled[0] in {*_FILLERS, "无", "空"}:
        return []
    if sum(map(len, filled)) <= 2 * len(filled):
        return cells  # signs are what such an item asks for
    cells = list(cells)
    while cells and (not cells[-1] or cells[-1] in _FILLERS):
        cells.pop()
    return cells


def _scattered(item: ReadyItem) -> None:
    """Read choices of which some stand in columns and some in rows below; nothing may be left over."""
    named = labelled("\n".join([*filter(None, item.raw.choices), *item.raw.cells, *item.raw.lines]))
    if named is not None and not named[0]:
        item.choices = [cells.one_line(choice) for choice in named[1]]
    else:
        item.left_over = True


def _is_verdict(item: ReadyItem) -> bool:
    answer = bare(item.raw.answer)
    return said_kind(item) == ItemType.TRUE_FALSE or (
        truth_of(answer) is not None and letters_in(answer) is None and not answer[:1].isdigit()
    )


def _lines(item: ReadyItem) -> None:
    """Read what stands in rows below a stem: choices, with the rest of the stem before them."""
    text = "\n".join(item.raw.lines)
    named = labelled(text)
    if said_kind(item) in NO_CHOICES or (_is_verdict(item) and named is None):
        item.stem = cells.joined(f"{item.stem}\n{text}")
    elif named is None and (whole := labelled(f"{item.stem}\n{text}")) and whole[0]:
        item.stem, item.choices = whole[0], [cells.one_line(choice) for choice in whole[1]]
    elif named is not None:
        item.stem = cells.joined(f"{item.stem}\n{named[0]}") if named[0] else item.stem
        item.choices = [cells.one_line(choice) for choice in named[1]]
    elif len(item.raw.lines) > 1:
        item.choices = [cells.one_line(line) for line in item.raw.lines]
    elif several := split(text, separator_of([text])):
        item.choices = several
    else:
        item.stem = cells.joined(f"{item.stem}\n{text}")


def _behind_stems(done: ReadyTable, items: Sequence[ReadyItem]) -> None:
    """Read `stem&a&b`: what separates stem and choices must be the same in most of a table."""
    for separator in ("&", "$", "|", "｜", "#", "\n", "；", ";"):
        pieces = {place: split_by(one.stem, separator) for place, one in enumerate(items)}
        cut = {place: found for place, found in pieces.items() if 3 <= len(found) <= 9}
        fitting = {place: found for place, found in cut.items() if _answers(items[place], found[1:])}
        if len(fitting) < max(0.5 * len(cut), 1):
            continue
        for place, choices in fitting.items():
            items[place].stem = cells.without_worth(choices[0]).strip()
            items[place].choices = unlabelled([cells.one_line(piece) for piece in choices[1:]])
            done.inline += 1
        return


def _answers(item: ReadyItem, choices: Sequence[str]) -> bool:
    answer = item.raw.answer
    letters = letters_in(answer)
    if letters is not None:
        return ord(letters[-1]) - 65 < len(choices)
    sames = {cells.same(choice) for choice in choices}
    return cells.same(answer) in sames or all(
        cells.same(piece) in sames for piece in re.split(r"[&$|#;；,，、\n]", answer) if piece.strip()
    )


def prepare(records: Records) -> ReadyTable:
    """Return the items of a table with all their parts."""
    items = [_begin(raw) for raw in records.items]
    _number_off(items)
    done = ReadyTable(records, items)
    find_choices(done)
    for item in items:
        _key(item)
    if any(
        one.choices and 0 in (numbers_in(one.answer) or ()) and letters_in(one.answer) is None
        for one in items
    ):
        done.base = 0
    only = [
        (bool(numbers_in(one.answer)), find_key(one.answer, one.choices, done.base))
        for one in items
        if one.choices
    ]
    texts = sum(found.by_text and not number for number, found in only)
    places = sum(number and not found.by_text and not found.problem for number, found in only)
    done.prefer = "text" if texts and texts >= places else "place" if places and not texts else ""
    return done


def _begin(raw: SheetItem) -> ReadyItem:
    stem = cells.without_bullets(cells.joined(raw.stem))
    item = ReadyItem(raw, stem)
    _name(item)
    if leading_bracket := cells.leading_bracket(stem):
        item.bracket, item.stem = leading_bracket
        if numbered := cells.leading_number(item.stem):
            item.stem = numbered[1]
    return item


def _number_off(items: Sequence[ReadyItem]) -> None:
    """Take the numbers before the stems off, where they count; a stem may begin with a number of its own."""
    counted = [cells.leading_number(one.stem) for one in items]
    numbers = [found[0] for found in counted if found]
    steps = sum(b in {a + 1, 1} for a, b in pairwise(numbers))
    throughout = len(numbers) >= max(0.6 * len(items), 3) and steps >= 0.7 * (len(numbers) - 1)
    last = 0
    for place, (item, numbered) in enumerate(zip(items, counted, strict=True), 1):
        if numbered is None:
            continue
        number, rest = numbered
        loose = not rest[:1].isdigit()
        own = item.raw.number.removesuffix(".0").lstrip("0")
        here = loose and (str(number) == own or (len(items) < 4 and number == place))
        if here or (throughout and (loose or number in {last + 1, 1})):
            item.stem = rest
        last = number
    for item in items:
        _name(item)
        item.stem = cells.without_bullets(cells.without_worth(item.stem)).strip()


def _name(item: ReadyItem) -> None:
    """Take the type off that a stem begins with in brackets."""
    for find in (cells.leading_kind, cells.trailing_kind):
        named, rest = find(item.stem)
        if named and named_type(named):
            item.named, item.stem = named, cells.without_bullets(rest)


def _key(item: ReadyItem) -> None:
    raw = item.raw
    if raw.rights:
        flags = [truth_of(text) if text else False for text in raw.rights]
        pairs = [(text, flag) for text, flag in zip(raw.choices, flags, strict=True) if text]
        item.choices = unlabelled([cells.one_line(text) for text, _flag in pairs])
        if all(flag is not None for _text, flag in pairs):
            item.rights = "".join(chr(65 + n) for n, (_text, flag) in enumerate(pairs) if flag)
        else:
            item.rights = "?"
    item.answer = raw.answer.strip()
    item.in_stem = keys_in_stem(item.stem, item.choices)
