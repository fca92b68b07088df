"""Whether a file was read right: every item exactly, or what is missing asked about; else it is wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from cbt.bank.commands import understood
from cbt.errors import CbtError
from cbt.interchange import registry
from cbt.interchange.tables import pictured_reader
from cbt.spreadsheets.findings import Severity
from tests.bank.field.items import BLANK, Item
from tests.bank.field.making import Made

_EMPTY = re.compile(r"[（(][\s　]*[)）]|\{\{\d+\}\}|_{2,}")


@dataclass(slots=True)
class Verdict:
    """`outcome` is right, asked (an item is missing and said so), refused, or wrong."""

    outcome: str
    reasons: list[str] = field(default_factory=list)


def judge(made: Made) -> Verdict:
    """Read a file and hold it against its truth."""
    try:
        found = registry.read(made.content, made.name)
    except CbtError as error:
        return Verdict("refused", [str(error)])
    errors = [one for one in found.findings if one.severity is Severity.ERROR]
    said = [
        _plain(one["type"], one["stem"], tuple(one["choices"]), one["key"])
        for one in understood(found)["items"]
    ]
    truth = [_plain(one.type, one.stem, one.choices, one.key) for one in made.items]
    if not said:
        reasons = [f"{one.code} {one.place}" for one in errors[:2]]
        return Verdict("refused" if errors else "wrong", reasons or ["nothing was read, and nothing said"])
    expected = [one for one, item in zip(truth, made.items, strict=True) if item.stem not in made.asked]
    if said == expected and (len(errors) == len(made.asked)):
        return Verdict("right")
    strange = _strange(said, truth)
    asked = {_plain(one.type, one.stem, one.choices, one.key) for one in made.items if one.stem in made.asked}
    guessed = [one for one in said if one in asked]
    missing = len(truth) - len(said)
    if strange or guessed or missing > len(errors):
        reasons = [f"read {one}" for one in (strange or guessed)[:2]] or [
            f"{missing} missing, {len(errors)} errors"
        ]
        return Verdict("wrong", reasons)
    return Verdict("asked", [f"{one.code} {one.place} {one.value[:30]}" for one in errors[:3]])


def here(task: str, body: bytes, **options: object) -> bytes:
    """Read a file in this process: thousands of children would take longer than what they read."""
    assert task == "cbt.interchange.tables.pictured_reader:open_pictured"
    return pictured_reader.open_pictured(
        body, rows=int(str(options["rows"])), columns=int(str(options["columns"]))
    )


def _strange(said: list[tuple[object, ...]], truth: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """Return what was read and stands nowhere in the truth, in its order."""
    strange, at = [], 0
    for one in said:
        if one in truth[at:]:
            at = truth.index(one, at) + 1
        else:
            strange.append(one)
    return strange


def _plain(kind: object, stem: object, choices: tuple[str, ...], key: object) -> tuple[object, ...]:
    return (kind, _EMPTY.sub(BLANK, str(stem)), choices, key)


def whole(item: Item) -> tuple[object, ...]:
    """Return an item as it is compared."""
    return _plain(item.type, item.stem, item.choices, item.key)
