"""Answers as they come in from a candidate's browser: displayed places and texts, so no key is needed here."""

from __future__ import annotations

from functools import lru_cache

from cbt.errors import InvalidInput
from cbt.rules.canonical import canonical_json
from cbt.rules.items.values import LETTERS


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
