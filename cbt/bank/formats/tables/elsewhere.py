"""Keys on a sheet of their own: 序号 and 答案, for the items of another sheet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from cbt.bank.formats.tables.cells.columns import meant
from cbt.bank.formats.tables.rows.records import Records
from cbt.bank.formats.tables.rows.sheet import Page

_HEAD_WITHIN = 12


def keys_elsewhere(pages: Sequence[Page]) -> dict[str, str]:
    """Return the keys by number of the sheets that hold nothing else; none when a number is there twice."""
    pairs: list[tuple[str, str]] = []
    for page in pages:
        for row in range(min(len(page.rows), _HEAD_WITHIN)):
            fields = {meant(page.cell(row, column)): column for column in page.filled(row)}
            if {"number", "answer"} <= set(fields) and not {"stem", "choices", "choice_A"} & set(fields):
                rows = range(row + 1, len(page.rows))
                found = [(page.cell(r, fields["number"]), page.cell(r, fields["answer"])) for r in rows]
                pairs += [(_plain(number), key) for number, key in found if number and key]
                break
    numbers = Counter(number for number, _key in pairs)
    return dict(pairs) if numbers and max(numbers.values()) == 1 else {}


def bring_keys(found: Sequence[Records], keys: Mapping[str, str]) -> None:
    """Give items without any key the one of their number, when each number is one item's alone."""
    lacking = [one for one in found if one.items and not one.table.has("answer", "right", "blank_1")]
    items = [item for one in lacking for item in one.items]
    numbers = [_plain(item.number) for item in items]
    if not keys or len(set(numbers)) < len(numbers) or not all(number in keys for number in numbers):
        return
    for item, number in zip(items, numbers, strict=True):
        item.answer = keys[number]
    for one in lacking:
        one.keys_elsewhere = True


def _plain(number: str) -> str:
    return number.strip().removesuffix(".0").rstrip(".、．")
