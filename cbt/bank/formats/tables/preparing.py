"""Items with their stems, choices and keys told apart, as the table they stand in shows to be its way."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from cbt.bank.formats.tables.cells import dirt
from cbt.bank.formats.tables.cells.choices import unlabelled
from cbt.bank.formats.tables.cells.keys import find_key, keys_in_stem, letters_in, numbers_in
from cbt.bank.formats.tables.cells.kinds import named_type
from cbt.bank.formats.tables.choosing import find_choices
from cbt.bank.formats.tables.ready import ReadyItem, ReadyTable
from cbt.bank.formats.tables.rows.records import Records, SheetItem
from cbt.bank.items.types.true_false.authoring import truth_of


def prepare(records: Records) -> ReadyTable:
    """Return the items of a table with all their parts."""
    items = [_begin(raw) for raw in records.items]
    _number_off(items)
    done = ReadyTable(records, items)
    find_choices(done)
    for one in items:
        _key(one)
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
    stem = dirt.without_bullets(dirt.joined(raw.stem))
    one = ReadyItem(raw, stem)
    _name(one)
    if found := dirt.leading_bracket(stem):
        one.bracket, one.stem = found
        if numbered := dirt.leading_number(one.stem):
            one.stem = numbered[1]
    return one


def _number_off(items: Sequence[ReadyItem]) -> None:
    """Take the numbers before the stems off, where they count; a stem may begin with a number of its own."""
    counted = [dirt.leading_number(one.stem) for one in items]
    known = [found[0] for found in counted if found]
    steps = sum(b in {a + 1, 1} for a, b in pairwise(known))
    throughout = len(known) >= max(0.6 * len(items), 3) and steps >= 0.7 * (len(known) - 1)
    last = 0
    for place, (one, found) in enumerate(zip(items, counted, strict=True), 1):
        if found is None:
            continue
        number, rest = found
        loose = not rest[:1].isdigit()
        own = one.raw.number.removesuffix(".0").lstrip("0")
        here = loose and (str(number) == own or (len(items) < 4 and number == place))
        if here or (throughout and (loose or number in {last + 1, 1})):
            one.stem = rest
        last = number
    for one in items:
        _name(one)
        one.stem = dirt.without_bullets(dirt.without_worth(one.stem)).strip()


def _name(one: ReadyItem) -> None:
    """Take the type off that a stem begins with in brackets."""
    for find in (dirt.leading_kind, dirt.trailing_kind):
        named, rest = find(one.stem)
        if named and named_type(named):
            one.named, one.stem = named, dirt.without_bullets(rest)


def _key(one: ReadyItem) -> None:
    raw = one.raw
    if raw.rights:
        flags = [truth_of(text) if text else False for text in raw.rights]
        pairs = [(text, flag) for text, flag in zip(raw.choices, flags, strict=True) if text]
        one.choices = unlabelled([dirt.one_line(text) for text, _flag in pairs])
        if all(flag is not None for _text, flag in pairs):
            one.rights = "".join(chr(65 + n) for n, (_text, flag) in enumerate(pairs) if flag)
        else:
            one.rights = "?"
    one.answer = raw.answer.strip()
    one.in_stem = keys_in_stem(one.stem, one.choices)
