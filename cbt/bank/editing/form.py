"""What an editor's form sends, as an author's words: the one way from fields to the content of an item."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol

from cbt.bank.items.types.registry import AUTHORING
from cbt.errors import InvalidInput
from cbt.rules.canonical import canonical_json
from cbt.rules.items.short_answer import USUAL, one_break
from cbt.rules.items.values import ItemType

MOST_PARTS = 40
MOST_ROWS = 60
LONGEST = 40_000
"""Characters of one field: longer than anything a candidate could read."""
_BETWEEN = re.compile(r"[\s,，、;；]+")
_NUMBER = re.compile(r"-?[0-9]{1,9}")
_UNSAID = {
    "difficulty": "3", "consistency": "5", "decimals": "0", "tolerance": "0", "marks": "1", "limit": str(USUAL),
}  # fmt: skip
"""What holds where an author says nothing."""


class FormFields(Protocol):
    """The fields of a request."""

    def getlist(self, key: str) -> list[str]:
        """Return everything that was sent under a name."""


class SentFields:
    """The fields of one item, or with a prefix those of one part; its methods are those of `authoring.Sent`."""

    def __init__(self, form: FormFields, prefix: str = "") -> None:
        self._form, self._prefix = form, prefix

    def text(self, name: str) -> str:
        """Return a text without the space around it."""
        return next(iter(self.texts(name)), "").strip()

    def texts(self, name: str) -> list[str]:
        """Return the rows of a list; raise InvalidInput("editing.too_much") for more than a page sends."""
        rows = self._form.getlist(self._prefix + name)
        if len(rows) > MOST_ROWS or any(len(text) > LONGEST for text in rows):
            raise InvalidInput("editing.too_much", field=self._prefix + name, most=LONGEST, rows=MOST_ROWS)
        return [one_break(text) for text in rows]

    def lines(self, name: str) -> list[str]:
        """Return the lines of a text that say something."""
        return [line.strip() for line in self.text(name).split("\n") if line.strip()]

    def marked(self, name: str) -> list[int]:
        """Return the places of the rows that are marked."""
        return sorted({int(place) for place in self.texts(name) if _NUMBER.fullmatch(place)})

    def number(self, name: str) -> int | str:
        """Return a whole number, or what stands there instead."""
        text = self.text(name)
        return int(text) if _NUMBER.fullmatch(text) else text

    def parts(self) -> list[dict[str, Any]]:
        """Return the parts of a case."""
        if self._form.getlist(f"{self._prefix}parts.{MOST_PARTS + 1}.type"):
            raise InvalidInput("editing.too_much", field="parts", most=LONGEST, rows=MOST_PARTS)
        kinds = [self._form.getlist(f"{self._prefix}parts.{n}.type") for n in range(1, MOST_PARTS + 1)]
        return [
            _part(SentFields(self._form, f"{self._prefix}parts.{n}."), kind[0])
            for n, kind in enumerate(kinds, 1)
            if kind and kind[0] in AUTHORING and kind[0] != ItemType.CASE
        ]


def read_form(form: FormFields, kind: str) -> dict[str, Any]:
    """Return the content of an item of a type as its editor's form says it, without what is empty."""
    sent = SentFields(form)
    common = {
        "law": sent.text("law"),
        "enemies": [ref for ref in _BETWEEN.split(sent.text("enemies")) if ref],
    }
    return without_empty({**_common(sent, kind), **common, "consistency": sent.number("consistency")})


def _part(sent: SentFields, kind: str) -> dict[str, Any]:
    return without_empty({**_common(sent, kind), "points": sent.text("points")})


def _common(sent: SentFields, kind: str) -> dict[str, Any]:
    return {
        "type": kind,
        "point": sent.text("point"),
        "difficulty": sent.number("difficulty"),
        "stem": sent.text("stem"),
        "explanation": sent.text("explanation"),
        **AUTHORING[kind].from_form(sent),
    }


def without_empty(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a content without the fields that say nothing; an answer that says no says something."""
    return {name: value for name, value in data.items() if not _is_empty(name, value)}


def _is_empty(name: str, value: Any) -> bool:
    return value is None or value in ("", []) or (value is False and name != "answer")


def blank_item(kind: str, *, point: str = "") -> dict[str, Any]:
    """Return what the form of a new item begins with."""
    return {"type": kind, "point": point, "difficulty": 3, "consistency": 5, **AUTHORING[kind].blank()}


def blank_part(kind: str, *, point: str) -> dict[str, Any]:
    """Return what the form of a new part begins with."""
    return {"type": kind, "point": point, "difficulty": 3, "points": "", **AUTHORING[kind].blank()}


def says_the_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether two contents mean the same, however numbers and empty fields are written in them."""
    return canonical_json(_plain(one)) == canonical_json(_plain(other))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        kept = {name: _plain(one) for name, one in value.items() if not _is_empty(name, one)}
        return {name: one for name, one in kept.items() if _UNSAID.get(name) != one}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value if isinstance(value, bool) else str(value).strip()
