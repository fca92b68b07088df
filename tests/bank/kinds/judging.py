"""What becomes of a file: right after at most one answer, told that it is not, or wrong without a word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from cbt.bank.commands import understood
from cbt.errors import CbtError
from cbt.interchange import registry
from cbt.items.draft import Inferred, Reading
from cbt.spreadsheets.findings import Severity
from tests.bank.field_texts.making import plain
from tests.bank.field_texts.truth import Item

RIGHT, ANSWERED, TOLD, SILENT = "right", "answered", "told", "silent"
Compared = tuple[object, ...]


@dataclass(frozen=True)
class Verdict:
    """What became of a file, how many of its items were right at best, and why it is not right."""

    outcome: str
    items: int
    why: str = ""


def judge(name: str, content: bytes, items: list[Item]) -> Verdict:
    """Read a file as it is, then with every single answer that can be given, and hold it against its truth."""
    wanted = [_compared(item) for item in items]
    try:
        reading = registry.read(content, name)
    except CbtError as error:
        return Verdict(TOLD if items else RIGHT, 0, f"refused {error.code} {error.params}"[:200])
    got, doubts = _items(reading), [one for one in reading.inferred if one.open]
    if got == wanted and not doubts:
        return Verdict(RIGHT, len(wanted))
    best = _same(got, wanted)
    for question, answer in _answers(reading):
        try:
            again = registry.read(content, name, {question.name: answer})
        except CbtError:
            continue
        if any(one.open for one in again.inferred):
            continue
        if _items(again) == wanted:
            return Verdict(ANSWERED, len(wanted), f"{question.code}={answer}")
        best = max(best, _same(_items(again), wanted))
    errors = sorted({one.code for one in reading.findings if one.severity is Severity.ERROR})
    strange = [one for one in got if one not in wanted]
    missing = [one for one in wanted if one not in got]
    silent = not doubts and not errors
    why = f"{[one.code for one in doubts]} {errors} read {strange[:1]} not {missing[:1]} {len(got)}/{len(wanted)}"
    return Verdict(SILENT if silent else TOLD, best, why)


def _answers(reading: Reading) -> Iterator[tuple[Inferred, str]]:
    asked = [one for one in reading.inferred if one.open] or reading.inferred
    for question in asked:
        for answer in question.choices:
            if answer and answer != question.value:
                yield question, answer


def _items(reading: Reading) -> list[Compared]:
    return [
        plain(one["type"], one["stem"], one["choices"], one["key"]) for one in understood(reading)["items"]
    ]


def _compared(item: Item) -> Compared:
    return plain(item.type, item.stem, item.choices, item.key)


def _same(got: list[Compared], wanted: list[Compared]) -> int:
    return (Counter(map(str, got)) & Counter(map(str, wanted))).total()
