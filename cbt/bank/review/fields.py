"""Fields of a version as text by their places, and the word-by-word difference of two versions."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask_babel import gettext as _

from cbt.rules.items.content import ItemType

ORDER = (
    "type", "point", "unit", "difficulty", "title", "stimulus", "stem", "choices", "blanks", "answer", "pairs",
    "extra_options", "steps", "word_bank", "decimals", "tolerance", "compute", "limit", "points", "explanation",
    "rubric", "picture", "alt", "size", "regions", "spots", "marks", "law", "enemies", "consistency",
)  # fmt: skip
"""How a person reads an item, from the top; what is not named here follows by name."""
_UNSAID = {"difficulty": 3, "consistency": 5}
"""What holds where a version says nothing of it: to say it is no change."""
LONGEST_TOKENS = 4000
_SHAPES = {"rect": "□", "circle": "○", "polygon": "△"}
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
    data = json.loads(content)
    whole = {**_UNSAID, **data} if "type" in data else data  # an item, not some fields of one
    return dict(_fields(whole, ""))


def places_of(content: str) -> list[str]:
    return list(fields_of(content))


def _fields(data: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    rank = {name: number for number, name in enumerate(ORDER)}
    for name in sorted((key for key in data if key != "parts"), key=lambda key: (rank.get(key, 99), key)):
        value = data[name]
        if name == "picture" and isinstance(value, str):
            value = _picture(value)
        elif name == "size" and isinstance(value, list):
            value = " × ".join(map(str, value))
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
    if isinstance(value, list) and all(isinstance(one, dict) for one in value):
        return "\n".join(map(_line, value))
    if isinstance(value, list) and all(isinstance(one, int) for one in value):
        return ", ".join(map(str, value))
    return json.dumps(value, ensure_ascii=False)


def _line(entry: Mapping[str, Any]) -> str:
    """Return a line of a rubric, a point of a picture, a region: what a form asks for in one row."""
    if set(entry) == {"points", "text"}:
        return f"+{entry['points']}　{entry['text']}"
    if set(entry) == {"at", "name"}:
        return f"{_numbers(entry['at'])}　{entry['name']}"
    if len(entry) == 1 and (shape := next(iter(entry))) in _SHAPES:
        return f"{_SHAPES[shape]}　{_numbers(entry[shape])}"
    return json.dumps(entry, ensure_ascii=False)


def _numbers(value: Any) -> str:
    flat = json.dumps(value)
    return flat.replace("[", "").replace("]", "")


def _picture(value: str) -> str:
    """Return what tells one picture from another: its kind, its size, the head of its digest."""
    head, _comma, body = value.partition(",")
    kind = head.partition("/")[2].partition(";")[0].upper()
    digest = hashlib.sha256(value.encode()).hexdigest()[:8]
    return f"{kind} {len(body) * 3 // 4096} KB ({digest})" if body and kind else value


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
    old_words, other = _WORDS.findall(old), _WORDS.findall(new)
    if len(old_words) + len(other) > LONGEST_TOKENS:
        return [DiffSpan("gone", old), DiffSpan("new", new)]
    diff_spans: list[DiffSpan] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(a=old_words, b=other, autojunk=False).get_opcodes():
        if kind == "equal":
            diff_spans.append(DiffSpan("same", "".join(old_words[a:b])))
            continue
        if a < b:
            diff_spans.append(DiffSpan("gone", "".join(old_words[a:b])))
        if c < d:
            diff_spans.append(DiffSpan("new", "".join(other[c:d])))
    return diff_spans


_KEYS = {"true": "bank.key.true", "false": "bank.key.false"}


def told(change: FieldChange) -> FieldChange:
    """Return a change with its types and verdicts in the language of this request."""
    last = change.place.rpartition(".")[2]
    if last not in {"type", "answer"}:
        return change
    return replace(change, spans=[DiffSpan(span.kind, _value_text(last, span.text)) for span in change.spans])


def shown_fields(content: str) -> dict[str, str]:
    """Return each field of a version by its place, in the language of this request."""
    fields = fields_of(content)
    return {place: _value_text(place.rpartition(".")[2], text) for place, text in fields.items()}


def _value_text(last: str, text: str) -> str:
    if last == "type" and text in list(ItemType):
        return str(_(f"bank.type.{text}"))
    return str(_(_KEYS[text])) if last == "answer" and text in _KEYS else text
