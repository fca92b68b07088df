"""What no reply to a candidate's browser may hold: keys, explanations, unopened units, other people.

Source: R-44, I9.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

HIDDEN_NAMES = frozenset({"answer", "explanation", "difficulty", "point", "consistency", "item", "version"})
"""Names of an item's parts that are for the office only."""
_MARK = 16
_AUTHORED = ("stem", "choices", "lefts", "options", "steps", "stimulus", "title")
_PLAIN = frozenset("<>&\"'*`_|$\\\n")


@dataclass(frozen=True, slots=True)
class SecretTexts:
    """Texts to look for: the beginnings of explanations, and what names other people."""

    explanations: tuple[str, ...]
    others: tuple[str, ...]


def secret_texts(contents: Iterable[str], others: Sequence[str]) -> SecretTexts:
    """Return the texts one browser must never be sent, from the bank's contents and other people's marks.

    The beginning of an explanation that also stands in a stem tells nothing and is left out.
    """
    explanations, authored = [], []
    for text in contents:
        item = json.loads(text)
        for part in (item, *item.get("parts", ())):
            authored += [str(part.get(name, "")) for name in _AUTHORED]
            mark = str(part.get("explanation", ""))[:_MARK]
            if len(mark) == _MARK and not _PLAIN.intersection(mark):
                explanations.append(mark)
    open_texts = "\n".join(authored)
    return SecretTexts(
        tuple(mark for mark in dict.fromkeys(explanations) if mark not in open_texts), tuple(others)
    )


@cache
def _any_of(marks: tuple[str, ...]) -> re.Pattern[str]:
    # By how they begin: where a text goes on otherwise, none of those is tried.
    begun: dict[str, list[str]] = {}
    for mark in marks:
        begun.setdefault(mark[:1], []).append(re.escape(mark[1:]))
    found = (f"{re.escape(first)}(?:{'|'.join(rest)})" for first, rest in begun.items())
    return re.compile("|".join(found) or "(?!)")


def holds_any(text: str, marks: tuple[str, ...]) -> bool:
    """Return whether one of many marks stands in `text`, which is read once for all of them."""
    return _any_of(marks).search(text) is not None


def leaks(body: bytes, secrets: SecretTexts) -> list[str]:
    """Return what a reply holds that it must not; the text itself is not repeated."""
    text = body.decode("utf-8", "replace")
    try:
        reply = json.loads(text)
    except ValueError:
        found = []
    else:
        text = json.dumps(reply, ensure_ascii=False)
        found = list(_hidden(reply))
    for what, marks in (("an explanation", secrets.explanations), ("another candidate", secrets.others)):
        if holds_any(text, marks):
            found += [what for mark in marks if mark in text]
    return found


def _hidden(reply: Any) -> Iterator[str]:
    paper = reply.get("paper") if isinstance(reply, Mapping) else None
    if not isinstance(paper, Mapping):
        return
    for name in _names(paper):
        if name in HIDDEN_NAMES:
            yield f"the field {name}"
    locked = {unit["number"] for unit in paper["units"] if unit["state"] == "locked"}
    for item in paper["items"]:
        if item["unit"] in locked:
            yield "an item of a unit that is not open"


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield name
            yield from _names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _names(inner)
