"""Fields of an item as its author writes them, and values of an answer as a page sends them.

A field that cannot be read is named; the refusal of an answer never repeats the answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from cbt.errors import InvalidInput
from cbt.rules.canonical import canonical_json
from cbt.rules.items.content import LETTERS

COMMON = frozenset({"type", "point", "difficulty", "consistency", "stem", "explanation", "enemies", "law"})
"""The fields an item of any type may have."""
MOST_PLACES = 60
"""Digits of a number, and places its point may be moved: more than any sum of an examination has."""
MOST_BLANK_DIGITS = 3
_BLANK = re.compile(r"\{\{(\d+)\}\}")


def common(data: Mapping[str, object]) -> dict[str, Any]:
    """Return what every item has beside its stem, by the names of `ItemContent`."""
    return {
        "point": text(data, "point", ""),
        "difficulty": scale(data, "difficulty", 3),
        "consistency": scale(data, "consistency", 5),
        "explanation": text(data, "explanation", ""),
        "enemies": texts(data, "enemies", ()),
        "law": text(data, "law", ""),
    }


def text(data: Mapping[str, object], field: str, default: str | None = None) -> str:
    """Return a text; one without a default must be there and say something."""
    value = data.get(field, default)
    if not isinstance(value, str):
        raise InvalidInput("item.missing" if value is None else "item.unreadable", field=field)
    if default is None and not value.strip():
        raise InvalidInput("item.missing", field=field)
    return value


def texts(data: Mapping[str, object], field: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
    """Return a list of texts; one without a default must be there."""
    value = data.get(field, default)
    if value is None:
        raise InvalidInput("item.missing", field=field)
    return strings(value, "item.unreadable", field)


def strings(value: object, code: str, field: str) -> tuple[str, ...]:
    """Return the texts of a list without the space around them, or raise InvalidInput `code`."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise InvalidInput(code, field=field)
    if not all(isinstance(text, str) and text.strip() for text in value):
        raise InvalidInput(code, field=field)
    return tuple(text.strip() for text in value)


def scale(data: Mapping[str, object], field: str, default: int) -> int:
    """Return a whole number from 1 to 5."""
    value = data.get(field, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 5:
        raise InvalidInput("item.scale", field=field)
    return value


def number(value: object) -> Decimal | None:
    """Return a number an author wrote as text or as a number, or None when it is none.

    Nor is it one with more than 60 places: 1e999999 is written in eight characters, and its digits fill a page.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    try:
        amount = Decimal(str(value).strip())
    except (InvalidOperation, ValueError):  # ValueError: an int of more digits than Python writes
        return None
    if not amount.is_finite():
        return None
    digits, exponent = amount.as_tuple().digits, int(amount.as_tuple().exponent)
    return amount if len(digits) <= MOST_PLACES and abs(exponent) <= MOST_PLACES else None


def blank_count(stem: str) -> int:
    """Count the blanks {{1}}, {{2}}, … of a stem, which must be numbered from 1 without a gap."""
    blank_numbers = _BLANK.findall(stem)
    if any(len(digits) > MOST_BLANK_DIGITS for digits in blank_numbers):
        raise InvalidInput("item.blanks", field="stem")
    numbers = sorted(map(int, blank_numbers))
    if not numbers or numbers != list(range(1, len(numbers) + 1)):
        raise InvalidInput("item.blanks", field="stem")
    return len(numbers)


def places(answer: object, among: tuple[str, ...], count: int) -> tuple[int, ...]:
    listed = strings(answer, "item.answer", "answer")
    if len(listed) != count or not set(listed) <= set(among):
        raise wrong_answer()
    return tuple(among.index(text) for text in listed)


def wrong_answer() -> InvalidInput:
    """Return the refusal of an answer the item cannot have; it never repeats the answer."""
    return InvalidInput("item.answer", field="answer")


def letters(value: object, shown: int, *, most: int) -> str:
    """Return at most `most` letters of displayed places, in order."""
    if not isinstance(value, str) or len(value) > most:
        raise refused()
    if len(set(value)) != len(value) or not set(value) <= set(LETTERS[:shown]):
        raise refused()
    return "".join(sorted(value))


def choice(value: object, shown: int, *, most: int) -> str:
    """Return the canonical JSON of at most `most` letters."""
    if not isinstance(value, str) or len(value) > most:
        raise refused()
    return _choice_text(value, shown, most)


@lru_cache(maxsize=4096)
def _choice_text(value: str, shown: int, most: int) -> str:
    return canonical_json(letters(value, shown, most=most))  # most answers of an exam are one of few


def is_place(number: object, last: int) -> bool:
    """Return whether a value is a displayed number, from 1."""
    return isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= last


def nonblank(value: object, longest: int) -> str | None:
    """Return the canonical JSON of a text, or None when there is nothing to see in it."""
    text = storable(value, longest)
    return canonical_json(text) if text.strip() else None


def storable(value: object, longest: int) -> str:
    """Return a text both databases can hold: no NUL (PostgreSQL refuses it), no half of a surrogate pair."""
    if not isinstance(value, str) or len(value) > longest or "\0" in value:
        raise refused()
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise refused()
    return value


def refused() -> InvalidInput:
    """Return the refusal of what no page of ours sends."""
    return InvalidInput("answer.invalid")
