"""The fields of a version as people name places in it, and what two versions say in each."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ORDER = (
    "type", "point", "unit", "difficulty", "title", "stimulus", "stem", "choices", "blanks", "answer", "pairs",
    "extra_options", "steps", "word_bank", "decimals", "tolerance", "compute", "limit", "points", "explanation",
    "law", "enemies", "consistency",
)  # fmt: skip
"""How a person reads an item, from the top; what is not named here follows by name."""
LONGEST_TOKENS = 4000
_HIDDEN = {"picture"}
_WORDS = re.compile(r"[A-Za-z0-9]+|\s+|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class DiffSpan:
    """A run of words of a change: "same", "gone" or "new"."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class FieldChange:
    """What became of one field between two versions."""

    place: str
    spans: list[DiffSpan]


def fields_of(content: str) -> dict[str, str]:
    """Return each field of a version as text by its place (`choices.2`, `parts.1.answer`), in reading order."""
    return dict(_fields(json.loads(content), ""))


def places_of(content: str) -> list[str]:
    """Return the places of a version that can be remarked on."""
    return list(fields_of(content))


def _fields(data: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    rank = {name: number for number, name in enumerate(ORDER)}
    for name in sorted((key for key in data if key != "parts"), key=lambda key: (rank.get(key, 99), key)):
        value = data[name]
        if name in _HIDDEN and isinstance(value, str):
            value = f"…{value[-12:]}"
        if name in {"choices", "steps"} and isinstance(value, Sequence) and not isinstance(value, str):
            yield from ((f"{prefix}{name}.{number}", _said(one)) for number, one in enumerate(value, 1))
        else:
            yield f"{prefix}{name}", _said(value)
    for number, part in enumerate(data.get("parts", ()), 1):
        yield from _fields(part, f"{prefix}parts.{number}.")


def _said(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "√" if value else "×"
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return "\n".join(value)
    if isinstance(value, list) and all(isinstance(one, list) for one in value):
        return "\n".join(" / ".join(map(_said, one)) for one in value)
    return json.dumps(value, ensure_ascii=False)


def changes(before: str, after: str) -> list[FieldChange]:
    """Return the fields in which two versions differ, in reading order, each word by word."""
    old, new = fields_of(before), fields_of(after)
    order = [*new, *(place for place in old if place not in new)]
    return [
        FieldChange(place, spans(old.get(place, ""), new.get(place, "")))
        for place in order
        if old.get(place) != new.get(place)
    ]


def spans(old: str, new: str) -> list[DiffSpan]:
    """Return how a text became another, word by word; of texts without end only that they differ."""
    one, other = _WORDS.findall(old), _WORDS.findall(new)
    if len(one) + len(other) > LONGEST_TOKENS:
        return [DiffSpan("gone", old), DiffSpan("new", new)]
    found: list[DiffSpan] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(a=one, b=other, autojunk=False).get_opcodes():
        if kind == "equal":
            found.append(DiffSpan("same", "".join(one[a:b])))
            continue
        if a < b:
            found.append(DiffSpan("gone", "".join(one[a:b])))
        if c < d:
            found.append(DiffSpan("new", "".join(other[c:d])))
    return found
