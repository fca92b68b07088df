"""The choices of each item: in columns, in a cell, in rows below the stem, or behind it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cbt.bank.formats.tables.cells import dirt
from cbt.bank.formats.tables.cells.choices import labelled, separator_of, split, split_by, unlabelled
from cbt.bank.formats.tables.cells.keys import bare, letters_in
from cbt.bank.formats.tables.cells.kinds import is_verdict_pair
from cbt.bank.formats.tables.ready import ReadyItem, ReadyTable, said_kind
from cbt.bank.items.types.true_false.authoring import truth_of
from cbt.rules.items.values import ItemType

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
    for one in done.items:
        _choices_of(one, done)
    loose = [one for one in done.items if len(one.choices) > 1]
    if loose and sum(unlabelled(one.choices, loose=True) != one.choices for one in loose) >= 0.8 * len(loose):
        for one in loose:
            one.choices = unlabelled(one.choices, loose=True)
    _behind_stems(done, [one for one in plain if not one.choices])


def _choices_of(one: ReadyItem, done: ReadyTable) -> None:
    raw = one.raw
    filled = [dirt.one_line(text) for text in raw.choices]
    filled = _without_fillers(filled)
    if raw.lines and (any(filled) or raw.cells):
        _scattered(one)
        return
    if any(filled):
        if sum(map(bool, filled)) == 1 and (several := split("\n".join(raw.choices).strip(), "\n")):
            one.choices, done.split_cells = several, done.split_cells + 1
            return
        while filled and not filled[-1]:
            filled.pop()
        one.gap = filled.index("") if "" in filled else -1
        one.choices = unlabelled([text for text in filled if text]) if one.gap < 0 else filled
        return
    if raw.cells:
        text = "\n".join(raw.cells)
        if (several := split(text, done.separator)) is not None:
            one.choices, done.split_cells = several, done.split_cells + 1
        elif said_kind(one) in NO_CHOICES:
            return
        else:
            one.choices = [dirt.one_line(text)]
        return
    if raw.lines:
        _lines(one)
        return
    if said_kind(one) in NO_CHOICES:
        return
    named = labelled(one.stem)
    if named is not None and _is_verdict(one) and not is_verdict_pair(named[1]):
        return
    if named is not None and named[0] and len(named[1]) > 1:
        one.stem, one.choices = dirt.without_worth(named[0]), [dirt.one_line(choice) for choice in named[1]]
        done.inline += 1


def _without_fillers(cells: list[str]) -> list[str]:
    """Return the cells of choices without the strokes that mean there is none."""
    said = [text for text in cells if text]
    if said and len(set(said)) == 1 and len(said) > 1 and said[0] in {*_FILLERS, "无", "空"}:
        return []
    if sum(map(len, said)) <= 2 * len(said):
        return cells  # signs are what such an item asks for
    cells = list(cells)
    while cells and (not cells[-1] or cells[-1] in _FILLERS):
        cells.pop()
    return cells


def _scattered(one: ReadyItem) -> None:
    """Read choices of which some stand in columns and some in rows below; nothing may be left over."""
    named = labelled("\n".join([*filter(None, one.raw.choices), *one.raw.cells, *one.raw.lines]))
    if named is not None and not named[0]:
        one.choices = [dirt.one_line(choice) for choice in named[1]]
    else:
        one.left_over = True


def _is_verdict(one: ReadyItem) -> bool:
    """Return whether an item is answered by right or wrong, not by a letter."""
    answer = bare(one.raw.answer)
    return said_kind(one) == ItemType.TRUE_FALSE or (
        truth_of(answer) is not None and letters_in(answer) is None and not answer[:1].isdigit()
    )


def _lines(one: ReadyItem) -> None:
    """Read what stands in rows below a stem: choices, with the rest of the stem before them."""
    text = "\n".join(one.raw.lines)
    named = labelled(text)
    if said_kind(one) in NO_CHOICES or (_is_verdict(one) and named is None):
        one.stem = dirt.joined(f"{one.stem}\n{text}")
    elif named is None and (whole := labelled(f"{one.stem}\n{text}")) and whole[0]:
        one.stem, one.choices = whole[0], [dirt.one_line(choice) for choice in whole[1]]
    elif named is not None:
        one.stem = dirt.joined(f"{one.stem}\n{named[0]}") if named[0] else one.stem
        one.choices = [dirt.one_line(choice) for choice in named[1]]
    elif len(one.raw.lines) > 1:
        one.choices = [dirt.one_line(line) for line in one.raw.lines]
    elif several := split(text, separator_of([text])):
        one.choices = several
    else:
        one.stem = dirt.joined(f"{one.stem}\n{text}")


def _behind_stems(done: ReadyTable, items: Sequence[ReadyItem]) -> None:
    """Read `stem&a&b`: what separates stem and choices must be the same in most of a table."""
    for separator in ("&", "$", "|", "｜", "#", "\n", "；", ";"):
        pieces = {place: split_by(one.stem, separator) for place, one in enumerate(items)}
        cut = {place: found for place, found in pieces.items() if 3 <= len(found) <= 9}
        fitting = {place: found for place, found in cut.items() if _answers(items[place], found[1:])}
        if len(fitting) < max(0.5 * len(cut), 1):
            continue
        for place, found in fitting.items():
            items[place].stem = dirt.without_worth(found[0]).strip()
            items[place].choices = unlabelled([dirt.one_line(piece) for piece in found[1:]])
            done.inline += 1
        return


def _answers(one: ReadyItem, choices: Sequence[str]) -> bool:
    answer = one.raw.answer
    letters = letters_in(answer)
    if letters is not None:
        return ord(letters[-1]) - 65 < len(choices)
    known = {dirt.same(choice) for choice in choices}
    return dirt.same(answer) in known or all(
        dirt.same(piece) in known for piece in re.split(r"[&$|#;；,，、\n]", answer) if piece.strip()
    )
